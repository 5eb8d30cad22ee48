"""Which workers failed which tasks of a render farm, and which get no more of a job; tags.

A failure stands until the task is started afresh; a block until somebody lifts it.
"""

from app.data.schema import statements

UP = """
ALTER TABLE flamenco_worker ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

CREATE TABLE flamenco_failure (
  task_id BIGINT NOT NULL,
  worker_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (task_id, worker_id)
){without_rowid};
CREATE INDEX flamenco_failure_worker ON flamenco_failure (worker_id);

CREATE TABLE flamenco_block (
  worker_id BIGINT NOT NULL,
  job_id BIGINT NOT NULL,
  type TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (worker_id, job_id, type)
){without_rowid}
"""


def up(migrator: object, db: object) -> None:
    """Create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
