"""What only a render farm knows of its tasks, workers and files, keyed by the engine's ids.

flamenco_task.log_from: number of the first part of output that counts; log_read: of the last one
that the parser has seen, with what it remembers in parser_state. aborted: the program was killed,
and the task is ready again. flamenco_file: what is stored below the folder of files; `place` is
the name there. flamenco_number: the last number given out of a kind, a row to lock as well.

Submitters of renders give priorities of more than 32 bits, which SQLite holds as it is.

The indexes on `task` hold tasks of the farm, or of no job, alone: a claim of any other pays nothing
for them.
"""

from app.data.schema import statements

UP = """
{wide_priority};

CREATE TABLE flamenco_task (
  task_id BIGINT PRIMARY KEY,
  job_id BIGINT NOT NULL,
  submitter_id BIGINT,
  type TEXT NOT NULL,
  parser TEXT,
  format TEXT NOT NULL DEFAULT '',
  child_id BIGINT,
  frame_start BIGINT,
  frame_end BIGINT,
  frame_current BIGINT,
  aborted INTEGER NOT NULL DEFAULT 0,
  progress DOUBLE PRECISION NOT NULL DEFAULT 0,
  eta BIGINT,
  time_cost BIGINT,
  activity TEXT,
  log_from INTEGER NOT NULL DEFAULT 1,
  log_read INTEGER NOT NULL DEFAULT 0,
  parser_state TEXT,
  updated_at BIGINT NOT NULL,
  touched_at BIGINT
);
CREATE INDEX flamenco_task_job ON flamenco_task (job_id, task_id);
CREATE INDEX flamenco_task_type ON flamenco_task (type, task_id);
CREATE INDEX flamenco_task_submitter ON flamenco_task (submitter_id, task_id)
  WHERE submitter_id IS NOT NULL;
CREATE INDEX flamenco_task_aborted ON flamenco_task (task_id) WHERE aborted = 1;

CREATE INDEX task_farm ON task (state, id) WHERE queue >= 'flamenco/' AND queue < 'flamenco0';
CREATE INDEX task_farm_group ON task (id)
  WHERE queue >= 'flamenco/' AND queue < 'flamenco0' AND kind = 'composite';
CREATE INDEX task_farm_worker ON task (worker_id, id)
  WHERE queue >= 'flamenco/' AND queue < 'flamenco0' AND worker_id IS NOT NULL;
CREATE INDEX task_member ON task (parent_id, state, id)
  WHERE parent_id IS NOT NULL AND job_id IS NULL;
CREATE INDEX task_need_task ON task_need (task_id);

CREATE TABLE flamenco_worker (
  worker_id BIGINT PRIMARY KEY,
  hostname TEXT NOT NULL,
  address TEXT NOT NULL,
  port INTEGER NOT NULL,
  mac TEXT,
  system TEXT NOT NULL DEFAULT '',
  disabled INTEGER NOT NULL DEFAULT 0,
  busy INTEGER NOT NULL DEFAULT 0,
  online INTEGER NOT NULL DEFAULT 1,
  activity TEXT,
  log TEXT,
  time_cost BIGINT,
  frequent TEXT NOT NULL DEFAULT '{empty}',
  less_frequent TEXT NOT NULL DEFAULT '{empty}',
  seen_at BIGINT NOT NULL
);
CREATE INDEX flamenco_worker_host ON flamenco_worker (hostname, port, worker_id);
CREATE INDEX flamenco_worker_address ON flamenco_worker (address);
CREATE INDEX flamenco_worker_seen ON flamenco_worker (seen_at) WHERE online = 1;

CREATE TABLE flamenco_setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE flamenco_file (
  kind TEXT NOT NULL,
  owner BIGINT NOT NULL,
  place TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL,
  stored_at BIGINT NOT NULL,
  PRIMARY KEY (kind, owner)
){without_rowid};
CREATE UNIQUE INDEX flamenco_file_place ON flamenco_file (place);

CREATE TABLE flamenco_support (
  job_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  contents TEXT NOT NULL,
  PRIMARY KEY (job_id, name)
){without_rowid};

CREATE TABLE flamenco_number (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
)
"""


def up(migrator: object, db: object) -> None:
    """Create the tables and indexes."""
    del migrator
    for statement in statements(UP.replace("{empty}", "{}"), db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
