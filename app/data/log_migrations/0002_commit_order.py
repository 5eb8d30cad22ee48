"""The transaction that stored a part, so that a job's output can be followed in commit order.

What is there already keeps 0 and stands before everything that comes.
"""

from app.data.schema import statements

UP = """
ALTER TABLE log_part ADD COLUMN tx BIGINT NOT NULL DEFAULT 0;
{log_order};
CREATE INDEX log_part_stream ON log_part (job_id, tx, id) WHERE job_id IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Add the column and the index that readers go by."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
