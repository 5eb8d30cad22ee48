"""The audit log: who did what, from where, newest first by all that one looks for."""

from app.data.schema import statements

UP = """
CREATE TABLE audit (
  id {identity},
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  via TEXT NOT NULL,
  noun TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  address TEXT NOT NULL,
  request_id TEXT NOT NULL,
  facts TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_who ON audit (who, at, id);
CREATE INDEX audit_noun ON audit (noun, at, id);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_subject ON audit (subject, at, id)
"""


def up(migrator: object, db: object) -> None:
    """Create the table."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
