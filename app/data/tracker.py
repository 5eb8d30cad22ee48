"""The tables of the tracker dialect as peewee models; see `app.data.tables`."""

from peewee import (
    BigAutoField,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)


class TrackerProject(Model):
    """What a project has beside its group."""

    group_id = BigIntegerField(primary_key=True)
    priority = BigIntegerField()
    clone_url = TextField()
    git_repo = TextField()
    repository = TextField()
    version = TextField()
    motd = TextField()
    public = IntegerField()
    hidden = IntegerField()
    assign_rate = DoubleField(null=True)
    submit_rate = DoubleField(null=True)
    secret = TextField()
    webhook_secret = TextField()

    class Meta:
        table_name = "tracker_project"


class TrackerWorker(Model):
    """What a remote worker has beside its row."""

    worker_id = BigIntegerField(primary_key=True)
    secret = TextField()
    paused = IntegerField()

    class Meta:
        table_name = "tracker_worker"


class TrackerAccess(Model):
    """What a worker asked for in a project."""

    group_id = BigIntegerField()
    worker_id = BigIntegerField()
    assign = IntegerField()
    submit = IntegerField()
    pending = IntegerField()

    class Meta:
        table_name = "tracker_access"
        primary_key = CompositeKey("group_id", "worker_id")


class TrackerRole(Model):
    """What a manager may do with a project."""

    group_id = BigIntegerField()
    manager_id = BigIntegerField()
    flags = IntegerField()

    class Meta:
        table_name = "tracker_role"
        primary_key = CompositeKey("group_id", "manager_id")


class TrackerLog(Model):
    """What a worker reported."""

    id = BigAutoField()
    level = IntegerField()
    at = BigIntegerField()
    message = TextField()
    data = TextField()

    class Meta:
        table_name = "tracker_log"


class TrackerSnapshot(Model):
    """How a project stood at a time."""

    group_id = BigIntegerField()
    at = BigIntegerField()
    fresh = BigIntegerField()
    failed = BigIntegerField()
    closed = BigIntegerField()
    accesses = BigIntegerField()
    agreed = BigIntegerField()

    class Meta:
        table_name = "tracker_snapshot"
        primary_key = CompositeKey("group_id", "at")


TRACKER = (
    TrackerProject,
    TrackerWorker,
    TrackerAccess,
    TrackerRole,
    TrackerLog,
    TrackerSnapshot,
)
