"""Shapes of bodies, for the API document; at work they are read by hand."""

from marshmallow import INCLUDE, Schema, fields


class Error(Schema):
    """What is wrong."""

    code = fields.Integer(required=True)
    message = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.String())


class NewTask(Schema):
    """A task that is handed in."""

    type = fields.String(required=True, metadata={"description": "Name of a compiler."})
    settings = fields.Raw(metadata={"description": "An object, or JSON text of one."})
    priority = fields.Integer(load_default=50)
    parser = fields.String()
    task_id = fields.Integer(metadata={"description": "The submitter's own number."})
    job_id = fields.Integer()
    name = fields.String()
    child_id = fields.Integer()
    depends_on = fields.List(fields.Integer())
    tag = fields.String(metadata={"description": "Only workers with it get the task."})
    jobfile = fields.Raw(metadata={"type": "string", "format": "binary"})


class ShortTask(Schema):
    """The eight keys of a task."""

    id = fields.Integer(required=True)
    worker_id = fields.Integer(allow_none=True)
    priority = fields.Integer()
    frame_start = fields.Integer(allow_none=True)
    frame_end = fields.Integer(allow_none=True)
    frame_current = fields.Integer(allow_none=True)
    status = fields.String()
    format = fields.String()


class LongTask(ShortTask):
    """All of a task."""

    task_id = fields.Integer(allow_none=True)
    job_id = fields.Integer()
    name = fields.String()
    type = fields.String()
    parser = fields.String(allow_none=True)
    settings = fields.Dict()
    child_id = fields.Integer(allow_none=True)
    parent_id = fields.Integer(allow_none=True)
    is_group = fields.Boolean()
    children = fields.List(fields.Integer())
    depends_on = fields.List(fields.Integer())
    activity = fields.Dict(allow_none=True)
    progress = fields.Float()
    eta = fields.Integer(allow_none=True)
    time_cost = fields.Integer(allow_none=True)
    attempts = fields.Integer()
    created_at = fields.String()
    updated_at = fields.String()
    last_activity = fields.String(allow_none=True)


class WholeTask(LongTask):
    """All of a task, with its output."""

    log = fields.String(allow_none=True)


class Tasks(Schema):
    """A page of tasks."""

    tasks = fields.List(fields.Nested(LongTask))
    total = fields.Integer()


class Removed(Schema):
    """Tasks that were deleted."""

    tasks = fields.List(fields.Integer())


class Which(Schema):
    """Tasks that are meant."""

    tasks = fields.List(fields.Integer(), required=True)


class TaskReport(Schema):
    """What a worker reports of a task, or an operator wants of it."""

    status = fields.String()
    log = fields.String()
    log_append = fields.String()
    activity = fields.Raw()
    time_cost = fields.Integer()
    frame_current = fields.Integer()
    priority = fields.Integer()
    worker_id = fields.Integer()
    taskfile = fields.Raw(metadata={"type": "string", "format": "binary"})


class Options(Schema):
    """A task for its worker."""

    task_id = fields.Integer()
    job_id = fields.Integer()
    task_parser = fields.String(allow_none=True)
    type = fields.String()
    settings = fields.Dict()
    task_command = fields.String()
    command = fields.List(fields.String())


class JobFiles(Schema):
    """Files to fetch: pairs of a kind and a name."""

    jobfiles = fields.List(fields.List(fields.String()))


class CompiledTask(Schema):
    """A task's command."""

    options = fields.Nested(Options)
    files = fields.Nested(JobFiles)


class NewWorker(Schema):
    """What a worker says of itself."""

    hostname = fields.String(required=True)
    system = fields.String()
    port = fields.Integer(load_default=5000)
    mac_address = fields.Raw()
    update_frequent = fields.Raw()
    update_less_frequent = fields.Raw()
    tags = fields.List(fields.String())


class Worker(Schema):
    """A worker."""

    id = fields.Integer()
    hostname = fields.String()
    ip_address = fields.String()
    port = fields.Integer()
    system = fields.String()
    status = fields.String()
    connection = fields.String()
    current_task = fields.Integer(allow_none=True)
    activity = fields.String(allow_none=True)
    log = fields.String(allow_none=True)
    time_cost = fields.Integer(allow_none=True)


class WorkerInfo(Worker):
    """All that is known of a worker."""

    mac_address = fields.Raw(allow_none=True)
    update_frequent = fields.Dict()
    update_less_frequent = fields.Dict()
    last_activity = fields.String()


class Workers(Schema):
    """Workers by host."""

    class Meta:
        """Each member is a `Worker`."""

        unknown = INCLUDE

    hostname = fields.Nested(Worker)


class WorkerReport(Schema):
    """What a worker reports of itself."""

    status = fields.String()
    activity = fields.String()
    log = fields.String()
    time_cost = fields.Integer()
    mac_address = fields.Raw()
    update_frequent = fields.Raw()
    update_less_frequent = fields.Raw()
    tags = fields.List(fields.String())


class Switch(Schema):
    """What an operator wants of a worker."""

    status = fields.String(required=True)


class Block(Schema):
    """That a worker gets no more tasks of a job and type."""

    worker_id = fields.Integer()
    job_id = fields.Integer()
    type = fields.String()
    at = fields.String()


class Blocks(Schema):
    """Who gets no more of what."""

    blocks = fields.List(fields.Nested(Block))


class Lifted(Schema):
    """How many blocks were lifted."""

    lifted = fields.Integer()


class NewSleep(Schema):
    """When a worker sleeps. start, end: times of the day; no later end is one on the day after."""

    days = fields.List(fields.String(), required=True)
    start = fields.String(required=True)
    end = fields.String(required=True)
    zone = fields.String(load_default="UTC")
    at_once = fields.Boolean(load_default=False)


class Asleep(Schema):
    """Whether a worker is to sleep until its schedule says otherwise."""

    asleep = fields.Boolean(required=True)


class Sleep(NewSleep):
    """When a worker sleeps, whether it does, and until when that stays so."""

    worker_id = fields.Integer()
    asleep = fields.Boolean()
    changes_at = fields.String()


class Sleeps(Schema):
    """The schedules of all workers that have one."""

    schedules = fields.List(fields.Nested(Sleep))


class CompilerInfo(Schema):
    """What a compiler takes. settings: their JSON Schema."""

    name = fields.String()
    title = fields.String()
    parser = fields.String(allow_none=True)
    programs = fields.Dict()
    settings = fields.Dict()
    options = fields.Dict()


class Compilers(Schema):
    """The compilers and parsers there are."""

    compilers = fields.List(fields.Nested(CompilerInfo))
    parsers = fields.List(fields.String())


class Given(Schema):
    """What a worker holds."""

    task_id = fields.Integer(allow_none=True)


class Answered(Given):
    """What a worker holds, and how it stands."""

    status = fields.String()


class HasFile(Schema):
    """Whether there is one."""

    file = fields.Boolean()


class Thumbnail(Schema):
    """A picture of a task."""

    task_id = fields.Integer(required=True)
    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class Value(Schema):
    """The value of a setting."""

    value = fields.Raw(required=True)


class Setting(Schema):
    """A setting: its object as it is, or its value; empty where nobody knows it."""

    class Meta:
        """An object's own members."""

        unknown = INCLUDE

    value = fields.Raw()


class Values(Schema):
    """Settings by name."""

    class Meta:
        """Names that clients chose."""

        unknown = INCLUDE
