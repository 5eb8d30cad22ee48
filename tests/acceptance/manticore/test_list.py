"""The waiting list on websockets: who is told what, and when."""

import json


def test_one_slot_and_three_users(manticore):
    a, b, c = (manticore.open(manticore.passcode(user)) for user in "abc")
    a.until("position", position=0, wait=False)
    b.until("position", position=1, wait=True)
    c.until("position", position=2, wait=True)
    tasks = manticore.work(2)
    assert a.until("services") == {
        f"{t.name}-main": f"127.0.0.1:{20000 + t.task_id}" for t in tasks
    }
    b.until("position", position=0, wait=True)
    c.until("position", position=1, wait=True)
    assert manticore.leave("a").status == 200
    assert a.until_closed() == 1000
    assert a.told[-1]["type"] == "dead"
    assert b.places() == [(1, True), (0, True)]
    for task in tasks:
        manticore.end(task)
    manticore.tick()
    b.until("position", position=0, wait=False)
    manticore.work(2)
    b.until("services")
    c.until("position", position=0, wait=True)
    assert manticore.leave("c").status == 200
    assert c.until_closed() == 1000
    assert b.places() == [(1, True), (0, True), (0, False)]
    assert c.places() == [(2, True), (1, True), (0, True)]
    assert [each["type"] for each in a.told] == ["position", "services", "dead"]
    assert all(set(each) == {"type", "data"} for each in a.told + b.told + c.told)
    assert json.dumps(a.told[-1]["data"]) == '{"reason": "deleted"}'
