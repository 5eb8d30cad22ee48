"""How long a running job may go unused."""

from app.data.schema import statements

UP = """
CREATE TABLE idle_limit (
  job_id TEXT PRIMARY KEY,
  idle_us BIGINT NOT NULL,
  deadline BIGINT
);
CREATE INDEX idle_limit_deadline ON idle_limit (deadline) WHERE deadline IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
