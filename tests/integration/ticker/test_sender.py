"""Sending: in order, within bounds, and however others behave."""

import threading
from collections import defaultdict

import pytest

from app.data import deliveries
from app.domain.errors import StoreUnavailable
from app.ticker import posting
from app.ticker import sender as module
from app.ticker.sender import PLACES_A_HOST, name_of
from tests.integration.ticker.sending import done, post
from tests.receiver import Receiver
from tests.yard import eventually


@pytest.mark.usefixtures("database_url")
def test_messages_of_a_channel_arrive_in_order_each_once_with_a_name_of_its_own(
    engine, start, receiver
):
    bodies = [str(number) for number in range(50)]
    post(engine, f"{receiver.url}/x?a=b", *bodies, **{"X-Mine": "é"})
    start()
    done(engine)
    got = receiver.at("/x?a=b")
    assert [each.body.decode() for each in got] == bodies
    assert len({each.headers["x-jobyard-delivery"] for each in got}) == 50
    first = got[0].headers
    assert got[0].method == "POST"
    assert first["content-type"] == "application/json; charset=UTF-8"
    assert first["host"] == f"127.0.0.1:{receiver.port}"
    assert first["x-mine"].encode("utf-8", "surrogateescape").decode() == "é"


@pytest.mark.parametrize("channels", [1, 8, 100])
def test_however_many_channels_share_a_host_none_is_left_lying(
    engine, start, receiver, monkeypatch, channels
):
    # Were one taken and forgotten, it would be due again only when this time is over.
    monkeypatch.setattr("app.engine.deliveries.HELD_S", 10_000.0)
    for number in range(400):
        post(engine, receiver.url, str(number), channel=f"c{number % channels}")
    start()
    done(engine)
    got = [int(each.body) for each in receiver.messages]
    assert len(got) == 400
    for channel in range(channels):
        assert [number for number in got if number % channels == channel] == list(
            range(channel, 400, channels)
        )


@pytest.mark.usefixtures("database_url")
def test_what_fails_is_tried_again_before_the_next_and_with_the_same_name(engine, start, receiver):
    left = defaultdict(lambda: [429, 500, 502, 503])
    receiver.answer = lambda message: (left[message.body] or [200]).pop(0)
    post(engine, receiver.url, "1", "2")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"1"] * 5 + [b"2"] * 5
    assert len({each.headers["x-jobyard-delivery"] for each in receiver.messages}) == 2


@pytest.mark.parametrize("answer", [500, 504, None, b"nonsense\r\n\r\n", b"HTTP/1.1 2", b"\0" * 99])
def test_after_five_tries_the_next_has_its_turn(engine, start, receiver, lines, answer):
    receiver.answer = lambda message: answer if message.body == b"bad" else 200
    post(engine, receiver.url, "bad", "good")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"bad"] * 5 + [b"good"]
    (line,) = [each for each in lines if each["event"] == "webhook-failed"]
    assert line["tries"] == 5


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308, 400, 401, 404, 413, 422, 501, 505])
def test_any_other_status_ends_it_and_redirects_are_not_followed(engine, start, receiver, status):
    location = f"Location: {receiver.url}/elsewhere".encode()
    receiver.answer = lambda _: b"HTTP/1.1 %d X\r\n%s\r\nContent-Length: 0\r\n\r\n" % (
        status, location,
    )  # fmt: skip
    post(engine, f"{receiver.url}/here", "1", "2")
    start()
    done(engine)
    assert [(each.path, each.body) for each in receiver.messages] == [
        ("/here", b"1"),
        ("/here", b"2"),
    ]


def test_pauses_grow_with_every_try(engine, receiver, start, monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S", 2.0)
    waits = []
    real = engine.deliveries.put_off
    monkeypatch.setattr(
        engine.deliveries,
        "put_off",
        lambda delivery, *, wait_s=0.0, **more: (
            waits.append(wait_s) or real(delivery, wait_s=0.0, **more)
        ),
    )
    receiver.answer = lambda _: 500
    post(engine, receiver.url, "1")
    start()
    done(engine)
    assert waits == [2.0, 4.0, 6.0, 8.0]


def test_a_receiver_that_is_down_is_tried_until_it_is_up(engine, start, receiver, free_port):
    tried = threading.Event()
    real = engine.deliveries.put_off

    def put_off(*args, **more):
        tried.set()
        return real(*args, **more)

    engine.deliveries.put_off = put_off
    # Nobody listens at this port; a channel beside it is none the worse.
    post(engine, f"http://127.0.0.1:{free_port}", "1", channel="down")
    post(engine, receiver.url, "2", channel="up")
    start()
    done(engine)
    assert tried.is_set()
    assert [each.body for each in receiver.messages] == [b"2"]


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_slow_receivers_hold_up_nobody_else(engine, start, receiver, way):
    """Many channels to one that never answers; whoever else is told is told all the while."""
    slow = Receiver(lambda _: getattr(slow, way))
    try:
        for number in range(100):
            post(engine, slow.url, "x", channel=f"slow{number:03}")
        start()
        eventually(lambda: len(slow.messages) == PLACES_A_HOST, "all its places taken")
        for number in range(20):
            post(engine, receiver.url, "y", channel=f"fast{number}")
        eventually(lambda: len(receiver.messages) == 20, "the others told")
        assert len(slow.messages) == PLACES_A_HOST
    finally:
        slow.close()


def test_an_attempt_has_its_time_in_all_however_it_is_dripped(engine, start, receiver, monkeypatch):
    monkeypatch.setattr(posting, "ATTEMPT_S", 0.5)
    left = [receiver.drip, receiver.hang, 200]
    receiver.answer = lambda _: left.pop(0)
    post(engine, receiver.url, "1")
    start()
    done(engine)
    assert len(receiver.messages) == 3


def test_the_body_of_an_answer_is_read_to_a_bound_alone(engine, start, receiver):
    ended = threading.Event()

    def flood(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
        except OSError:
            ended.set()

    receiver.answer = lambda _: flood
    post(engine, receiver.url, "1")
    start()
    done(engine)
    assert ended.wait(60)
    assert len(receiver.messages) == 1


def test_interim_answers_are_passed_over(engine, start, receiver):
    receiver.answer = lambda _: (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 Done\r\n\r\n"
    )
    post(engine, receiver.url, "1")
    start()
    done(engine)
    assert len(receiver.messages) == 1


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "http://", "//host/x", "ftp://127.0.0.1/", "file:///etc/passwd", "http://[::1",
        "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://a b/", "http://" + "a" * 300,
        "http://127.0.0.1/" + "a" * 9000, "http://xn--\udc80/", "http://..", "http://\u2100/",
        "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_address_that_is_none_ends_the_message_and_not_the_channel(
    engine, start, receiver, lines, url
):
    post(engine, url, "1")
    post(engine, receiver.url, "2")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"2"]
    assert [each["event"] for each in lines if each["log_level"] == "warning"] == [
        "webhook-refused"
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"A": "b\r\nC: d"}, {"A": "b\nc"}, {"A": "\0"}, {"A\r\nB": "c"}, {"A B": "c"}, {"": "c"},
        {"É": "c"}, {"A": "x" * 40_000}, {"A": "\udc80"}, {":a": "b"},
    ],
)  # fmt: skip
def test_a_header_that_is_none_ends_the_message(engine, start, receiver, lines, headers):
    engine.deliveries.post("c", url=receiver.url, body="1", headers=headers)
    post(engine, receiver.url, "2")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"2"]
    (line,) = [each for each in lines if each["log_level"] == "warning"]
    assert line["event"] == "webhook-refused"


def test_headers_that_say_where_a_request_ends_are_not_the_clients(engine, start, receiver):
    headers = {
        "Host": "evil.example", "content-length": "1", "Transfer-Encoding": "chunked",
        "Connection": "keep-alive", "EXPECT": "100-continue", "Upgrade": "h2c", "TE": "trailers",
        "X-Jobyard-Delivery": "mine", "Content-Type": "text/plain", "Authorization": " Bearer x\n",
    }  # fmt: skip
    engine.deliveries.post("c", url=receiver.url, body="body", headers=headers)
    start()
    done(engine)
    (message,) = receiver.messages
    assert message.body == b"body"
    assert message.headers["x-jobyard-delivery"] != "mine"
    assert message.headers["authorization"] == "Bearer x"
    assert message.headers["content-type"] == "text/plain"
    assert message.headers["connection"] == "close"
    assert set(message.headers) == {
        "host", "content-length", "connection", "user-agent", "content-type", "authorization",
        "x-jobyard-delivery",
    }  # fmt: skip
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_an_account_in_the_address_becomes_a_header(engine, start, receiver):
    post(engine, receiver.url.replace("//", "//us%20er:p%40ss@"), "1")
    start()
    done(engine)
    assert receiver.messages[0].headers["authorization"] == "Basic dXMgZXI6cEBzcw=="


def test_odd_paths_are_written_as_paths(engine, start, receiver):
    post(engine, f"{receiver.url}/ä b/%20\x7f?q=ü&r=a b#part", "1")
    start()
    done(engine)
    assert receiver.messages[0].path == "/%C3%A4%20b/%20%7F?q=%C3%BC&r=a%20b"


def test_networks_can_be_forbidden_and_allowed(engine, start, receiver, lines):
    start(webhook_private=False, webhook_allow=("127.0.0.2",))
    post(engine, receiver.url, "1", channel="a")
    post(engine, f"http://localhost:{receiver.port}", "1", channel="b")
    done(engine)
    assert receiver.messages == []
    assert {each["event"] for each in lines if each["log_level"] == "warning"} == {
        "webhook-refused"
    }


@pytest.mark.usefixtures("database_url")
def test_who_does_not_lead_sends_nothing(engine, start, receiver):
    leads = threading.Event()
    looked = threading.Semaphore(0)

    def whether():
        looked.release()
        return leads.is_set()

    start(leads=whether)
    post(engine, receiver.url, "1")
    for _ in range(3):
        assert looked.acquire(timeout=60)
    assert receiver.messages == []
    leads.set()
    done(engine)
    assert len(receiver.messages) == 1


@pytest.mark.usefixtures("database_url")
def test_what_another_had_taken_when_it_died_is_sent_by_the_next(engine, start, receiver, clock):
    post(engine, receiver.url, "1", "2")
    assert engine.deliveries.take(limit=1, again=False) == [("c", "")]
    clock.later_s = 60.0
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"1", b"2"]


@pytest.mark.usefixtures("database_url")
def test_a_stop_ends_what_is_under_way_and_begins_nothing_more(engine, start, receiver):
    entered, leave = threading.Event(), threading.Event()

    def slow(handler):
        entered.set()
        leave.wait(60)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    receiver.answer = lambda _: slow
    post(engine, receiver.url, "1", "2")
    stopping, thread = start()
    assert entered.wait(60)
    stopping.set()
    leave.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [each.body for each in receiver.messages] == [b"1"]
    assert engine.deliveries.waiting() == 1


def test_what_has_waited_for_a_day_is_given_up(engine, start, receiver, clock, lines):
    post(engine, receiver.url, "old")
    clock.later_s = 25 * 3600
    post(engine, receiver.url, "new")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"new"]
    assert "webhook-failed" in [each["event"] for each in lines]


def test_lines_tell_neither_path_nor_query_nor_headers(engine, start, receiver, lines):
    receiver.answer = lambda _: 404
    url = receiver.url.replace("//", "//hush:hush@") + "/hush?hush#hush"
    post(engine, url, "hush", Hush="hush")
    post(engine, "http://hush\0/", "hush")
    post(engine, receiver.url, "hush", A="hush\r\nB: c")
    start()
    done(engine)
    assert len(lines) >= 3
    assert "hush" not in repr(lines).lower()


@pytest.mark.usefixtures("database_url")
def test_a_message_that_cannot_be_worded_is_ended_and_a_fault_tried_again(
    engine, start, receiver, lines
):
    with engine.store.transaction():
        about = deliveries.about_text(engine.store, {"kind": "job.submitted"})
        message = deliveries.Message("w", "demo", None, 0, about)
        deliveries.insert(engine.store, [message] * 3, engine.clock.now())
    answers = iter([ValueError("no"), None, *[ZeroDivisionError()] * 5])

    def word(delivery):
        answer = next(answers)
        if answer is not None:
            raise answer
        return answer

    start(word)
    done(engine)
    events = [each["event"] for each in lines]
    assert events.count("webhook-refused") == 1
    assert events.count("delivery-broke-down") == 5
    assert events.count("webhook-failed") == 1


def test_places_of_a_host_come_back_when_taking_fails(engine, start, receiver, monkeypatch):
    real, failing = deliveries.hold, [StoreUnavailable("away")] * 2 * PLACES_A_HOST

    def hold(*args):
        real(*args)
        if failing:
            raise failing.pop()

    for number in range(PLACES_A_HOST):
        post(engine, receiver.url, "1", channel=f"c{number}")
        delivery = engine.deliveries.first(f"c{number}")
        engine.deliveries.put_off(delivery, host=f"127.0.0.1:{receiver.port}", tried=False)
    monkeypatch.setattr(deliveries, "hold", hold)
    monkeypatch.setattr(module, "SWEEP_S", 0.01)
    start()
    done(engine)
    assert failing == []
    assert len(receiver.messages) == PLACES_A_HOST


def test_a_database_that_is_away_for_a_moment_loses_nothing(engine, start, receiver, monkeypatch):
    failing = {"take": 2, "first": 1}

    def shaky(name):
        real = getattr(engine.deliveries, name)

        def verb(*args, **more):
            if failing[name]:
                failing[name] -= 1
                raise StoreUnavailable("away")
            return real(*args, **more)

        monkeypatch.setattr(engine.deliveries, name, verb)

    shaky("take")
    shaky("first")
    monkeypatch.setattr("app.engine.deliveries.HELD_S", 0.2)
    post(engine, receiver.url, "1")
    start()
    done(engine)
    assert [each.body for each in receiver.messages] == [b"1"]


def test_names_are_told_apart_by_channel_and_number(engine):
    post(engine, "u", "1", "2", channel="a")
    post(engine, "u", "1", channel="b")
    first, other = (engine.deliveries.first(name) for name in ("a", "b"))
    assert name_of(first) != name_of(other)
    assert name_of(first) == name_of(engine.deliveries.first("a"))
