"""A warning before a job is cancelled as unused, and what only the Manticore dialect knows.

idle_limit.warn_us: so long before the deadline a warning is given, 0 for none; warned: it was.
manticore_request.digest: SHA-256 of the passcode, by which a connection finds its request.
manticore_port: public ports in use, each for as long as its job holds its slot.
"""

from app.data.schema import statements

UP = """
ALTER TABLE idle_limit ADD COLUMN warn_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE idle_limit ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;

CREATE TABLE manticore_request (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  passcode TEXT NOT NULL
);
CREATE UNIQUE INDEX manticore_request_digest ON manticore_request (digest);

CREATE TABLE manticore_port (
  port BIGINT PRIMARY KEY,
  job_id TEXT NOT NULL
);
CREATE UNIQUE INDEX manticore_port_job ON manticore_port (job_id);
"""


def up(migrator: object, db: object) -> None:
    """Add the columns and create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
