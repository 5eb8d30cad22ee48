"""The job language as tables: every object, its keys, their kinds, limits and defaults.

Validation and the API document both follow these tables, so a key is added in one place.
Keys without a rule of their own take any text, as upstream does; what the text means is checked
where it is used.
"""

from typing import Final

from app.api.tork.kinds import (
    Duration,
    Field,
    Flag,
    Integer,
    Late,
    ListOf,
    MapOf,
    Number,
    Shape,
    Text,
)
from app.api.tork.rules import (
    check_composite,
    check_cron,
    check_expression,
    check_file_name,
    check_mount,
    check_output,
    check_overlap,
    check_permission,
    check_queue,
    check_start,
    check_time,
    check_zone,
)

LONGEST_DELAY_S: Final = 366 * 86_400.0

_TEXT: Final = Text()
_TEMPLATE: Final = Text(template=True)
_EXPRESSION: Final = Text(check=check_expression, template=True)
_QUEUE: Final = Text(check=check_queue, template=True)
_PRIORITY: Final = Field(
    Integer(0, 9), "Order among tasks waiting in one queue; 9 is most urgent.", default=0
)

REGISTRY: Final = Shape(
    "Registry",
    {
        "username": Field(_TEMPLATE, "User at the image registry."),
        "password": Field(_TEMPLATE, "Password at the image registry; never shown."),
    },
)

RETRY: Final = Shape(
    "Retry",
    {
        "limit": Field(Integer(1, 10), "Tries allowed after the first.", required=True),
        "initialDelay": Field(Duration(most_s=300), "Wait before the first retry.", default="0"),
        "scalingFactor": Field(
            Number(1, 10), "Each further wait is this many times as long.", default=1
        ),
        "on": Field(
            ListOf(Integer(0, 255), most=256), "Exit codes to retry after; any failure without."
        ),
    },
)

LIMITS: Final = Shape(
    "Limits",
    {
        "cpus": Field(_TEXT, "Processors, as a decimal such as .5."),
        "memory": Field(_TEXT, "Memory with a unit, such as 500m; powers of 1024."),
    },
)

PROBE: Final = Shape(
    "Probe",
    {
        "path": Field(Text(longest=256), "Path asked by HTTP GET.", required=True),
        "port": Field(Integer(1, 65535), "Port of the sidecar.", required=True),
        "timeout": Field(Duration(), "How long the answer 200 may take to come.", default="1m"),
    },
)

MOUNT: Final = Shape(
    "Mount",
    {
        "type": Field(_TEXT, "volume, bind, tmpfs or a type that a plug-in serves.", required=True),
        "source": Field(_TEXT, "Path on the host, for bind mounts."),
        "target": Field(_TEXT, "Path in the container."),
        "opts": Field(MapOf(_TEXT), "Options for the volume driver."),
    },
    rules=(check_mount,),
)

WEBHOOK: Final = Shape(
    "Webhook",
    {
        "url": Field(_TEMPLATE, "Address that gets a POST.", required=True),
        "headers": Field(MapOf(_TEMPLATE), "Headers added to the request."),
        "event": Field(
            _TEXT,
            "job.StateChange, job.Progress, task.StateChange or task.Progress.",
            default="job.StateChange",
        ),
        "if": Field(_EXPRESSION, "Condition over the summaries `job` and `task`."),
    },
)

PERMISSION: Final = Shape(
    "Permission",
    {"user": Field(_TEXT, "Name of a user."), "role": Field(_TEXT, "Short name of a role.")},
    rules=(check_permission,),
)

AUTO_DELETE: Final = Shape(
    "AutoDelete", {"after": Field(Duration(), "Time from completion to deletion.")}
)

WAIT: Final = Shape(
    "Wait",
    {"timeout": Field(Duration(), "Longest time the answer may take.", required=True)},
)

SCHEDULE: Final = Shape(
    "Schedule",
    {
        "cron": Field(Text(check=check_cron), "Five fields, a @name or @every.", required=True),
        "timezone": Field(Text(check=check_zone), "Where its hours are counted.", default="UTC"),
        "overlap": Field(
            Text(check=check_overlap),
            "When the last run is not over: allow another, skip it, or queue it.",
            default="allow",
        ),
    },
)

DEFAULTS: Final = Shape(
    "Defaults",
    {
        "retry": Field(RETRY, "Retries of tasks that set none."),
        "limits": Field(LIMITS, "Limits of tasks that set none."),
        "timeout": Field(Duration(), "Time limit of tasks that set none."),
        "queue": Field(_QUEUE, "Queue of tasks that set none.", default="default"),
        "priority": _PRIORITY,
    },
)

_PROGRAM: Final = {
    "name": Field(_TEMPLATE, "Name shown to people.", required=True),
    "description": Field(_TEXT, "Free text."),
    "cmd": Field(ListOf(_TEMPLATE), "Container command; default is the script in `run`."),
    "entrypoint": Field(ListOf(_TEXT), "Container entrypoint."),
    "run": Field(_TEXT, "Script. Not a template: values go in through `env`."),
    "image": Field(_TEMPLATE, "Container image; without it the task runs in the shell."),
    "registry": Field(REGISTRY, "Account for pulling the image."),
    "env": Field(MapOf(_TEMPLATE), "Environment variables."),
    "files": Field(MapOf(_TEXT, check_file_name), "Files put into the working directory."),
    "timeout": Field(Duration(), "Time limit of one try."),
}

AUX_TASK: Final = Shape("AuxTask", _PROGRAM)
POST_TASK: Final = Shape(
    "PostTask",
    {**_PROGRAM, "always": Field(Flag(), "Run it also after a failure, a time-out or a cancel.")},
)
SIDECAR: Final = Shape("Sidecar", {**_PROGRAM, "probe": Field(PROBE, "Says when it is ready.")})

_LATE_TASK: Final = Late(lambda: TASK)
_TASKS: Final = Field(ListOf(_LATE_TASK, least=1), "Tasks, run in order.", required=True)

_MAX_FAILURES: Final = Field(
    Integer(0, 99_999), "Children that may fail without failing the job.", default=0
)

PARALLEL: Final = Shape(
    "Parallel",
    {
        "tasks": Field(ListOf(_LATE_TASK, least=1), "Tasks, run together.", required=True),
        "maxFailures": _MAX_FAILURES,
    },
)

EACH: Final = Shape(
    "Each",
    {
        "list": Field(_EXPRESSION, "Expression that gives a list.", required=True),
        "var": Field(_TEXT, "Name of the element in the task's templates.", default="item"),
        "concurrency": Field(
            Integer(0, 99_999), "Children running at once; 0 is no bound.", default=0
        ),
        "maxFailures": _MAX_FAILURES,
        "task": Field(_LATE_TASK, "Made once for each element.", required=True),
    },
)

_OUTPUT: Final = Field(Text(check=check_output, template=True), "Evaluated into `result`.")
_AUTO_DELETE: Final = Field(AUTO_DELETE, "Deletes the job some time after it completed.")
_WEBHOOKS: Final = Field(ListOf(WEBHOOK, most=32), "Addresses told about changes.")

SUBJOB: Final = Shape(
    "Subjob",
    {
        "name": Field(_TEMPLATE, "Name of the new job.", required=True),
        "description": Field(_TEXT, "Free text."),
        "tasks": _TASKS,
        "inputs": Field(MapOf(_TEMPLATE), "Values its templates know as `inputs`."),
        "secrets": Field(MapOf(_TEMPLATE), "Values its templates know as `secrets`."),
        "output": _OUTPUT,
        "autoDelete": _AUTO_DELETE,
        "webhooks": _WEBHOOKS,
        "detached": Field(Flag(), "The task does not wait for the new job."),
    },
)

TASK: Final[Shape] = Shape(
    "TaskDefinition",
    {
        **_PROGRAM,
        "queue": Field(_QUEUE, "Queue it is sent to.", default="default"),
        "var": Field(Text(longest=64, template=True), "Name of the result under `tasks`."),
        "if": Field(_EXPRESSION, "Skips the task when it is exactly false."),
        "pre": Field(ListOf(AUX_TASK), "Run before it, on the same node."),
        "post": Field(ListOf(POST_TASK), "Run after it, on the same node."),
        "sidecars": Field(ListOf(SIDECAR), "Containers alive while it runs."),
        "mounts": Field(ListOf(MOUNT), "Volumes and host directories."),
        "networks": Field(ListOf(_TEXT), "Container networks to join."),
        "retry": Field(RETRY, "Retries after a failure."),
        "allowFailure": Field(Flag(), "The job goes on when it has failed for good."),
        "limits": Field(LIMITS, "Bounds on processors and memory."),
        "priority": _PRIORITY,
        "gpus": Field(_TEXT, "As the container engine's option --gpus."),
        "tags": Field(ListOf(_TEXT), "Labels."),
        "workdir": Field(Text(longest=256), "Working directory in the container."),
        "parallel": Field(PARALLEL, "Runs other tasks together."),
        "each": Field(EACH, "Runs a task for each element of a list."),
        "subjob": Field(SUBJOB, "Runs another job."),
    },
    rules=(check_composite,),
)

_JOB: Final = {
    "name": Field(Text(longest=256), "Name shown to people.", required=True),
    "description": Field(_TEXT, "Free text."),
    "tags": Field(ListOf(_TEXT), "Labels, for searching."),
    "inputs": Field(MapOf(_TEXT), "Values templates know as `inputs`."),
    "secrets": Field(MapOf(_TEXT), "Values templates know as `secrets`; never shown."),
    "tasks": _TASKS,
    "output": _OUTPUT,
    "defaults": Field(DEFAULTS, "For tasks that do not set them."),
    "webhooks": _WEBHOOKS,
    "permissions": Field(ListOf(PERMISSION), "Who may see it; everyone if empty."),
    "autoDelete": _AUTO_DELETE,
}

JOB: Final = Shape(
    "JobDefinition",
    {
        **_JOB,
        "wait": Field(WAIT, "Answer only when the job has ended."),
        "startAt": Field(Text(check=check_time), "When it starts, in RFC 3339 with a zone."),
        "delay": Field(Duration(most_s=LONGEST_DELAY_S), "How long after now it starts."),
        "schedule": Field(SCHEDULE, elsewhere="a job with a schedule is posted to /scheduled-jobs"),
    },
    rules=(check_start,),
)

SCHEDULED_JOB: Final = Shape(
    "ScheduledJobDefinition",
    {
        **_JOB,
        "schedule": Field(SCHEDULE, "When to run it.", required=True),
        "wait": Field(WAIT, elsewhere="waiting is for jobs posted to /jobs"),
        "startAt": Field(_TEXT, elsewhere="the schedule says when to run it"),
        "delay": Field(_TEXT, elsewhere="the schedule says when to run it"),
    },
)
