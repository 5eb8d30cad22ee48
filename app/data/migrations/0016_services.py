"""Services: tasks that are kept alive, are ready at some time, and are needed ready by others.

task.addresses: NULL for other tasks, empty for a service that is not ready, JSON for one that is.
task_need.ready: NULL where the end is waited for, 0 where a service must be ready, 1 since it is.
job.unready: how many services are not ready; NULL for a job without any.
"""

from app.data.schema import statements

UP = """
ALTER TABLE job ADD COLUMN unready INTEGER;
ALTER TABLE task ADD COLUMN addresses TEXT;
ALTER TABLE task_need ADD COLUMN ready INTEGER;
CREATE INDEX task_services ON task (job_id) WHERE addresses IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Add the columns."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
