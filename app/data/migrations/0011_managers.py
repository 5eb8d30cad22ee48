"""People who log in on pages: managers, and the sessions they have open."""

from app.data.schema import statements

UP = """
CREATE TABLE manager (
  id {identity},
  username TEXT {bytewise} NOT NULL,
  password TEXT NOT NULL,
  admin INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX manager_username ON manager (username);

CREATE TABLE manager_session (
  digest TEXT PRIMARY KEY,
  manager_id BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX manager_session_end ON manager_session (expires_at);
CREATE INDEX manager_session_of ON manager_session (manager_id);
"""


def up(migrator: object, db: object) -> None:
    """Create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
