"""A server with a small, pleasant day's work on it, for pictures of the pages."""

import math
import struct
import zlib

import requests

from app.data.samples import JOBS, MINUTE, TASKS
from app.domain.clock import SystemClock
from app.wiring import build
from config.settings import load
from tests.acceptance.mantis.client import Mantis, scheduling, stage
from tests.browser.people import ADMIN, PASSWORD, register
from tests.yard import Yard, eventually

SHOT = {"filepath": "harbour.blend", "frame_start": 1, "frame_end": 12, "chunk_size": 1}
FRAMES = 8
RELEASE = {
    "name": "Release 4.2",
    "description": "Build, test on three systems, publish.",
    "tags": ["release"],
    "tasks": [
        {"name": "Fetch the sources", "run": "echo fetched > $TORK_OUTPUT"},
        {"name": "Test", "parallel": {"tasks": [
            {"name": "Test on Linux", "run": "for n in 1 2 3; do echo test $n passed; done"},
            {"name": "Test on Windows", "run": "echo 214 tests passed"},
            {"name": "Test on macOS", "run": "echo 214 tests passed"},
        ]}},
        {"name": "Package", "each": {"list": "1..3", "task": {"name": "Package", "run": "true"}}},
        {"name": "Publish", "run": "echo uploading; sleep 900"},
    ],
}  # fmt: skip


class Stage:
    """What stands on a server, by the paths of its pages."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        register(yard.url, ADMIN)
        self._history()
        self.schedule = self._line()
        self._small_jobs()
        self.job = self._release()
        self.cluster = self._cluster()
        self.project = self._project()
        self.farm_job = self._film()

    def ask(self, method: str, path: str, by=requests, **options):
        answer = by.request(method, self.yard.url + path, timeout=60, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def _history(self) -> None:
        """Let the plots show a morning, which no test has the time for."""
        services = build(load({"JOBYARD_DATA_DIR": str(self.yard.data_dir)}))
        store, last = services.engine.store, SystemClock().now() // MINUTE
        try:
            rows = []
            for ago in range(1, 61):
                tide = 1.2 + math.sin(ago / 9) + 0.3 * math.sin(ago / 2.3)
                done, ready = round(40 * tide), max(round(18 * (tide - 1)), 0)
                failed = int(ago % 17 == 3)
                flow = (done, failed, done, round(done * (0.4 + ready / 12) * 1e6), done * 10**6)
                for queue, dialect in ((TASKS, ""), (TASKS, "tork"), ("tork/default", "tork")):
                    rows.append((queue, last - ago, dialect, ready, 4, 0, *flow))
                rows.append((JOBS, last - ago, "tork", 0, 3, 0, done // 4, failed, 0, 0, 0))
            with store.transaction():
                store.run_many(f"INSERT INTO sample VALUES ({', '.join('?' * 11)})", rows)
        finally:
            services.close()

    def _small_jobs(self) -> None:
        names = ("Nightly backup", "Thumbnails for the catalogue", "Invoice run", "Reindex search")
        for number, name in enumerate(names * 3):
            self._job(name, number)
        self._job("Transcode the keynote", 0, run="echo 'pass 1 of 2'; sleep 900")

    def _job(self, name: str, number: int, run: str = "") -> str:
        run = run or (
            "echo the printer is out of paper >&2; exit 3" if number == 6 else "echo done"
        )
        body = {"name": name, "tasks": [{"name": name, "run": run}], "tags": ["daily"]}
        return self.ask("POST", "/jobs", json=body)["id"]

    def _line(self) -> str:
        """Runs of a schedule that wait for each other."""
        body = {
            "name": "Rebuild the statistics",
            "schedule": {"cron": "0 3 * * *", "overlap": "queue"},
            "tasks": [{"name": "Rebuild", "run": "sleep 900"}],
        }
        schedule = self.ask("POST", "/scheduled-jobs", json=body)["id"]
        for _ in range(4):
            self.ask("POST", f"/scheduled-jobs/{schedule}/run")
        return schedule

    def _release(self) -> str:
        job = self.ask("POST", "/jobs", json=RELEASE)["id"]

        def publishing() -> bool:
            found = self.yard.job(job)
            return any(
                task["name"] == "Publish" and task["state"] == "RUNNING"
                for task in found.get("execution") or ()
            )

        eventually(publishing, "the last task of the release")
        return job

    def _cluster(self) -> str:
        mantis = Mantis(self.yard)
        cluster = mantis.cluster(
            "ClickStream",
            keep=True,
            slaMin=1,
            slaMax=3,
            schedulingInfo=scheduling(stage(2, scalable=True), stage(1)),
        )
        wanted = {"name": str(cluster), "user": "ann"}
        view = mantis.ask("POST", "/api/v1/jobs", wanted).json()
        mantis.launched(view["jobMetadata"]["jobId"])
        return str(cluster)

    def _project(self) -> int:
        admin = requests.Session()
        words = {"username": ADMIN, "password": PASSWORD}
        self.ask("POST", "/login", admin, json=words)
        body = {"name": "web archive", "public": True, "motd": "Please crawl politely."}
        project = self.ask("POST", "/project/create", admin, json=body)["content"]["id"]
        for alias in ("fox", "heron"):
            made = self.ask("POST", "/worker/create", json={"alias": alias})["content"]["worker"]
            worker = requests.Session()
            worker.headers.update({"X-Worker-ID": str(made["id"]), "X-Secret": made["secret"]})
            access = {"project": project, "assign": True, "submit": True}
            self.ask("POST", "/project/request_access", worker, json=access)
            if alias == "fox":
                self.ask("POST", f"/project/accept_request/{project}/{made['id']}", admin, json={})
                for number in range(12):
                    task = {"project": project, "recipe": f"page {number}", "max_retries": 3}
                    self.ask("POST", "/task/submit", worker, json=task)
        return project

    def _film(self) -> int:
        """A film of which some frames are there."""
        body = {"hostname": "render-01", "system": "Linux 6.1", "tags": []}
        (worker,) = self.ask("POST", "/workers", json=body).values()
        asked = {"type": "simple_blender_render", "settings": SHOT, "name": "Harbour at dawn"}
        group = self.ask("POST", "/tasks", json=asked)["id"]
        at = f"/workers/{worker['id']}"
        for frame in range(FRAMES):
            task = self.ask("PATCH", at, json={"status": "available"})["task_id"]
            files = {"file": ("frame.png", picture(frame))}
            self.ask("POST", "/tasks/thumbnails", data={"task_id": task}, files=files)
            report = {"worker_id": worker["id"], "status": "completed", "log": f"Fra:{frame} done"}
            self.ask("PATCH", f"/tasks/{task}", json=report)
        self.ask("PATCH", at, json={"status": "available"})
        return self.ask("GET", f"/tasks/{group}")["job_id"]


def picture(number: int) -> bytes:
    """Give a sky and a sea, a little later with each number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    width, height = 160, 90
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            far = math.hypot(x - 40 - 8 * number, y - 52 + 2 * number)
            sun = max(0, 1 - far / 30)
            if y < 58:
                blue = y / 58
                shade = (90 + 120 * blue + 160 * sun, 110 + 60 * blue + 120 * sun, 170 - 60 * blue)
            else:
                wave = 12 * math.sin(x / 5 + y * y / 40 + number)
                shade = (50 + wave + 60 * sun, 70 + wave + 40 * sun, 110 + wave)
            row += bytes(min(max(round(part), 0), 255) for part in shade)
        rows.append(bytes(row))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )
