"""What waiting lists are counted by, and how long the jobs of a pool stayed.

waiting_turn: counting a list of any length reads its index alone.
job_stayed: the latest jobs of a pool that ran and are over; jobs without a pool are not in it.
"""

from app.data.schema import statements

UP = """
CREATE INDEX waiting_turn ON waiting (pool, admitted, id);
CREATE INDEX job_stayed ON job (pool, ended_at)
  WHERE pool IS NOT NULL AND started_at IS NOT NULL AND ended_at IS NOT NULL;
"""


def up(migrator: object, db: object) -> None:
    """Create the indexes."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
