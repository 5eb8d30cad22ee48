"""What was told of a job of the Mantis dialect, newest first, and its cluster's latest launches.

Both indexes hold rows of jobs of clusters alone; other dialects' events and jobs pay nothing.
"""

from app.data.schema import statements

UP = """
CREATE INDEX event_mantis ON event (job_id, tx, id)
  WHERE dialect = 'mantis' AND job_id IS NOT NULL;
CREATE INDEX job_launched ON job (group_id, started_at)
  WHERE group_id IS NOT NULL AND started_at IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Create the indexes."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
