"""Messages to others that wait to be sent, and which jobs have any."""

from app.data.schema import statements

UP = """
ALTER TABLE job ADD COLUMN watches TEXT;
ALTER TABLE task ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;
CREATE TABLE delivery (
  id {identity},
  channel TEXT NOT NULL,
  dialect TEXT NOT NULL,
  job_id TEXT,
  watch INTEGER NOT NULL,
  about TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX delivery_channel ON delivery (channel, id);
CREATE TABLE channel (
  name TEXT PRIMARY KEY,
  job_id TEXT,
  host TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL
);
CREATE INDEX channel_due ON channel (due_at);
CREATE INDEX channel_job ON channel (job_id);
CREATE TABLE deleted_job (
  id TEXT PRIMARY KEY,
  dialect TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  spec TEXT NOT NULL,
  state_data TEXT NOT NULL,
  tags TEXT NOT NULL,
  task_count INTEGER NOT NULL,
  created_by TEXT,
  parent_task_id BIGINT,
  schedule_id TEXT,
  created_at BIGINT NOT NULL
);
"""


def up(migrator: object, db: object) -> None:
    """Create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
