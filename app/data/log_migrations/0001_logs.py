"""Log text.

`position` and `task_created_at` repeat the task's, so that a job's log pages come from one index
even where the tasks are in another database file.
"""

from app.data.schema import statements

UP = """
CREATE TABLE log_part (
  id {identity},
  task_id BIGINT NOT NULL,
  job_id TEXT,
  number INTEGER NOT NULL,
  position INTEGER NOT NULL DEFAULT 0,
  task_created_at BIGINT NOT NULL DEFAULT 0,
  contents TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE UNIQUE INDEX log_part_task ON log_part (task_id, number);
CREATE INDEX log_part_job ON log_part (job_id, position, task_created_at, task_id, number)
  WHERE job_id IS NOT NULL;
CREATE INDEX log_part_age ON log_part (at);
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
