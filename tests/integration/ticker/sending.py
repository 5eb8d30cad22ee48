"""What tests of the sender ask of the engine."""

from tests.yard import eventually


def post(engine, url, *bodies, channel="c", **headers):
    for body in bodies:
        engine.deliveries.post(channel, url=url, body=body, headers=headers)


def done(engine):
    eventually(lambda: engine.deliveries.waiting() == 0, "everything sent")
