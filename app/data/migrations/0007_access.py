"""Roles, who may see a job or schedule, rates, and keys that were made up.

`audience` has rows only for what is not for everybody, so that what is costs nothing more.
"""

import json

from app.data.schema import statements

UP = """
CREATE TABLE role (
  id TEXT PRIMARY KEY,
  dialect TEXT NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX role_slug ON role (dialect, slug);

CREATE TABLE account_role (
  account_id TEXT NOT NULL,
  role_id TEXT NOT NULL,
  PRIMARY KEY (account_id, role_id)
){without_rowid};

CREATE TABLE audience (
  of_id TEXT NOT NULL,
  who TEXT NOT NULL,
  PRIMARY KEY (of_id, who)
){without_rowid};

CREATE TABLE bucket (
  name TEXT PRIMARY KEY,
  level DOUBLE PRECISION NOT NULL,
  at BIGINT NOT NULL
){without_rowid};
CREATE INDEX bucket_at ON bucket (at);

CREATE TABLE made_key (
  name TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  created_at BIGINT NOT NULL
)
"""
# Permissions were accepted before anything came of them.
_NAMED = "SELECT id, {column} FROM {table} WHERE {column} LIKE {mark}"
_INSERT = "INSERT INTO audience (of_id, who) VALUES ({mark}, {mark}) ON CONFLICT DO NOTHING"


def up(migrator: object, db: object) -> None:
    """Create the tables; note the audience of what has permissions."""
    del migrator
    run = db.execute_sql  # type: ignore[attr-defined]
    for statement in statements(UP, db):
        run(statement)
    mark = db.param  # type: ignore[attr-defined]
    for table, column in (("job", "spec"), ("schedule", "template")):
        named = _NAMED.format(table=table, column=column, mark=mark)
        for of_id, text in run(named, ('%"permissions"%',)).fetchall():
            document = json.loads(text)
            spec = document if table == "job" else document.get("spec") or {}
            for permission in spec.get("permissions") or ():
                for kind, name in permission.items():
                    run(_INSERT.format(mark=mark), (of_id, f"{kind}:{name}"))
