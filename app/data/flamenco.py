"""The tables of the Flamenco dialect as peewee models; see `app.data.tables`."""

from peewee import BigIntegerField, CompositeKey, DoubleField, IntegerField, Model, TextField


class FlamencoTask(Model):
    """What a task of a render farm has beside its row."""

    task_id = BigIntegerField(primary_key=True)
    job_id = BigIntegerField()
    submitter_id = BigIntegerField(null=True)
    type = TextField()
    parser = TextField(null=True)
    format = TextField()
    child_id = BigIntegerField(null=True)
    frame_start = BigIntegerField(null=True)
    frame_end = BigIntegerField(null=True)
    frame_current = BigIntegerField(null=True)
    aborted = IntegerField()
    progress = DoubleField()
    eta = BigIntegerField(null=True)
    time_cost = BigIntegerField(null=True)
    activity = TextField(null=True)
    log_from = IntegerField()
    log_read = IntegerField()
    parser_state = TextField(null=True)
    updated_at = BigIntegerField()
    touched_at = BigIntegerField(null=True)

    class Meta:
        table_name = "flamenco_task"


class FlamencoWorker(Model):
    """What a render node has beside its row."""

    worker_id = BigIntegerField(primary_key=True)
    hostname = TextField()
    address = TextField()
    port = IntegerField()
    mac = TextField(null=True)
    system = TextField()
    disabled = IntegerField()
    busy = IntegerField()
    online = IntegerField()
    activity = TextField(null=True)
    log = TextField(null=True)
    time_cost = BigIntegerField(null=True)
    frequent = TextField()
    less_frequent = TextField()
    seen_at = BigIntegerField()
    tags = TextField()

    class Meta:
        table_name = "flamenco_worker"


class FlamencoSetting(Model):
    """A setting of the farm that is stored; JSON text."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "flamenco_setting"


class FlamencoFile(Model):
    """A stored file: of a job, or of a task."""

    kind = TextField()
    owner = BigIntegerField()
    place = TextField()
    media_type = TextField()
    size = BigIntegerField()
    stored_at = BigIntegerField()

    class Meta:
        table_name = "flamenco_file"
        primary_key = CompositeKey("kind", "owner")


class FlamencoSupport(Model):
    """A small file that a compiler made for the tasks of a job."""

    job_id = BigIntegerField()
    name = TextField()
    contents = TextField()

    class Meta:
        table_name = "flamenco_support"
        primary_key = CompositeKey("job_id", "name")


class FlamencoNumber(Model):
    """The last number given out of a kind."""

    name = TextField(primary_key=True)
    value = BigIntegerField()

    class Meta:
        table_name = "flamenco_number"


class FlamencoFailure(Model):
    """That a worker failed a task."""

    task_id = BigIntegerField()
    worker_id = BigIntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "flamenco_failure"
        primary_key = CompositeKey("task_id", "worker_id")


class FlamencoBlock(Model):
    """That a worker gets no more tasks of a job and type."""

    worker_id = BigIntegerField()
    job_id = BigIntegerField()
    type = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "flamenco_block"
        primary_key = CompositeKey("worker_id", "job_id", "type")


class FlamencoSleep(Model):
    """When a worker sleeps, and whether it does."""

    worker_id = BigIntegerField(primary_key=True)
    days = IntegerField()
    begins = IntegerField()
    ends = IntegerField()
    zone = TextField()
    at_once = IntegerField()
    asleep = IntegerField()
    changes_at = BigIntegerField()

    class Meta:
        table_name = "flamenco_sleep"


FLAMENCO = (
    FlamencoTask,
    FlamencoWorker,
    FlamencoSetting,
    FlamencoFile,
    FlamencoSupport,
    FlamencoNumber,
    FlamencoFailure,
    FlamencoBlock,
    FlamencoSleep,
)
