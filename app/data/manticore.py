"""The tables of the Manticore dialect as peewee models; see `app.data.tables`."""

from peewee import BigIntegerField, Model, TextField


class ManticoreRequest(Model):
    """Who asked for an environment, and what opens its websocket."""

    id = TextField(primary_key=True)
    job_id = TextField()
    digest = TextField()
    passcode = TextField()

    class Meta:
        table_name = "manticore_request"


class ManticorePort(Model):
    """A public port that an environment has."""

    port = BigIntegerField(primary_key=True)
    job_id = TextField()

    class Meta:
        table_name = "manticore_port"


MANTICORE = (ManticoreRequest, ManticorePort)
