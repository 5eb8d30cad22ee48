"""The tables as peewee models.

The steps in `migrations` make the schema and never change; these classes say how it stands after
all of them, and a test holds the two together. Statements are SQL in the module of their table:
building one from models costs more than running it.
"""

from peewee import (
    BigAutoField,
    BigIntegerField,
    CompositeKey,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

from app.data.audit import Audit
from app.data.flamenco import FLAMENCO
from app.data.listing import LISTING
from app.data.manticore import MANTICORE
from app.data.mantis import MANTIS
from app.data.people import PEOPLE
from app.data.samples import Sample
from app.data.tokens import Token
from app.data.tracker import TRACKER


class Job(Model):
    """What a client asked for."""

    id = TextField(primary_key=True)
    dialect = TextField()
    type = TextField()
    name = TextField()
    description = TextField()
    state = TextField()
    version = IntegerField()
    spec = TextField()
    state_data = TextField()
    tags = TextField()
    result = TextField(null=True)
    error = TextField(null=True)
    progress = DoubleField()
    position = IntegerField()
    task_count = IntegerField()
    tasks_total = IntegerField()
    tasks_open = IntegerField()
    tasks_failed = IntegerField()
    priority = IntegerField()
    created_by = TextField(null=True)
    parent_task_id = BigIntegerField(null=True)
    group_id = BigIntegerField(null=True)
    schedule_id = TextField(null=True)
    fire_at = BigIntegerField(null=True)
    pool = TextField(null=True)
    holds_slot = IntegerField()
    unique_key = TextField(null=True)
    created_at = BigIntegerField()
    scheduled_at = BigIntegerField(null=True)
    started_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    delete_after_us = BigIntegerField(null=True)
    delete_at = BigIntegerField(null=True)
    watches = TextField(null=True)
    closing = IntegerField()
    audience_id = BigIntegerField(null=True)
    start_at = BigIntegerField(null=True)
    paused_at = BigIntegerField(null=True)
    archived = IntegerField()
    seq = BigIntegerField()
    unready = IntegerField(null=True)

    class Meta:
        table_name = "job"


class Task(Model):
    """One claimable unit."""

    id = BigAutoField()
    public_id = TextField(null=True)
    job_id = TextField(null=True)
    group_id = BigIntegerField(null=True)
    parent_id = BigIntegerField(null=True)
    queue = TextField()
    name = TextField()
    kind = TextField()
    state = TextField()
    position = IntegerField()
    priority = BigIntegerField()
    payload = TextField()
    result = TextField(null=True)
    error = TextField(null=True)
    progress = DoubleField()
    number = IntegerField()
    failures = IntegerField()
    losses = IntegerField()
    max_attempts = IntegerField()
    max_losses = IntegerField()
    retry_delay_us = BigIntegerField()
    retry_factor = DoubleField()
    verifications = IntegerField()
    needs = IntegerField()
    children = IntegerField()
    children_open = IntegerField()
    unique_key = TextField(null=True)
    lease_us = BigIntegerField(null=True)
    leased_until = BigIntegerField(null=True)
    worker_id = BigIntegerField(null=True)
    starts_job_id = TextField(null=True)
    due_at = BigIntegerField(null=True)
    expires_at = BigIntegerField(null=True)
    created_at = BigIntegerField()
    queued_at = BigIntegerField(null=True)
    started_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    watched = IntegerField()
    agreed = IntegerField()
    addresses = TextField(null=True)
    ready_at = BigIntegerField(null=True)

    class Meta:
        table_name = "task"


class TaskNeed(Model):
    """A task that waits for another."""

    task_id = BigIntegerField()
    needs_id = BigIntegerField()
    ready = IntegerField(null=True)

    class Meta:
        table_name = "task_need"
        primary_key = CompositeKey("needs_id", "task_id")


class Attempt(Model):
    """One hand-out of a task."""

    task_id = BigIntegerField()
    number = IntegerField()
    worker_id = BigIntegerField()
    state = TextField()
    leased_at = BigIntegerField()
    started_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    error = TextField(null=True)
    verification = BigIntegerField(null=True)

    class Meta:
        table_name = "attempt"
        primary_key = CompositeKey("task_id", "number")


class Worker(Model):
    """A registered claimer."""

    id = BigAutoField()
    dialect = TextField()
    kind = TextField()
    public_id = TextField()
    name = TextField()
    status = TextField()
    active = IntegerField()
    hostname = TextField()
    instance = TextField()
    queues = TextField()
    cpu_percent = DoubleField()
    port = IntegerField()
    version = TextField()
    data = TextField()
    started_at = BigIntegerField()
    heartbeat_at = BigIntegerField()
    finished = BigIntegerField()

    class Meta:
        table_name = "worker"


class JobGroup(Model):
    """A named set of jobs or tasks that share limits."""

    id = BigAutoField()
    dialect = TextField()
    name = TextField()
    version = IntegerField()
    paused = IntegerField()
    max_running = IntegerField(null=True)
    data = TextField()
    created_at = BigIntegerField()
    chain = BigIntegerField(null=True)
    finished = BigIntegerField()

    class Meta:
        table_name = "job_group"


class Schedule(Model):
    """A rule that submits jobs."""

    id = TextField(primary_key=True)
    dialect = TextField()
    name = TextField()
    group_id = BigIntegerField(null=True)
    cron = TextField()
    form = TextField()
    zone = TextField()
    state = TextField()
    overlap = TextField()
    missed = TextField()
    template = TextField()
    created_by = TextField(null=True)
    created_at = BigIntegerField()
    next_fire_at = BigIntegerField(null=True)
    last_fire_at = BigIntegerField(null=True)
    audience_id = BigIntegerField(null=True)

    class Meta:
        table_name = "schedule"


class Pool(Model):
    """A limited number of slots."""

    name = TextField(primary_key=True)
    max_running = IntegerField()
    version = IntegerField()

    class Meta:
        table_name = "pool"


class Waiting(Model):
    """A job's place in the list of a pool."""

    id = BigAutoField()
    pool = TextField()
    job_id = TextField()
    admitted = IntegerField()
    joined_at = BigIntegerField()
    place = BigIntegerField()

    class Meta:
        table_name = "waiting"


class Leader(Model):
    """Who acts alone."""

    name = TextField(primary_key=True)
    holder = TextField()
    until = BigIntegerField()

    class Meta:
        table_name = "leader"


class Event(Model):
    """What happened, in commit order by (tx, id)."""

    id = BigAutoField()
    tx = BigIntegerField()
    at = BigIntegerField()
    kind = TextField()
    dialect = TextField()
    job_id = TextField(null=True)
    task_id = BigIntegerField(null=True)
    data = TextField(null=True)

    class Meta:
        table_name = "event"


class Mark(Model):
    """How far a reader has come."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "mark"


class Bucket(Model):
    """How much of a rate is used up."""

    name = TextField(primary_key=True)
    level = DoubleField()
    at = BigIntegerField()

    class Meta:
        table_name = "bucket"


class IdleLimit(Model):
    """How long a running job may go unused."""

    job_id = TextField(primary_key=True)
    idle_us = BigIntegerField()
    deadline = BigIntegerField(null=True)
    warn_us = BigIntegerField()
    warned = IntegerField()

    class Meta:
        table_name = "idle_limit"


class Delivery(Model):
    """A message to somebody outside that waits to be sent."""

    id = BigAutoField()
    channel = TextField()
    dialect = TextField()
    job_id = TextField(null=True)
    watch = IntegerField()
    about = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "delivery"


class Channel(Model):
    """When the first message of a channel is tried next; there while it has messages."""

    name = TextField(primary_key=True)
    job_id = TextField(null=True)
    host = TextField()
    attempts = IntegerField()
    due_at = BigIntegerField()

    class Meta:
        table_name = "channel"


class DeletedJob(Model):
    """What messages still need of a job that is deleted."""

    id = TextField(primary_key=True)
    dialect = TextField()
    type = TextField()
    name = TextField()
    description = TextField()
    spec = TextField()
    state_data = TextField()
    tags = TextField()
    task_count = IntegerField()
    created_by = TextField(null=True)
    parent_task_id = BigIntegerField(null=True)
    schedule_id = TextField(null=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "deleted_job"


class LogPart(Model):
    """A piece of output; on SQLite in a file of its own."""

    id = BigAutoField()
    task_id = BigIntegerField()
    job_id = TextField(null=True)
    number = IntegerField()
    position = IntegerField()
    task_created_at = BigIntegerField()
    contents = TextField()
    at = BigIntegerField()
    tx = BigIntegerField()
    sink = IntegerField()

    class Meta:
        table_name = "log_part"


ENGINE = (
    Job,
    *LISTING,
    Task,
    TaskNeed,
    Attempt,
    Worker,
    JobGroup,
    Schedule,
    Pool,
    Waiting,
    Leader,
    Event,
    Mark,
    Bucket,
    *PEOPLE,
    *TRACKER,
    *MANTICORE,
    *FLAMENCO,
    *MANTIS,
    IdleLimit,
    Token,
    Audit,
    Delivery,
    Channel,
    DeletedJob,
    Sample,
)
LOGS = (LogPart,)
