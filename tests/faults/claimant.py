"""A remote worker as a process: takes tasks and releases them until there is none.

python -m tests.faults.claimant URL PROJECT ID SECRET

A task fails as often as its recipe says, and is done then. Prints what it was handed, as a JSON
list of [task, retries, result]. Whatever the network does to a request, it is sent again; what the
answer of a lost one said is never known.
"""

import json
import sys
from typing import Any

import requests

from tests.yard import eventually

OK, FAIL = 0, 1


class Claimant:
    """One worker with its secret."""

    def __init__(self, url: str, project: str, worker: str, secret: str) -> None:
        self._url = url
        self._project = project
        self._headers = {"X-Worker-ID": worker, "X-Secret": secret}

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Ask until there is an answer."""

        def answer() -> dict[str, Any] | None:
            try:
                # A connection each: one that is kept would be to one process alone.
                found = requests.request(
                    method, f"{self._url}{path}", headers=self._headers, timeout=30, **options
                )
            except requests.RequestException:
                return None
            return found.json() if found.status_code == 200 else None

        return eventually(answer, path)

    def run(self) -> list[tuple[int, int, int]]:
        """Work until there is nothing; give what was handed over."""
        handed = []
        while True:
            found = self._ask("GET", f"/task/get/{self._project}")
            if not found["ok"]:
                return handed
            task = found["content"]["task"]
            result = FAIL if task["retries"] < int(task["recipe"]) else OK
            handed.append((task["id"], task["retries"], result))
            self._ask("POST", "/task/release", json={"task_id": task["id"], "result": result})


if __name__ == "__main__":
    json.dump(Claimant(*sys.argv[1:]).run(), sys.stdout)
