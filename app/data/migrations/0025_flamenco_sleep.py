"""When workers of a render farm sleep.

days: bits, Monday the lowest. begins, ends: minutes after midnight in `zone`; a sleep that ends no
later than it begins ends on the day after. asleep: how the worker stands until `changes_at`.
"""

from app.data.schema import statements

UP = """
CREATE TABLE flamenco_sleep (
  worker_id BIGINT PRIMARY KEY,
  days INTEGER NOT NULL,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  zone TEXT NOT NULL,
  at_once INTEGER NOT NULL DEFAULT 0,
  asleep INTEGER NOT NULL DEFAULT 0,
  changes_at BIGINT NOT NULL
);
CREATE INDEX flamenco_sleep_change ON flamenco_sleep (changes_at)
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
