"""Groups whose tasks belong to no job: what follows a finished one, and who finished how many.

A finished task of a group stays as a COMPLETED row until a duty adds it to the counters and
deletes it, in one transaction: counting at once would make every report of a group wait for the
same row. Both indexes hold a few rows, and none of tasks that belong to jobs.
"""

from app.data.schema import statements

UP = """
ALTER TABLE job_group ADD COLUMN chain BIGINT;
ALTER TABLE job_group ADD COLUMN finished BIGINT NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN finished BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX task_finished ON task (group_id, worker_id)
  WHERE state = 'COMPLETED' AND job_id IS NULL AND group_id IS NOT NULL;
CREATE INDEX task_broken ON task (queue, id) WHERE state = 'FAILED' AND job_id IS NULL;
CREATE INDEX task_agreed ON task (queue) WHERE agreed > 0 AND ended_at IS NULL;
"""


def up(migrator: object, db: object) -> None:
    """Add columns and indexes."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
