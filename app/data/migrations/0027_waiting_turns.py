"""Waiting lists whose order may be changed.

waiting.place: order among those of a pool that wait, and among those that are being started, who
stand before them. waiting_line: a list in its order, and its counts from the index alone.
"""

from app.data.schema import statements

UP = """
ALTER TABLE waiting ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
UPDATE waiting SET place = id;
DROP INDEX IF EXISTS waiting_turn;
DROP INDEX waiting_pool;
CREATE INDEX waiting_line ON waiting (pool, admitted DESC, place, id);
"""


def up(migrator: object, db: object) -> None:
    """Give entries their places."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
