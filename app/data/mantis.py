"""The tables of the Mantis dialect as peewee models; see `app.data.tables`."""

from peewee import (
    BigAutoField,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)


class MantisCluster(Model):
    """A job cluster, beside its group."""

    group_id = BigIntegerField(primary_key=True)
    name = TextField()
    version = BigIntegerField()
    holder = TextField()
    disabled = IntegerField()
    job_master = IntegerField()
    sla_min = IntegerField()
    sla_max = IntegerField()
    headroom = IntegerField()
    cron = TextField(null=True)
    cron_policy = TextField()
    cron_active = IntegerField()
    schedule_id = TextField(null=True)
    latest_version = TextField()
    last_number = BigIntegerField()
    jars = TextField()
    about = TextField()

    class Meta:
        table_name = "mantis_cluster"


class MantisJob(Model):
    """A job of a cluster, beside the engine's."""

    job_id = TextField(primary_key=True)
    group_id = BigIntegerField()
    cluster = TextField()
    number = BigIntegerField()
    submitted_at = BigIntegerField()
    submitter = TextField()
    jar_url = TextField()
    version = TextField()
    duration_type = TextField()
    unique_type = TextField()
    stages = IntegerField()
    workers = IntegerField()
    cpus = DoubleField()
    memory = DoubleField()
    heartbeat_s = BigIntegerField()
    timeout_s = BigIntegerField()
    subscription_s = BigIntegerField()
    about = TextField()

    class Meta:
        table_name = "mantis_job"


class MantisLabel(Model):
    """A label of a job."""

    job_id = TextField()
    name = TextField()
    value = TextField()

    class Meta:
        table_name = "mantis_label"
        primary_key = CompositeKey("job_id", "name")


class MantisWorker(Model):
    """What a worker reported about itself."""

    task_id = BigIntegerField(primary_key=True)
    job_id = TextField()
    heartbeat_at = BigIntegerField(null=True)
    starting_at = BigIntegerField(null=True)

    class Meta:
        table_name = "mantis_worker"


class MantisWatch(Model):
    """An open job with a limit of time."""

    job_id = TextField(primary_key=True)
    runtime_us = BigIntegerField()
    min_runtime_us = BigIntegerField()
    subscription_us = BigIntegerField()
    tolerance_us = BigIntegerField()
    outside = IntegerField()
    seen_at = BigIntegerField()
    subscribed = IntegerField()

    class Meta:
        table_name = "mantis_watch"


class MantisAudit(Model):
    """Who did what to a cluster, and why."""

    id = BigAutoField()
    group_id = BigIntegerField()
    at = BigIntegerField()
    who = TextField()
    action = TextField()
    job = TextField(null=True)
    reason = TextField()

    class Meta:
        table_name = "mantis_audit"


class MantisGone(Model):
    """The group of a deleted cluster whose jobs are still to go."""

    group_id = BigIntegerField(primary_key=True)

    class Meta:
        table_name = "mantis_gone"


class MantisPool(Model):
    """An active pool of workers."""

    name = TextField(primary_key=True)
    place = IntegerField()

    class Meta:
        table_name = "mantis_pool"


MANTIS = (
    MantisCluster,
    MantisJob,
    MantisLabel,
    MantisWorker,
    MantisWatch,
    MantisAudit,
    MantisGone,
    MantisPool,
)
