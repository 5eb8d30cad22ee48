"""Who may log in to a dialect that has users of its own."""

from app.data.schema import statements

UP = """
CREATE TABLE account (
  id TEXT PRIMARY KEY,
  dialect TEXT NOT NULL,
  username TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  password TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_username ON account (dialect, username);
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
