"""API tokens, and the order in which the jobs of all dialects are listed."""

from app.data.schema import statements

UP = """
CREATE TABLE api_token (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  digest TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT
);
CREATE UNIQUE INDEX api_token_digest ON api_token (digest);
CREATE INDEX job_newest ON job (created_at DESC, id DESC);
"""


def up(migrator: object, db: object) -> None:
    """Create the table and the index."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
