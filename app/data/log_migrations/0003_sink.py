"""Which parts are whole lines of a sink: what others follow line by line."""

from app.data.schema import statements

UP = """
ALTER TABLE log_part ADD COLUMN sink INTEGER NOT NULL DEFAULT 0;
CREATE INDEX log_part_sink ON log_part (job_id, tx, id) WHERE sink = 1 AND job_id IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Add the column and the index that its readers go by."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
