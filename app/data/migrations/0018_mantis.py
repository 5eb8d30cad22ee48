"""When services were ready, and what only the Mantis dialect knows of its clusters and jobs.

task.ready_at: when a service was ready; NULL until then and of every other task.
mantis_cluster.about, mantis_job.about: JSON of what is only shown. mantis_job has what lists sort
and filter by. mantis_watch: jobs that the ticker looks at, there while they are open.
mantis_gone: groups of deleted clusters whose jobs are still to be deleted.
"""

from app.data.schema import statements

UP = """
ALTER TABLE task ADD COLUMN ready_at BIGINT;
CREATE INDEX job_open_group ON job (group_id, state)
  WHERE ended_at IS NULL AND group_id IS NOT NULL;

CREATE TABLE mantis_cluster (
  group_id BIGINT PRIMARY KEY,
  name TEXT {bytewise} NOT NULL,
  version BIGINT NOT NULL DEFAULT 1,
  holder TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  job_master INTEGER NOT NULL DEFAULT 0,
  sla_min INTEGER NOT NULL DEFAULT 0,
  sla_max INTEGER NOT NULL DEFAULT 0,
  headroom INTEGER NOT NULL DEFAULT 3,
  cron TEXT,
  cron_policy TEXT NOT NULL DEFAULT 'KEEP_EXISTING',
  cron_active INTEGER NOT NULL DEFAULT 0,
  schedule_id TEXT,
  latest_version TEXT {bytewise} NOT NULL,
  last_number BIGINT NOT NULL DEFAULT 0,
  jars TEXT NOT NULL,
  about TEXT NOT NULL
);
CREATE UNIQUE INDEX mantis_cluster_name ON mantis_cluster (name);
CREATE INDEX mantis_cluster_sla ON mantis_cluster (group_id)
  WHERE disabled = 0 AND (sla_min > 0 OR sla_max > 0);

CREATE TABLE mantis_job (
  job_id TEXT PRIMARY KEY,
  group_id BIGINT NOT NULL,
  cluster TEXT {bytewise} NOT NULL,
  number BIGINT NOT NULL,
  submitted_at BIGINT NOT NULL,
  submitter TEXT {bytewise} NOT NULL,
  jar_url TEXT {bytewise} NOT NULL,
  version TEXT {bytewise} NOT NULL,
  duration_type TEXT NOT NULL,
  unique_type TEXT NOT NULL DEFAULT '',
  stages INTEGER NOT NULL,
  workers INTEGER NOT NULL,
  cpus DOUBLE PRECISION NOT NULL,
  memory DOUBLE PRECISION NOT NULL,
  heartbeat_s BIGINT NOT NULL DEFAULT 0,
  timeout_s BIGINT NOT NULL DEFAULT 0,
  subscription_s BIGINT NOT NULL DEFAULT 0,
  about TEXT NOT NULL
);
CREATE UNIQUE INDEX mantis_job_number ON mantis_job (group_id, number);
CREATE INDEX mantis_job_order ON mantis_job (submitted_at, number);

CREATE TABLE mantis_label (
  job_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (job_id, name)
){without_rowid};
CREATE INDEX mantis_label_name ON mantis_label (name, job_id);

CREATE TABLE mantis_worker (
  task_id BIGINT PRIMARY KEY,
  job_id TEXT NOT NULL,
  heartbeat_at BIGINT,
  starting_at BIGINT
);
CREATE INDEX mantis_worker_job ON mantis_worker (job_id);

CREATE TABLE mantis_watch (
  job_id TEXT PRIMARY KEY,
  runtime_us BIGINT NOT NULL DEFAULT 0,
  min_runtime_us BIGINT NOT NULL DEFAULT 0,
  subscription_us BIGINT NOT NULL DEFAULT 0,
  tolerance_us BIGINT NOT NULL DEFAULT 0,
  outside INTEGER NOT NULL DEFAULT 0,
  seen_at BIGINT NOT NULL DEFAULT 0,
  subscribed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE mantis_audit (
  id {identity},
  group_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL,
  job TEXT,
  reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX mantis_audit_group ON mantis_audit (group_id, id);

CREATE TABLE mantis_gone (
  group_id BIGINT PRIMARY KEY
);

CREATE TABLE mantis_pool (
  name TEXT PRIMARY KEY,
  place INTEGER NOT NULL
);
"""


def up(migrator: object, db: object) -> None:
    """Add the column and create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
