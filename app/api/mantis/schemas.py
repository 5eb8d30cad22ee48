"""Shapes of bodies, for the API document; at work they are read by hand, leniently."""

from marshmallow import INCLUDE, Schema, fields


class Error(Schema):
    """What is wrong."""

    time = fields.Integer(required=True, metadata={"description": "Milliseconds since 1970."})
    host = fields.String(required=True)
    error = fields.String(required=True)
    requestId = fields.Integer(required=True, metadata={"description": "-1: there is none."})
    code = fields.String(required=True, metadata={"description": "A stable word for programs."})


class Pair(Schema):
    """A parameter or a label."""

    name = fields.String(required=True)
    value = fields.String(required=True)


class Machine(Schema):
    """What each worker of a stage needs."""

    cpuCores = fields.Float(required=True)
    memoryMB = fields.Float(required=True)
    diskMB = fields.Float()
    networkMbps = fields.Float()
    numPorts = fields.Integer()


class Stage(Schema):
    """A stage of workers."""

    numberOfInstances = fields.Integer(required=True)
    machineDefinition = fields.Nested(Machine, required=True)
    hardConstraints = fields.List(fields.String(), allow_none=True)
    softConstraints = fields.List(fields.String(), allow_none=True)
    scalingPolicy = fields.Dict(allow_none=True)
    scalable = fields.Boolean()


class Scheduling(Schema):
    """Stages by number, from 1; 0 is the job master's."""

    stages = fields.Dict(keys=fields.String(), values=fields.Nested(Stage), required=True)


class Migration(Schema):
    """How workers are moved."""

    strategy = fields.String(metadata={"description": "`ONE_WORKER` or `PERCENTAGE`."})
    configString = fields.String()


class JobDefinition(Schema):
    """What a cluster runs."""

    name = fields.String(required=True)
    user = fields.String(required=True)
    jobJarFileLocation = fields.String(required=True)
    version = fields.String()
    schedulingInfo = fields.Nested(Scheduling, required=True)
    parameters = fields.List(fields.Nested(Pair))
    labels = fields.List(fields.Nested(Pair))
    migrationConfig = fields.Nested(Migration)
    slaMin = fields.Integer()
    slaMax = fields.Integer()
    cronSpec = fields.String()
    cronPolicy = fields.String(metadata={"description": "`KEEP_EXISTING` or `KEEP_NEW`."})
    isReadyForJobMaster = fields.Boolean()


class Owner(Schema):
    """Who answers for a cluster."""

    name = fields.String()
    teamName = fields.String()
    description = fields.String()
    contactEmail = fields.String()
    repo = fields.String()


class ClusterBody(Schema):
    """A cluster to be made, or to be replaced."""

    jobDefinition = fields.Nested(JobDefinition, required=True)
    owner = fields.Nested(Owner)


class JobSla(Schema):
    """Limits of a job."""

    durationType = fields.String(metadata={"description": "`Perpetual` or `Transient`."})
    runtimeLimitSecs = fields.Integer()
    minRuntimeSecs = fields.Integer()
    slaType = fields.String()
    userProvidedType = fields.String()


class QuickBody(Schema):
    """A job like the latest one."""

    name = fields.String(required=True)
    user = fields.String(required=True)
    jobSla = fields.Nested(JobSla)


class SubmitBody(QuickBody):
    """A job; what is left out is the cluster's."""

    jobJarFileLocation = fields.String(allow_none=True)
    version = fields.String()
    schedulingInfo = fields.Nested(Scheduling, allow_none=True)
    subscriptionTimeoutSecs = fields.Integer()
    parameters = fields.List(fields.Nested(Pair))
    labels = fields.List(fields.Nested(Pair))


class Action(Schema):
    """Who wants what of a cluster."""

    name = fields.String(required=True)
    user = fields.String(required=True)


class ArtifactAction(Action):
    """A new artifact."""

    url = fields.String(required=True)
    version = fields.String(required=True)
    jobJarUrl = fields.String()
    skipsubmit = fields.Boolean()


class StagesAction(Action):
    """Other stages for the same artifact."""

    version = fields.String(required=True)
    schedulingInfo = fields.Nested(Scheduling, required=True)


class SlaAction(Action):
    """How many jobs there are to be, or when they begin."""

    min = fields.Integer()
    max = fields.Integer()
    cronspec = fields.String()
    cronpolicy = fields.String()
    forceenable = fields.Boolean()
    headroom = fields.Integer(
        metadata={"description": "So many jobs more than may run may wait to begin."}
    )


class MigrationAction(Action):
    """How workers are to be moved."""

    migrationConfig = fields.Nested(Migration, required=True)


class LabelAction(Action):
    """All labels of the cluster."""

    labels = fields.List(fields.Nested(Pair), required=True)


class ScaleBody(Schema):
    """How many workers a stage is to have."""

    JobId = fields.String(required=True)
    StageNumber = fields.Integer(required=True)
    NumWorkers = fields.Integer(required=True)
    User = fields.String()
    Reason = fields.String()


class ResubmitBody(Schema):
    """A worker to be replaced."""

    workerNumber = fields.Integer(required=True)
    user = fields.String(required=True)
    reason = fields.String()


class StatusBody(Schema):
    """What a worker reports."""

    jobId = fields.String(required=True)
    status = fields.Dict(required=True)


class Listed(Schema):
    """A part of a list."""

    list = fields.List(fields.Dict(), required=True)
    prev = fields.String(allow_none=True, required=True)
    next = fields.String(allow_none=True, required=True)
    total = fields.Integer(required=True)


class Document(Schema):
    """An object; docs/mantis.md tells its fields."""

    class Meta:
        """Any."""

        unknown = INCLUDE


DOCUMENTS = {"type": "array", "items": {"type": "object"}}
NAMES = {"type": "array", "items": {"type": "string"}}
