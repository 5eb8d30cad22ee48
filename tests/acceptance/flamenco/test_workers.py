"""Machines: who is who, what they are shown as, and their going."""

import pytest

from tests.acceptance.flamenco.client import (
    INFO,
    NEVER,
    WORKER,
    Flamenco,
    address,
    number,
    unique,
    urgent,
)

OFTEN = {"load_average": {"15min": 2.18, "1min": 2.18, "5min": 2.11}, "worker_cpu_percent": 7.0}
RARELY = {"worker_architecture": "x86_64", "worker_disk_percent": 90.7, "worker_mem_percent": 56.7,
          "worker_num_cpus": 16}  # fmt: skip


# -- registering ----------------------------------------------------------------------------------


def test_a_registration(flamenco: Flamenco):
    host = unique("host")
    answer = flamenco.ask("POST", "/workers", json={"hostname": host, "system": "Darwin 14.1.0"})
    assert answer.status_code == 200
    [(key, found)] = answer.json().items()
    assert key == host
    assert answer.headers["Location"] == f"/workers/{found['id']}"
    assert "Preference-Applied" not in answer.headers
    assert found == {
        "id": found["id"],
        "hostname": host,
        "ip_address": "127.0.0.1",
        "port": 5000,
        "system": "Darwin 14.1.0",
        "status": "enabled",
        "connection": "online",
        "current_task": None,
        "activity": None,
        "log": None,
        "time_cost": None,
    }
    assert flamenco.workers()[host] == found


@pytest.mark.parametrize(
    "prefer", ["return=minimal", "Return=minimal", "respond-async, return=minimal", "return=minimal; foo=1",
               "return = minimal"]
)  # fmt: skip
def test_a_registration_that_wants_no_body(flamenco: Flamenco, prefer: str):
    host = unique("host")
    answer = flamenco.ask("POST", "/workers", json={"hostname": host}, headers={"Prefer": prefer})
    assert (answer.status_code, answer.content) == (204, b"")
    worker = flamenco.workers()[host]["id"]
    assert answer.headers["Location"] == f"/workers/{worker}"
    assert answer.headers["Preference-Applied"] == "return=minimal"


@pytest.mark.parametrize(
    "prefer", ["", "return=representation", "minimal", "return=minimalist", "wait=5"]
)
def test_another_preference(flamenco: Flamenco, prefer: str):
    body = {"hostname": unique("host")}
    answer = flamenco.ask("POST", "/workers", json=body, headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


def test_a_refusal_is_told_whatever_is_preferred(flamenco: Flamenco):
    headers = {"Prefer": "return=minimal"}
    flamenco.refused(400, "POST", "/workers", json={}, headers=headers, blamed="hostname")


@pytest.mark.parametrize(
    "host", ["x", "x" * 255, "ü" * 255, "a b", "fsiddi-macpro.local", "\U0001f5a5", "a:5000", "a#1",
             "<b>", "../..", "'; --", "%00", "0"]
)  # fmt: skip
def test_hostnames(flamenco: Flamenco, host: str, calling):
    there = calling(address())
    worker = there.worker(hostname=host)
    assert worker.hostname == host
    assert there.info(worker)["hostname"] == host
    there.good("DELETE", f"/workers/{worker.id}", 204)


@pytest.mark.parametrize("port", [1, "1", 5000, 5001, "65535", 65535])
def test_ports(flamenco: Flamenco, port):
    flamenco.sees(flamenco.worker(port=port), port=int(port))


def test_all_that_may_be_told(flamenco: Flamenco):
    worker = flamenco.worker(
        system="Windows 7", mac_address=158929712651, update_frequent=OFTEN, update_less_frequent=RARELY
    )  # fmt: skip
    found = flamenco.info(worker)
    assert {name: found[name] for name in WORKER} == worker.more
    assert found["mac_address"] == 158929712651
    assert (found["update_frequent"], found["update_less_frequent"]) == (OFTEN, RARELY)


def test_nothing_told(flamenco: Flamenco):
    found = flamenco.good("POST", "/workers", json={"hostname": unique("host")})
    [shown] = found.values()
    found = flamenco.good("GET", f"/workers/{shown['id']}")
    assert set(found) == INFO
    assert (found["mac_address"], found["system"]) == (None, "")
    assert (found["update_frequent"], found["update_less_frequent"]) == ({}, {})


@pytest.mark.parametrize("mac", [158929712651, 0, 2**53, "aa:bb:cc:dd:ee:ff", "158929712651"])
def test_mac_addresses(flamenco: Flamenco, mac):
    worker = flamenco.worker(mac_address=mac)
    assert str(flamenco.info(worker)["mac_address"]) == str(mac)
    other = flamenco.worker()
    flamenco.beat(other, "enabled", mac_address=mac)
    assert str(flamenco.info(other)["mac_address"]) == str(mac)


# -- identity -------------------------------------------------------------------------------------


def test_the_same_machine_keeps_its_number(flamenco: Flamenco):
    worker = flamenco.worker(system="Linux 5", mac_address=1, update_frequent={"a": 1})
    flamenco.beat(worker, "busy", log="l", activity="a", time_cost=3)
    again = flamenco.worker(
        hostname=worker.hostname, system="Linux 6", mac_address=2, update_less_frequent={"b": 2}
    )
    assert again.id == worker.id
    flamenco.sees(worker, system="Linux 6", mac_address=2, status="enabled", connection="online",
                  update_less_frequent={"b": 2})  # fmt: skip
    assert again.more["status"] == "enabled"


def test_others_get_numbers_of_their_own(flamenco: Flamenco, calling):
    there = calling(address())
    host = unique("host")
    one = flamenco.worker(hostname=host)
    others = [
        flamenco.worker(hostname=host, port=5001),
        there.worker(hostname=host),
        there.worker(hostname=host, port=5001),
        flamenco.worker(hostname=host.upper()),
    ]
    ids = [one.id, *[other.id for other in others]]
    assert ids == sorted(set(ids))
    assert flamenco.worker(hostname=host).id == one.id
    assert there.worker(hostname=host, port=5001).id == others[2].id


def test_a_number_is_never_used_again(flamenco: Flamenco):
    worker = flamenco.worker()
    flamenco.good("DELETE", f"/workers/{worker.id}", 204)
    assert flamenco.worker(hostname=worker.hostname).id > worker.id


def test_a_mac_address_follows_moves(flamenco: Flamenco, calling):
    one, other = address(), address()
    host, mac = unique("host"), number()
    worker = calling(one).worker(hostname=host, mac_address=mac)
    assert worker.more["ip_address"] == one
    moved = calling(other).worker(hostname=host, mac_address=mac)
    assert (moved.id, moved.more["ip_address"]) == (worker.id, other)
    # Another port, name or card, or none: another worker.
    there = calling(address())
    for more in ({"port": 5001, "mac_address": mac}, {"hostname": unique(), "mac_address": mac},
                 {"mac_address": number()}, {}):  # fmt: skip
        fresh = there.worker(**{"hostname": host, **more})
        assert fresh.id != worker.id
        there.good("DELETE", f"/workers/{fresh.id}", 204)


def test_a_mac_address_told_later_counts_too(flamenco: Flamenco, calling):
    one, other = calling(address()), calling(address())
    host, mac = unique("host"), unique("mac")
    worker = one.worker(hostname=host)
    one.beat(worker, "enabled", mac_address=mac)
    assert other.worker(hostname=host, mac_address=mac).id == worker.id


def test_the_triple_counts_when_the_mac_address_is_new(flamenco: Flamenco):
    worker = flamenco.worker(mac_address=number())
    mac = number()
    assert flamenco.worker(hostname=worker.hostname, mac_address=mac).id == worker.id
    flamenco.sees(worker, mac_address=mac)
    assert flamenco.worker(hostname=worker.hostname).id == worker.id


def test_the_mac_address_wins_over_the_triple(flamenco: Flamenco, calling):
    one, other = calling(address()), calling(address())
    host, mac = unique("host"), number()
    there = one.worker(hostname=host, mac_address=mac)
    here = other.worker(hostname=host)
    assert there.id != here.id
    assert other.worker(hostname=host, mac_address=mac).id == there.id


def test_the_task_of_a_machine_that_starts_anew(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    again = flamenco.worker(hostname=worker.hostname)
    assert (again.id, again.more["current_task"]) == (worker.id, None)
    assert again.more["status"] == "enabled"
    flamenco.shows(task, status="ready", worker_id=None, attempts=1)
    flamenco.unpatched(403, task, worker_id=worker.id, status="running")
    flamenco.patch(task, priority=urgent())
    assert flamenco.poll(again) == task
    flamenco.shows(task, attempts=2)


def test_a_disabled_machine_that_starts_anew(flamenco: Flamenco):
    worker = flamenco.worker()
    flamenco.switch(worker, "disabled")
    again = flamenco.worker(hostname=worker.hostname)
    assert (again.id, again.more["status"]) == (worker.id, "disabled")


def test_a_header_is_no_address(flamenco: Flamenco):
    headers = {"X-Forwarded-For": "10.1.2.3", "X-Real-IP": "10.1.2.3", "Forwarded": "for=10.1.2.3"}
    host = unique("host")
    found = flamenco.good("POST", "/workers", json={"hostname": host}, headers=headers)
    assert found[host]["ip_address"] == "127.0.0.1"


# -- the list -------------------------------------------------------------------------------------


def test_no_worker(farm: Flamenco):
    assert farm.workers() == {}


def test_names_in_the_list(farm: Flamenco, request):
    """The lowest number has the plain name, the next ones the port, and the number, with it."""
    here = farm
    elsewhere = [Flamenco(farm.yard, address()) for _ in range(3)]
    first = here.worker(hostname="node")
    second = here.worker(hostname="node", port=6000)
    third = elsewhere[0].worker(hostname="node", port=6000)
    fourth = elsewhere[1].worker(hostname="node", port=5000)
    fifth = elsewhere[2].worker(hostname="node", port=5000)
    other = here.worker(hostname="other")
    found = here.workers()
    assert {name: each["id"] for name, each in found.items()} == {
        "node": first.id,
        "node:6000": second.id,
        f"node:6000#{third.id}": third.id,
        "node:5000": fourth.id,
        f"node:5000#{fifth.id}": fifth.id,
        "other": other.id,
    }
    here.good("DELETE", f"/workers/{first.id}", 204)
    found = here.workers()
    assert {name: each["id"] for name, each in found.items()} == {
        "node": second.id,
        "node:6000": third.id,
        "node:5000": fourth.id,
        f"node:5000#{fifth.id}": fifth.id,
        "other": other.id,
    }


def test_a_registration_shows_what_the_list_shows(farm: Flamenco):
    farm.worker(hostname="node")
    body = {"hostname": "node", "port": 6000}
    found = farm.good("POST", "/workers", json=body)
    assert list(found.values()) == [farm.workers()["node:6000"]]


def test_a_name_that_looks_like_another_with_its_port(farm: Flamenco):
    one = farm.worker(hostname="node")
    odd = farm.worker(hostname="node:6000")
    two = farm.worker(hostname="node", port=6000)
    found = {name: each["id"] for name, each in farm.workers().items()}
    assert sorted(found.values()) == [one.id, odd.id, two.id]
    assert found["node"] == one.id


def test_a_worker_of_another_dialect_is_not_listed(farm: Flamenco):
    # The server's own worker runs beside it.
    farm.yard.part("worker")
    assert farm.workers() == {}


# -- the info -------------------------------------------------------------------------------------


def test_the_info(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    found = flamenco.sees(worker, current_task=task, status="rendering", connection="online")
    assert found["last_activity"]


def test_reading_is_no_sign_of_life(flamenco: Flamenco):
    worker = flamenco.worker()
    before = flamenco.info(worker)["last_activity"]
    flamenco.workers()
    flamenco.switch(worker, "busy")
    flamenco.switch(worker, "enabled")
    assert flamenco.info(worker)["last_activity"] == before


@pytest.mark.parametrize("sign", ["beat", "report", "compiled", "register"])
def test_signs_of_life(flamenco: Flamenco, sign: str):
    task, worker = flamenco.rendering()
    before = flamenco.info(worker)["last_activity"]
    if sign == "beat":
        flamenco.beat(worker, "rendering")
    elif sign == "report":
        flamenco.report(task, worker)
    elif sign == "compiled":
        flamenco.compiled(task, worker_id=worker.id)
    else:
        flamenco.worker(hostname=worker.hostname)
    assert flamenco.info(worker)["last_activity"] >= before


# -- going ----------------------------------------------------------------------------------------


def test_a_worker_that_is_deleted(flamenco: Flamenco):
    task, worker = flamenco.rendering()
    answer = flamenco.ask("DELETE", f"/workers/{worker.id}")
    assert (answer.status_code, answer.content) == (204, b"")
    path = f"/workers/{worker.id}"
    for method in ("GET", "PATCH", "DELETE"):
        flamenco.refused(404, method, path, json={"status": "available"})
    flamenco.refused(404, "PATCH", f"/workers/status/{worker.id}", json={"status": "enabled"})
    assert worker.hostname not in flamenco.workers()
    flamenco.shows(task, status="ready", worker_id=None)
    query = {"worker_id": worker.id}
    flamenco.refused(403, "GET", f"/tasks/compiled/{task}", params=query)
    flamenco.patch(task, priority=urgent())
    assert flamenco.poll(flamenco.worker()) == task


def test_what_a_deleted_worker_did_is_still_told(flamenco: Flamenco):
    task, worker = flamenco.ended()
    flamenco.good("DELETE", f"/workers/{worker.id}", 204)
    found = flamenco.long(task)
    assert found["status"] == "completed"
    assert found["worker_id"] in (worker.id, None)
    assert flamenco.worker().id > worker.id


def test_deleting_nobody(flamenco: Flamenco):
    flamenco.refused(404, "DELETE", f"/workers/{NEVER}")


# -- the operator's switch ------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["enabled", "busy", "disabled"])
@pytest.mark.parametrize("word", ["enabled", "busy", "disabled"])
def test_the_switch(flamenco: Flamenco, before: str, word: str):
    worker = flamenco.worker()
    assert flamenco.switch(worker, before) == {"task_id": None}
    flamenco.sees(worker, status=before)
    assert flamenco.switch(worker, word) == {"task_id": None}
    # The rest is as with the worker's own words, and a disabled one stays so but for `enabled`.
    stays = before == "disabled" and word == "busy"
    flamenco.sees(worker, status="disabled" if stays else word)


@pytest.mark.parametrize("word", ["enabled", "busy", "disabled"])
def test_the_switch_of_one_that_renders(flamenco: Flamenco, word: str):
    task, worker = flamenco.rendering()
    kept = None if word == "disabled" else task
    assert flamenco.switch(worker, word) == {"task_id": kept}
    status = {"enabled": "rendering", "busy": "busy", "disabled": "disabled"}[word]
    flamenco.sees(worker, status=status, current_task=kept)
    if kept is None:
        flamenco.shows(task, status="ready", worker_id=None)
    else:
        flamenco.shows(task, status="rendering", worker_id=worker.id)


def test_an_unknown_one(flamenco: Flamenco):
    path = f"/workers/status/{NEVER}"
    flamenco.refused(404, "PATCH", path, json={"status": "enabled"})
