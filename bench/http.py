"""`POST /jobs` and `GET /jobs` beside the least Flask route under the same gunicorn."""

import json

from bench._harness import report
from bench._server import Client, folder, load, serve, trivial

JOB = json.dumps({"name": "bench", "tasks": [{"name": "task", "run": "true"}]}).encode()
POST = (
    b"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(JOB), JOB)
)
STORED = 1000


def get(path: str) -> bytes:
    """Give a request."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def main() -> None:
    """Measure each beside the least route, and the last under all that a server does."""
    with folder() as place, trivial(place) as port:
        least = load(port, get("/"))
        report("http", route="GET / (least Flask)", **least)
    with folder() as place, serve(place, "web") as port:
        with Client(port) as client:
            for _ in range(STORED):
                client.post("/jobs", JOB)
        for name, request in (
            ("GET /health", get("/health")),
            ("GET /jobs?size=20", get("/jobs?size=20")),
            ("POST /jobs", POST),
        ):
            figures = load(port, request)
            share = figures["requests_per_s"] / least["requests_per_s"]
            report("http", route=name, **figures, of_least=share)
    with folder() as place, serve(place, JOBYARD_WEB_PROCESSES="2") as port:
        report("http", route="POST /jobs, worker and ticker at work", **load(port, POST, for_s=8.0))


if __name__ == "__main__":
    main()
