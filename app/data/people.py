"""Who may come in, as peewee models; see `app.data.tables`."""

from peewee import (
    BigAutoField,
    BigIntegerField,
    CompositeKey,
    IntegerField,
    Model,
    TextField,
)


class Manager(Model):
    """A person who logs in on pages."""

    id = BigAutoField()
    username = TextField()
    password = TextField()
    admin = IntegerField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "manager"


class ManagerSession(Model):
    """A login that stands."""

    digest = TextField(primary_key=True)
    manager_id = BigIntegerField()
    expires_at = BigIntegerField()

    class Meta:
        table_name = "manager_session"


class Account(Model):
    """Who may log in to a dialect that has users of its own."""

    id = TextField(primary_key=True)
    dialect = TextField()
    username = TextField()
    name = TextField()
    password = TextField()
    disabled = IntegerField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "account"


class Role(Model):
    """What several accounts may have in common."""

    id = TextField(primary_key=True)
    dialect = TextField()
    slug = TextField()
    name = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "role"


class AccountRole(Model):
    """A role that an account has."""

    account_id = TextField()
    role_id = TextField()

    class Meta:
        table_name = "account_role"
        primary_key = CompositeKey("account_id", "role_id")


class Audience(Model):
    """A set of those whom a job or schedule is for."""

    id = BigAutoField()
    digest = TextField()

    class Meta:
        table_name = "audience"


class AudienceMember(Model):
    """One of a set; `user:` or `role:` and the name."""

    who = TextField()
    audience_id = BigIntegerField()

    class Meta:
        table_name = "audience_member"
        primary_key = CompositeKey("who", "audience_id")


class MadeKey(Model):
    """The digest of a key that no setting gives."""

    name = TextField(primary_key=True)
    digest = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "made_key"


PEOPLE = (
    Manager,
    ManagerSession,
    Account,
    Role,
    AccountRole,
    Audience,
    AudienceMember,
    MadeKey,
)
