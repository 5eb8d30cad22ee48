"""The engine's tables.

Ids that go out to clients rise and are never used twice: identity columns on PostgreSQL,
AUTOINCREMENT on SQLite. Instants are microseconds in big integers. JSON is text: it is stored for
clients as they gave it, and never searched.

A claim costs what its commit writes, and on SQLite that is a page for each index it touches. So
the leases that stand, never more than the workers' slots, have one index: who looks for those that
ran out reads all of it. Events have none on SQLite, where their ids are the commit order; age
follows that order, near enough for pruning, which never takes the newest and so needs no
AUTOINCREMENT for ids that only rise.
"""

from app.data.schema import statements

UP = """
CREATE TABLE job (
  id TEXT PRIMARY KEY,
  dialect TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  spec TEXT NOT NULL,
  state_data TEXT NOT NULL DEFAULT '{}',
  tags TEXT NOT NULL DEFAULT '[]',
  result TEXT,
  error TEXT,
  progress DOUBLE PRECISION NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0,
  task_count INTEGER NOT NULL DEFAULT 0,
  tasks_total INTEGER NOT NULL DEFAULT 0,
  tasks_open INTEGER NOT NULL DEFAULT 0,
  tasks_failed INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  created_by TEXT,
  parent_task_id BIGINT,
  group_id BIGINT,
  schedule_id TEXT,
  fire_at BIGINT,
  pool TEXT,
  holds_slot INTEGER NOT NULL DEFAULT 0,
  unique_key TEXT,
  created_at BIGINT NOT NULL,
  scheduled_at BIGINT,
  started_at BIGINT,
  ended_at BIGINT,
  delete_after_us BIGINT,
  delete_at BIGINT
);
CREATE INDEX job_recent ON job (dialect, created_at DESC, id DESC);
CREATE INDEX job_open ON job (state, created_at) WHERE ended_at IS NULL;
CREATE INDEX job_slot ON job (pool) WHERE holds_slot = 1;
CREATE INDEX job_parent ON job (parent_task_id) WHERE parent_task_id IS NOT NULL;
CREATE INDEX job_child_open ON job (parent_task_id)
  WHERE parent_task_id IS NOT NULL AND ended_at IS NULL;
CREATE INDEX job_by_group ON job (group_id, created_at) WHERE group_id IS NOT NULL;
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_delete ON job (delete_at) WHERE delete_at IS NOT NULL;
CREATE UNIQUE INDEX job_firing ON job (schedule_id, fire_at) WHERE schedule_id IS NOT NULL;
CREATE UNIQUE INDEX job_unique ON job (dialect, unique_key) WHERE unique_key IS NOT NULL;

CREATE TABLE job_tag (
  tag TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (tag, job_id)
);
CREATE INDEX job_tag_job ON job_tag (job_id);

CREATE TABLE task (
  id {identity},
  public_id TEXT,
  job_id TEXT,
  group_id BIGINT,
  parent_id BIGINT,
  queue TEXT {bytewise} NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'work',
  state TEXT NOT NULL,
  position INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  payload TEXT NOT NULL DEFAULT '{}',
  result TEXT,
  error TEXT,
  progress DOUBLE PRECISION NOT NULL DEFAULT 0,
  number INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  losses INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 1,
  max_losses INTEGER NOT NULL DEFAULT 5,
  retry_delay_us BIGINT NOT NULL DEFAULT 0,
  retry_factor DOUBLE PRECISION NOT NULL DEFAULT 1,
  verifications INTEGER NOT NULL DEFAULT 1,
  needs INTEGER NOT NULL DEFAULT 0,
  children INTEGER NOT NULL DEFAULT 0,
  children_open INTEGER NOT NULL DEFAULT 0,
  unique_key TEXT,
  lease_us BIGINT,
  leased_until BIGINT,
  worker_id BIGINT,
  starts_job_id TEXT,
  due_at BIGINT,
  created_at BIGINT NOT NULL,
  queued_at BIGINT,
  started_at BIGINT,
  ended_at BIGINT
);
CREATE INDEX task_ready ON task (queue, priority DESC, id) WHERE state = 'QUEUED';
CREATE INDEX task_held ON task (worker_id, leased_until) WHERE leased_until IS NOT NULL;
CREATE INDEX task_due ON task (due_at) WHERE state = 'CREATED' AND due_at IS NOT NULL;
CREATE INDEX task_job ON task (job_id, position, id) WHERE job_id IS NOT NULL;
CREATE INDEX task_starter ON task (id) WHERE kind = 'job' AND state = 'RUNNING';
CREATE INDEX task_parent ON task (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX task_public ON task (public_id) WHERE public_id IS NOT NULL;
CREATE UNIQUE INDEX task_unique ON task (queue, unique_key) WHERE unique_key IS NOT NULL;

CREATE TABLE task_need (
  task_id BIGINT NOT NULL,
  needs_id BIGINT NOT NULL,
  PRIMARY KEY (needs_id, task_id)
);

CREATE TABLE attempt (
  task_id BIGINT NOT NULL,
  number INTEGER NOT NULL,
  worker_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  leased_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  error TEXT,
  verification BIGINT,
  PRIMARY KEY (task_id, number)
){without_rowid};

CREATE TABLE worker (
  id {identity},
  dialect TEXT NOT NULL,
  kind TEXT NOT NULL,
  public_id TEXT NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'UP',
  active INTEGER NOT NULL DEFAULT 1,
  hostname TEXT NOT NULL DEFAULT '',
  instance TEXT NOT NULL DEFAULT '',
  queues TEXT NOT NULL DEFAULT '{}',
  cpu_percent DOUBLE PRECISION NOT NULL DEFAULT 0,
  port INTEGER NOT NULL DEFAULT 0,
  version TEXT NOT NULL DEFAULT '',
  data TEXT NOT NULL DEFAULT '{}',
  started_at BIGINT NOT NULL,
  heartbeat_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX worker_public ON worker (public_id);
CREATE INDEX worker_active ON worker (heartbeat_at) WHERE active = 1;
CREATE INDEX worker_instance ON worker (instance) WHERE active = 1;

CREATE TABLE job_group (
  id {identity},
  dialect TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  max_running INTEGER,
  data TEXT NOT NULL DEFAULT '{}',
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_group_name ON job_group (dialect, name);

CREATE TABLE schedule (
  id TEXT PRIMARY KEY,
  dialect TEXT NOT NULL,
  name TEXT NOT NULL,
  group_id BIGINT,
  cron TEXT NOT NULL,
  form TEXT NOT NULL,
  zone TEXT NOT NULL DEFAULT 'UTC',
  state TEXT NOT NULL,
  overlap TEXT NOT NULL DEFAULT 'allow',
  missed TEXT NOT NULL DEFAULT 'skip',
  template TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  next_fire_at BIGINT,
  last_fire_at BIGINT
);
CREATE INDEX schedule_next ON schedule (next_fire_at) WHERE next_fire_at IS NOT NULL;
CREATE INDEX schedule_recent ON schedule (dialect, created_at DESC, id DESC);

CREATE TABLE pool (
  name TEXT PRIMARY KEY,
  max_running INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE waiting (
  id {identity},
  pool TEXT NOT NULL,
  job_id TEXT NOT NULL,
  admitted INTEGER NOT NULL DEFAULT 0,
  joined_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX waiting_job ON waiting (job_id);
CREATE INDEX waiting_pool ON waiting (pool, id);

CREATE TABLE leader (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until BIGINT NOT NULL
);

CREATE TABLE event (
  id {event_identity},
  tx BIGINT NOT NULL DEFAULT {transaction_id},
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  dialect TEXT NOT NULL,
  job_id TEXT,
  task_id BIGINT,
  data TEXT
);
{event_order};

CREATE TABLE mark (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
"""


def up(migrator: object, db: object) -> None:
    """Create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
