"""Many workers poll while web processes are killed: each task is handed out once."""

import threading
from contextlib import suppress

import psutil
import pytest
import requests

from tests.yard import Yard, eventually, with_suppressed

TASKS = 300
WORKERS = 12


@pytest.fixture
def yard(tmp_path):
    yard = Yard(tmp_path, JOBYARD_WEB_PROCESSES="2")
    yard.start()
    yield yard
    yard.end()


def ask(method, url, **words):
    """Ask until somebody answers: a web process may die at any moment. None for lost answers."""
    try:
        return requests.request(method, url, timeout=60, **words)
    except requests.RequestException:
        return None


def surely(method, url, **words):
    return eventually(lambda: ask(method, url, **words), f"an answer of {url}")


class Node(threading.Thread):
    """A worker that takes tasks and completes them until there is none."""

    def __init__(self, yard, number, stop):
        super().__init__(daemon=True)
        self.yard, self.number, self.stop = yard, number, stop
        self.done: list[int] = []
        self.faults: list[str] = []

    def run(self):
        body = {"hostname": "node", "port": 6000 + self.number}
        me = next(iter(surely("POST", f"{self.yard.url}/workers", json=body).json().values()))["id"]
        while not self.stop.is_set():
            url = f"{self.yard.url}/workers/{me}"
            answer = surely("PATCH", url, json={"status": "available"})
            if answer.status_code != 200:
                self.faults.append(answer.text)
                return
            task = answer.json()["task_id"]
            if task is None:
                return
            self._finish(me, task)

    def _finish(self, me, task):
        body = {"worker_id": me, "status": "finished", "log_append": f"by {me}\n"}
        answer = surely("PATCH", f"{self.yard.url}/tasks/{task}", json=body)
        if answer.status_code == 204:
            self.done.append(task)
        else:
            self.faults.append(f"{task}: {answer.status_code} {answer.text}")


def web_processes(yard):
    """The processes that answer requests: those below the one that binds the port."""
    found = []
    for one in yard.processes():
        with suppress(psutil.Error):  # it may end between any two looks at it
            if "web" in " ".join(one.cmdline()) and not one.children():
                found.append(one)
    return found


def test_each_task_is_handed_out_once_while_web_processes_die(yard):
    settings = {"filepath": "a.blend", "frame_start": 1, "frame_end": TASKS, "chunk_size": 1}
    body = {"type": "simple_blender_render", "settings": settings}
    group = surely("POST", f"{yard.url}/tasks", json=body).json()["id"]
    stop = threading.Event()
    nodes = [Node(yard, number, stop) for number in range(WORKERS)]
    for node in nodes:
        node.start()
    for round_ in range(1, 4):
        done = TASKS * round_ // 5
        eventually(lambda done=done: sum(len(one.done) for one in nodes) >= done, "some tasks done")
        for process in web_processes(yard)[:1]:
            with_suppressed(process.kill)
    for node in nodes:
        node.join(90)
    stop.set()
    assert [fault for node in nodes for fault in node.faults] == []
    done = [task for node in nodes for task in node.done]
    assert len(done) == len(set(done)) == TASKS
    found = surely("GET", f"{yard.url}/tasks?parent_id={group}").json()
    assert found["total"] == TASKS
    assert {one["status"] for one in found["tasks"]} == {"completed"}
    assert {one["attempts"] for one in found["tasks"]} == {1}
    assert surely("GET", f"{yard.url}/tasks/{group}").json()["status"] == "completed"
