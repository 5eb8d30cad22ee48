"""A process that keeps writing through the engine: jobs, claims, output. Ends when killed.

writer.py DATA_DIR DATABASE_URL PREFIX. Says `ready` once it has written a little.
"""

import itertools
import sys

from app.domain.errors import StoreUnavailable
from app.domain.submission import Submission
from app.wiring import build
from config.settings import load

folder, url, prefix = sys.argv[1:]
services = build(load({}, options={"data_dir": folder, "database.url": url}))
engine = services.engine
spec = services.plugins.load_spec(services.plugins.interface("shell"), {"run": "true"})
worker = engine.workers.register(dialect="jobyard", kind="daemon", name=prefix)
for number in itertools.count():
    try:
        job = engine.jobs.submit(
            Submission(
                dialect="jobyard",
                type="shell",
                name=f"{prefix}-{number}",
                spec=spec,
                tags=("one", "two"),
            )
        )
        for claimed in engine.claims.claim(worker.id, "jobyard/default", start=True):
            engine.logs.append(
                task_id=claimed.task_id,
                job_id=claimed.job_id,
                position=claimed.position,
                task_created_at=claimed.created_at,
                texts=[f"output of {claimed.name} \0 of {job.id}\n"],
            )
            if number % 3:
                engine.attempts.complete(claimed.lease, result="fine")
    except StoreUnavailable:  # busy for five seconds: the machine is shared
        continue
    if number == 20:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
