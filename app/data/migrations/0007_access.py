"""Roles, who may see a job or schedule, rates, and keys that were made up.

A job names its audience, of which there are few, and none when it is for everybody: how many jobs
somebody sees is then counted in one index, however many there are. Rates are worth nothing after
a crash, so PostgreSQL does not wait for the disk when one is counted.
"""

import hashlib
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
  id {identity},
  digest TEXT NOT NULL
);
CREATE UNIQUE INDEX audience_digest ON audience (digest);

CREATE TABLE audience_member (
  who TEXT NOT NULL,
  audience_id BIGINT NOT NULL,
  PRIMARY KEY (who, audience_id)
){without_rowid};

ALTER TABLE job ADD COLUMN audience_id BIGINT;
CREATE INDEX job_audience ON job (dialect, audience_id);
ALTER TABLE schedule ADD COLUMN audience_id BIGINT;

CREATE {unlogged}TABLE bucket (
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
_FIND = "SELECT id FROM audience WHERE digest = {mark}"
_INSERT = "INSERT INTO audience (digest) VALUES ({mark}) RETURNING id"
_MEMBER = "INSERT INTO audience_member (who, audience_id) VALUES ({mark}, {mark})"
_SET = "UPDATE {table} SET audience_id = {mark} WHERE id = {mark}"


def up(migrator: object, db: object) -> None:
    """Create the tables; give their audience to jobs and schedules that have permissions."""
    del migrator
    for statement in statements(UP, db):
        db.execute_sql(statement)  # type: ignore[attr-defined]
    mark = db.param  # type: ignore[attr-defined]

    def run(sql: str, *params: object, **words: str) -> list[tuple[object, ...]]:
        cursor = db.execute_sql(sql.format(mark=mark, **words), params)  # type: ignore[attr-defined]
        return list(cursor.fetchall()) if cursor.description else []

    for table, column in (("job", "spec"), ("schedule", "template")):
        for of_id, text in run(_NAMED, '%"permissions"%', table=table, column=column):
            document = json.loads(str(text))
            spec = document if table == "job" else document.get("spec") or {}
            named = spec.get("permissions") or ()
            who = sorted({f"{kind}:{name}" for each in named for kind, name in each.items()})
            if not who:
                continue
            digest = hashlib.sha256(json.dumps(who).encode()).hexdigest()
            found = run(_FIND, digest)
            if not found:
                found = run(_INSERT, digest)
                for each in who:
                    run(_MEMBER, each, found[0][0])
            run(_SET, found[0][0], of_id, table=table)
