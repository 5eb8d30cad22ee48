"""The sinks of jobs: every line once to everybody who follows, from the line they wanted on."""

import threading

import pytest

from app.api.http.sinks import BATCH, QUEUE_LINES, Sinks, is_id
from app.data import logs
from app.data.events import SETTLED
from app.hooks import TaskSpec
from app.testing import make_engine, new_worker, submit
from tests.yard import eventually

QUEUE = "demo/default"


@pytest.fixture
def sinks(engine):
    return Sinks(engine)


@pytest.fixture
def claimed(engine, scripted, worker):
    """Return two running tasks of one job."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    submit(engine)
    return [engine.claims.claim(worker, QUEUE, start=True)[0] for _ in range(2)]


def write(engine, task, *texts, sink=True, wait=True):
    """Store output. wait: until it can be read, as transactions of other tests keep it back."""
    engine.logs.append(
        task_id=task.task_id,
        job_id=task.job_id,
        position=task.position,
        task_created_at=task.created_at,
        texts=texts,
        sink=range(len(texts)) if sink else (),
    )
    if wait and engine.log_store.backend == "postgres":
        eventually(lambda: kept_back(engine) == 0, "parts that can be read")


def kept_back(engine):
    with engine.log_store.session():
        sql = f"SELECT COUNT(*) FROM log_part WHERE NOT ({SETTLED})"
        return engine.log_store.run(sql).fetchone()[0]


class Client(threading.Thread):
    """Follows a sink to its end, or until it is told to leave."""

    def __init__(self, sinks, job_id, replay=0, **words):
        super().__init__(daemon=True)
        self.seen, self.ids = [], []
        self.joined = threading.Event()
        self.leaving = False
        self._following = sinks.following(job_id, replay=replay, **words)
        self.start()
        assert self.joined.wait(60)

    def run(self):
        with self._following as follower:
            self.joined.set()
            while not self.leaving:
                lines = follower.take(0.1)
                self.seen += [line.text for line in lines]
                self.ids += [line.id for line in lines]
                if not lines and follower.ended:
                    return

    def leave(self):
        self.leaving = True
        self.join(60)
        assert not self.is_alive()


def test_a_client_goes_on_behind_any_line_it_has_seen(engine, claimed, sinks):
    one, _ = claimed
    for number in range(BATCH + 10):
        write(engine, claimed[number % 2], f"{number}a\n\n{number}b\n")
    finish(engine, claimed)
    whole = Client(sinks, one.job_id, replay=None)
    whole.join(60)
    assert len(set(whole.ids)) == len(whole.seen) == 2 * BATCH + 20
    assert all(map(is_id, whole.ids))
    for index in (0, 1, 2, BATCH, 2 * BATCH + 18):
        rest = Client(sinks, one.job_id, behind=whole.ids[index])
        rest.join(60)
        assert rest.seen == whole.seen[index + 1 :]
    beyond = Client(sinks, one.job_id, behind="999999999-999999999999.7")
    beyond.join(60)
    assert beyond.seen == []


@pytest.mark.parametrize(
    "bad", ["", "1", "1-1", "1-1.", "-1-1.0", "1-1.0\n", "x-1.0", "9" * 19 + "-1.0", "²-1.0"]
)
def test_what_is_no_id_is_told(bad):
    assert not is_id(bad)


def wait_for_lines(client, count):
    eventually(lambda: len(client.seen) == count, "all to who takes")


def finish(engine, tasks):
    for task in tasks:
        engine.attempts.complete(task.lease)


def test_everybody_gets_every_line_from_now_on_and_the_end(engine, claimed, sinks):
    one, two = claimed
    write(engine, one, "before\n")
    clients = [Client(sinks, one.job_id) for _ in range(3)]
    write(engine, one, "1\n2\n")
    write(engine, two, "3\r\n\n  \n4")
    late = Client(sinks, one.job_id, replay=1)
    write(engine, two, "5\n")
    eventually(lambda: late.seen[-1:] == ["5"], "the last line")
    finish(engine, claimed)
    for client in (*clients, late):
        client.join(60)
        assert not client.is_alive()
    assert [client.seen for client in clients] == [["1", "2", "3", "4", "5"]] * 3
    assert late.seen == ["4", "5"]


def test_what_is_not_of_the_sink_is_not_in_it(engine, claimed, sinks):
    one, two = claimed
    client = Client(sinks, one.job_id)
    write(engine, one, "to the log\n", sink=False)
    write(engine, two, "to the sink\n")
    finish(engine, claimed)
    client.join(60)
    assert client.seen == ["to the sink"]


@pytest.mark.parametrize("count", [1, 5, 3 * BATCH, 7 * BATCH, 100 * BATCH, None])
def test_the_last_lines_come_first_and_each_once(engine, claimed, sinks, count):
    one, two = claimed
    lines = [f"{number}" for number in range(5 * BATCH)]
    for start in range(0, len(lines), 7):
        task = claimed[start % 2]
        write(engine, task, "".join(f"{line}\n" for line in lines[start : start + 5]))
        write(engine, task, *(f"{line}\n" for line in lines[start + 5 : start + 7]))
    client = Client(sinks, one.job_id, replay=count)
    write(engine, two, "live\n")
    finish(engine, claimed)
    client.join(60)
    assert client.seen == [*(lines if count is None else lines[-count:]), "live"]


def test_who_does_not_take_loses_the_newest_lines_and_nobody_else_does(engine, claimed, sinks):
    one, _ = claimed
    with sinks.following(one.job_id) as slow:
        client = Client(sinks, one.job_id)
        for start in range(0, QUEUE_LINES + 500, 100):
            write(engine, one, "".join(f"{n}\n" for n in range(start, start + 100)))
            wait_for_lines(client, start + 100)
        finish(engine, claimed)
        client.join(60)
        eventually(lambda: slow.ended, "the end")
        taken = [line.text for _ in range(QUEUE_LINES) for line in slow.take(0)]
        assert taken == [str(number) for number in range(QUEUE_LINES)]
        assert client.seen == [str(number) for number in range(QUEUE_LINES + 500)]


def test_nobody_reads_when_nobody_follows(engine, claimed, sinks):
    one, _ = claimed
    client = Client(sinks, one.job_id)
    write(engine, one, "1\n")
    eventually(lambda: client.seen == ["1"], "a line")
    client.leave()
    eventually(lambda: not sinks._readers, "the reader's end")
    write(engine, one, "2\n")
    again = Client(sinks, one.job_id)
    write(engine, one, "3\n")
    finish(engine, claimed)
    again.join(60)
    assert again.seen == ["3"]


def test_the_sink_of_a_job_that_is_deleted_ends(engine, claimed, sinks):
    one, _ = claimed
    client = Client(sinks, one.job_id)
    engine.jobs.cancel(one.job_id)
    for task in claimed:
        engine.attempts.gone(task.lease)
    engine.jobs.delete(one.job_id)
    client.join(60)
    assert not client.is_alive()


def test_last_words_of_a_cancelled_job_are_heard(engine, claimed, sinks):
    one, two = claimed
    client = Client(sinks, one.job_id)
    engine.jobs.cancel(one.job_id)
    engine.attempts.gone(two.lease)
    write(engine, one, "bye\n")
    engine.attempts.gone(one.lease)
    client.join(60)
    assert client.seen == ["bye"]


def test_it_is_said_that_a_job_is_followed_until_the_last_one_leaves(claimed, sinks):
    said = []
    clients = [Client(sinks, claimed[0].job_id, use=lambda: said.append(1)) for _ in range(2)]
    eventually(lambda: len(said) >= 2, "each second")
    clients[0].leave()
    before = len(said)
    eventually(lambda: len(said) > before, "for who is left")
    clients[1].leave()
    eventually(lambda: not sinks._readers, "the reader's end")
    last = len(said)
    with sinks.following(claimed[0].job_id):
        assert len(said) == last


def test_a_line_that_is_not_settled_yet_keeps_its_place(postgres_url, scripted):
    """Two write at once; who stores first and commits last is not lost to who follows."""
    scripted.on_plan = [TaskSpec(name="a"), TaskSpec(name="b")]
    with make_engine(scripted, database_url=postgres_url) as engine:
        submit(engine)
        worker = new_worker(engine)
        tasks = [engine.claims.claim(worker, QUEUE, start=True)[0] for _ in range(2)]
        write_at_once(engine, *tasks)


def write_at_once(engine, one, two):
    client = Client(Sinks(engine), one.job_id)
    stored, go = threading.Event(), threading.Event()

    def slow_writer():
        with engine.log_store.transaction():
            logs.append(
                engine.log_store,
                task_id=two.task_id,
                job_id=two.job_id,
                position=0,
                task_created_at=0,
                texts=["slow\n"],
                sink=[0],
                at=1,
            )
            stored.set()
            assert go.wait(60)

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert stored.wait(60)
    write(engine, one, "quick\n", wait=False)
    go.set()
    writer.join()
    eventually(lambda: len(client.seen) == 2, "both")
    assert client.seen == ["slow", "quick"]
    client.leave()


def test_a_job_that_is_over_gives_what_it_wrote(engine, claimed, sinks):
    write(engine, claimed[0], "all\n")
    finish(engine, claimed)
    client = Client(sinks, claimed[0].job_id, replay=None)
    client.join(60)
    assert client.seen == ["all"]
