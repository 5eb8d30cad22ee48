"""What only the tracker knows of its projects and workers, keyed by the engine's ids."""

from app.data.schema import statements

UP = """
CREATE TABLE tracker_project (
  group_id BIGINT PRIMARY KEY,
  priority BIGINT NOT NULL DEFAULT 0,
  clone_url TEXT NOT NULL DEFAULT '',
  git_repo TEXT NOT NULL DEFAULT '',
  repository TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  motd TEXT NOT NULL DEFAULT '',
  public INTEGER NOT NULL DEFAULT 0,
  hidden INTEGER NOT NULL DEFAULT 0,
  assign_rate DOUBLE PRECISION,
  submit_rate DOUBLE PRECISION,
  secret TEXT NOT NULL,
  webhook_secret TEXT NOT NULL
);
CREATE INDEX tracker_project_repository ON tracker_project (repository) WHERE repository <> '';

CREATE TABLE tracker_worker (
  worker_id BIGINT PRIMARY KEY,
  secret TEXT NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE tracker_access (
  group_id BIGINT NOT NULL,
  worker_id BIGINT NOT NULL,
  assign INTEGER NOT NULL,
  submit INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY (group_id, worker_id)
){without_rowid};
CREATE INDEX tracker_access_worker ON tracker_access (worker_id);

CREATE TABLE tracker_role (
  group_id BIGINT NOT NULL,
  manager_id BIGINT NOT NULL,
  flags INTEGER NOT NULL,
  PRIMARY KEY (group_id, manager_id)
){without_rowid};
CREATE INDEX tracker_role_manager ON tracker_role (manager_id);

CREATE TABLE tracker_log (
  id {identity},
  level INTEGER NOT NULL,
  at BIGINT NOT NULL,
  message TEXT NOT NULL,
  data TEXT NOT NULL
);
CREATE INDEX tracker_log_at ON tracker_log (at, id);
CREATE INDEX tracker_log_level ON tracker_log (level, at, id);

CREATE TABLE tracker_snapshot (
  group_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  fresh BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  closed BIGINT NOT NULL,
  accesses BIGINT NOT NULL,
  agreed BIGINT NOT NULL,
  PRIMARY KEY (group_id, at)
){without_rowid};
CREATE INDEX tracker_snapshot_at ON tracker_snapshot (at);
"""


def up(migrator: object, db: object) -> None:
    """Create the tables."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
