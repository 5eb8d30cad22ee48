"""From submit to COMPLETED: latency of one trivial job, and jobs a second of one worker daemon.

Beside it, how many times a second this machine runs `bash -c true` and does nothing else.
"""

import json
import subprocess
import time

from app.domain.records import JobFilter
from app.wiring import build
from bench._harness import report, spread
from bench._server import Client, folder, serve
from config.settings import load

JOB = json.dumps({"name": "bench", "tasks": [{"name": "task", "run": "true"}]}).encode()
SAMPLES = 100
MANY = 2000
BARE = 400


def latency(port: int) -> list[float]:
    """Submit one job after another; milliseconds until each is seen COMPLETED."""
    samples = []
    with Client(port) as client:
        for _ in range(SAMPLES):
            begun = time.perf_counter()
            job_id = json.loads(client.post("/jobs", JOB))["id"]
            while json.loads(client.get(f"/jobs/{job_id}"))["state"] != "COMPLETED":
                time.sleep(0.002)
            samples.append((time.perf_counter() - begun) * 1000)
    return samples


def throughput() -> float:
    """Store many jobs first, then let one daemon run them; jobs a second."""
    with folder() as place:
        with serve(place, "web") as port, Client(port) as client:
            for _ in range(MANY):
                client.post("/jobs", JOB)
        services = build(load({}, options={"data_dir": str(place)}))
        engine = services.engine
        with serve(place, "ticker", "worker"):
            while engine.jobs.counts("tork"):
                time.sleep(0.1)
        with engine.store.session():
            first, last = engine.store.run(
                "SELECT MIN(started_at), MAX(ended_at) FROM task"
            ).fetchone()
        states = {job.state for job in engine.jobs.find(JobFilter(), size=MANY).items}
        services.close()
        if states != {"COMPLETED"}:
            raise SystemExit(f"not all completed: {states}")
        return MANY / ((last - first) / 1e6)


def bare() -> float:
    """Run a shell that does nothing, one after another; a second."""
    begun = time.perf_counter()
    for _ in range(BARE):
        subprocess.run(["bash", "-c", "true"], check=True)
    return BARE / (time.perf_counter() - begun)


def main() -> None:
    """Measure latency on an idle server, then throughput."""
    with folder() as place, serve(place) as port:
        figures = spread(latency(port))
    report("jobs-latency", unit="ms", samples=SAMPLES, **figures)
    many, least = throughput(), bare()
    report("jobs-rate", jobs_per_s=many, bare_per_s=least, of_bare=many / least)


if __name__ == "__main__":
    main()
