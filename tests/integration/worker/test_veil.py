"""Output is stored without the secrets of its job, however it is cut."""

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.masking import REDACTED, Masker
from app.hooks.manager import PluginManager
from app.hooks.types import Command, Step, TaskSpec, WorkerView
from app.testing import ScriptedJob, make_engine, new_worker, submit
from app.worker.policy import Policy
from app.worker.runtimes.base import Outcome
from app.worker.shipping import Shipper
from app.worker.veil import Veil
from app.worker.work import Bench, Work

QUEUE = "demo/default"
SECRET = "geheimnis-ü-42"


class Bound(ScriptedJob):
    def bind(self, task, worker):
        return Command(runtime="fake", main=Step(run="true"))


class Loud:
    """A runtime whose task writes these pieces, each stored before the next one comes."""

    name = "fake"

    def __init__(self, shipper, logs, pieces):
        self.shipper, self.logs, self.pieces = shipper, logs, pieces

    def available(self):
        return None

    def run(self, command, workspace, watch):
        for piece in self.pieces:
            watch.output(piece)
            for shipment in list(self.shipper._open):
                shipment.store(self.logs, whole=True)
        return Outcome(result="")


@pytest.fixture
def written():
    """Run a task that writes pieces, and give what is stored of them."""
    interface = Bound(plan=[TaskSpec(name="a", queue="default")])
    with make_engine(interface) as engine:

        def written(*pieces, policies=None, spec=None):
            submit(engine, spec={"password": SECRET} if spec is None else spec)
            (task,) = engine.claims.claim(new_worker(engine), QUEUE, start=True)
            shipper = Shipper(engine.logs)
            bench = Bench(
                engine=engine,
                plugins=PluginManager.holding(interface),
                runtimes={"fake": Loud(shipper, engine.logs, pieces)},
                shipper=shipper,
                worker=WorkerView(name="w", hostname="h", system="Linux"),
                policies=policies or {},
            )
            Work(bench, task, lambda: False).run()
            return SimpleNamespace(
                text="".join(engine.logs.whole(task.task_id)),
                parts=engine.logs.last_number(task.task_id),
            )

        yield written


def test_a_secret_across_parts_is_stored_nowhere(written):
    data = f"a {SECRET}\n".encode()
    for cut in range(1, len(data)):
        assert written(data[:cut], data[cut:]).text == f"a {REDACTED}\n"


def test_output_byte_by_byte(written):
    data = f"{SECRET[:-1]}! {SECRET}{SECRET}".encode()
    found = written(*(data[at : at + 1] for at in range(len(data))))
    assert found.text == f"{SECRET[:-1]}! {REDACTED}{REDACTED}"


def test_the_beginning_of_a_secret_comes_out_at_the_end(written):
    assert written(b"x geheim").text == "x geheim"


def test_output_of_a_job_without_secrets_is_stored_as_it_comes(written):
    assert written(b"geheim", b"nis", spec={}).text == "geheimnis"


def test_masking_can_be_off(written):
    policies = {"demo": Policy(masks=False)}
    assert written(SECRET.encode(), policies=policies).text == SECRET


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_what_holds_no_secret_is_as_it_was(data, cuts):
    veil = Veil(Masker(["\ue123\ue124"]))
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[begin:end] for begin, end in itertools.pairwise(places)]
    given_out = b"".join([*map(veil.feed, pieces), veil.rest()])
    assert given_out == data.decode("utf-8", "replace").encode()
