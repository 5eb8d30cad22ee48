"""Rows of `account` and `role`, and which account has which roles."""

from collections.abc import Collection, Iterable, Mapping

from app.data.db import Row, Store
from app.domain.errors import AccountNotFound, AlreadyExists, RoleNotFound
from app.domain.records import Account, Role

_COLUMNS = "id, dialect, username, name, password, disabled, created_at"
_INSERT = (
    f"INSERT INTO account ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
_WITH_ROLES = (
    "SELECT a.id, a.dialect, a.username, a.name, a.password, a.disabled, a.created_at, r.slug"
    " FROM account a LEFT JOIN account_role x ON x.account_id = a.id"
    " LEFT JOIN role r ON r.id = x.role_id WHERE a.dialect = ?"
)
_ROLE = "id, dialect, slug, name, created_at"
_INSERT_ROLE = (
    f"INSERT INTO role ({_ROLE}) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id"
)
# As many as either database takes parameters for, and then some.
_AT_ONCE = 500


def _record(row: Row, roles: Iterable[str] = ()) -> Account:
    return Account(
        id=row[0],
        dialect=row[1],
        username=row[2],
        name=row[3],
        password_hash=row[4],
        disabled=bool(row[5]),
        created_at=row[6],
        roles=tuple(roles),
    )


def _grouped(rows: Iterable[Row]) -> list[Account]:
    """Make accounts of rows that hold one role each."""
    first: dict[str, Row] = {}
    roles: dict[str, list[str]] = {}
    for row in rows:
        first.setdefault(row[0], row)
        roles.setdefault(row[0], []).extend([row[7]] if row[7] is not None else [])
    return [_record(row, sorted(roles[of])) for of, row in first.items()]


def insert(store: Store, account: Account) -> None:
    """Store a new account, without roles. Raises AlreadyExists for a username that is taken."""
    row = store.run(
        _INSERT,
        (
            account.id,
            account.dialect,
            account.username,
            account.name,
            account.password_hash,
            int(account.disabled),
            account.created_at,
        ),
    ).fetchone()
    if row is None:
        raise AlreadyExists(name=account.username)


def find(store: Store, dialect: str, username: str) -> Account | None:
    """Give an account with its roles; None when there is none of that name."""
    rows = store.run(f"{_WITH_ROLES} AND a.username = ?", (dialect, username)).fetchall()
    return next(iter(_grouped(rows)), None)


def listed(store: Store, dialect: str) -> list[Account]:
    """Give all accounts of a dialect with their roles, by username."""
    return _grouped(store.run(f"{_WITH_ROLES} ORDER BY a.username", (dialect,)).fetchall())


def named(store: Store, dialect: str, usernames: Collection[str]) -> Mapping[str, Account]:
    """Give those of some accounts that there are, by username; without their roles."""
    rows = _in(store, f"SELECT {_COLUMNS} FROM account", dialect, "username", usernames)
    return {row[2]: _record(row) for row in rows}


def exist(store: Store, dialect: str) -> bool:
    """Tell whether there is any account."""
    row = store.run("SELECT 1 FROM account WHERE dialect = ? LIMIT 1", (dialect,)).fetchone()
    return row is not None


def set_disabled(store: Store, dialect: str, username: str, disabled: bool) -> None:
    """Let somebody in again or no more. Raises AccountNotFound."""
    _update(store, "disabled", int(disabled), dialect, username)


def set_password(store: Store, dialect: str, username: str, password_hash: str) -> None:
    """Change a password. Raises AccountNotFound."""
    _update(store, "password", password_hash, dialect, username)


def _update(store: Store, column: str, value: object, dialect: str, username: str) -> None:
    sql = f"UPDATE account SET {column} = ? WHERE dialect = ? AND username = ?"
    if store.run(sql, (value, dialect, username)).rowcount != 1:
        raise AccountNotFound(f"there is no user {username}", name=username)


# -- roles --------------------------------------------------------------------------------------


def insert_role(store: Store, role: Role) -> None:
    """Store a new role. Raises AlreadyExists for a slug that is taken."""
    values = (role.id, role.dialect, role.slug, role.name, role.created_at)
    if store.run(_INSERT_ROLE, values).fetchone() is None:
        raise AlreadyExists(f"there is a role {role.slug} already", name=role.slug)


def roles(store: Store, dialect: str) -> list[Role]:
    """Give all roles of a dialect, by slug."""
    rows = store.run(f"SELECT {_ROLE} FROM role WHERE dialect = ? ORDER BY slug", (dialect,))
    return [_role(row) for row in rows.fetchall()]


def named_roles(store: Store, dialect: str, slugs: Collection[str]) -> Mapping[str, Role]:
    """Give those of some roles that there are, by slug."""
    rows = _in(store, f"SELECT {_ROLE} FROM role", dialect, "slug", slugs)
    return {row[2]: _role(row) for row in rows}


def assign(store: Store, account: Account, role: Role) -> None:
    """Give a role to an account; it may have it already."""
    store.run(
        "INSERT INTO account_role (account_id, role_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (account.id, role.id),
    )


def withdraw(store: Store, account: Account, role: Role) -> None:
    """Take a role from an account; it may not have had it."""
    store.run(
        "DELETE FROM account_role WHERE account_id = ? AND role_id = ?", (account.id, role.id)
    )


def role(store: Store, dialect: str, slug: str) -> Role:
    """Give a role. Raises RoleNotFound."""
    found = named_roles(store, dialect, [slug]).get(slug)
    if found is None:
        raise RoleNotFound(f"there is no role {slug}", name=slug)
    return found


def _role(row: Row) -> Role:
    return Role(id=row[0], dialect=row[1], slug=row[2], name=row[3], created_at=row[4])


def _in(store: Store, select: str, dialect: str, column: str, values: Collection[str]) -> list[Row]:
    wanted = list(dict.fromkeys(values))
    rows: list[Row] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        sql = f"{select} WHERE dialect = ? AND {column} IN ({marks})"
        rows += store.run(sql, (dialect, *part)).fetchall()
    return rows
