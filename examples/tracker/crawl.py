"""Five workers crawl a directory tree that a local web server shows.

    python examples/tracker/crawl.py [FOLDER]

Every page is a task. A worker reads it, submits what the page links to, and reports done; the
address is the task's unique text, so that nobody visits a page twice while it is on the list. The
server is one of its own, on a free port, unless `--url` names another.
"""

import argparse
import contextlib
import functools
import html.parser
import http.server
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
# The client of this checkout; `pip install ./clients/python` is the way elsewhere.
sys.path.insert(0, str(ROOT / "clients" / "python"))

from jobyard_worker import Client, Loop, Task, Work  # noqa: E402

WORKERS = 5
TIMEOUT_S = 60
ADDRESS = re.compile(r"serves (http://\S+)/,")


class Links(html.parser.HTMLParser):
    """Collects what a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of a link."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def below(page: str, text: str) -> list[str]:
    """Give the addresses that a page links to and that lie below its own."""
    links = Links()
    links.feed(text)
    absolute = (urllib.parse.urljoin(page, link) for link in links.found)
    return [each for each in absolute if each.startswith(page) and each != page]


class Crawler:
    """One worker. sizes: bytes by address, for all of them together."""

    def __init__(self, client: Client, project: int, sizes: dict[str, int]) -> None:
        self._client = client
        self._project = project
        self._sizes = sizes

    def visit(self, task: Task) -> None:
        """Read one page, and put on the list what it links to."""
        answer = requests.get(task.recipe, timeout=TIMEOUT_S)
        answer.raise_for_status()
        if task.recipe.endswith("/"):
            new = [Work(recipe=link, unique=link) for link in below(task.recipe, answer.text)]
            if new:
                self._client.submit_many(self._project, new)
        else:
            self._sizes[task.recipe] = len(answer.content)


class Manager:
    """The person who runs the project."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = requests.Session()
        person = {"username": f"crawl{secrets.token_hex(4)}", "password": secrets.token_hex(16)}
        self._ask("POST", "/register", person)

    def project(self) -> int:
        """Make a project for this crawl and give its id."""
        name = f"crawl {secrets.token_hex(4)}"
        return int(self._ask("POST", "/project/create", {"name": name})["id"])

    def admit(self, project: int, worker_id: int) -> None:
        """Accept a worker's request."""
        self._ask("POST", f"/project/accept_request/{project}/{worker_id}")

    def left(self, project: int) -> int:
        """Count the pages that are not visited yet."""
        stats = self._ask("GET", f"/project/stats/{project}")
        return int(stats["waiting"]) + int(stats["assigned"])

    def failed(self, project: int) -> list[str]:
        """Say which pages could not be read, and why."""
        tasks = self._ask("GET", f"/project/failed_tasks/{project}")["tasks"]
        return [f"{task['recipe']}: {task['error']}" for task in tasks]

    def _ask(self, method: str, path: str, body: object = None) -> dict:
        answer = self._http.request(method, self._url + path, json=body, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json().get("content", {})


def crawl(url: str, start: str) -> tuple[dict[str, int], list[str]]:
    """Crawl everything below an address; give sizes by address, and what failed."""
    manager = Manager(url)
    project = manager.project()
    sizes: dict[str, int] = {}
    loops, threads, clients = [], [], []
    for number in range(WORKERS):
        client = Client(url)
        worker = client.register(f"crawler {number}")
        client.request_access(project, assign=True, submit=True)
        manager.admit(project, worker.worker_id)
        loop = Loop(client, Crawler(client, project, sizes).visit, project=project, wait_s=1)
        clients.append(client)
        loops.append(loop)
        threads.append(threading.Thread(target=loop.run))
    clients[0].submit(project, Work(recipe=start, unique=start))
    for thread in threads:
        thread.start()
    pause = threading.Event()
    while manager.left(project):
        pause.wait(0.2)
    for loop in loops:
        loop.stop()
    for thread in threads:
        thread.join()
    return sizes, manager.failed(project)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        """Write nothing."""


@contextlib.contextmanager
def shown(folder: Path) -> Iterator[str]:
    """Have a web server show a folder, and give its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextlib.contextmanager
def jobyard() -> Iterator[str]:
    """Have a server with nothing in it, and give its address."""
    with tempfile.TemporaryDirectory(prefix="crawl") as folder:
        words = [sys.executable, "-m", "app.cli", "serve", "--bind", "127.0.0.1:0"]
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*words, "--data-dir", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            lines = iter(process.stdout or ())
            address = next(found[1] for line in lines if (found := ADDRESS.search(line)))
            # Nobody else reads what it prints, and a full pipe would stop it.
            threading.Thread(target=lambda: list(lines), daemon=True).start()
            yield address
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def main() -> int:
    """Crawl a folder and print what is in it."""
    parser = argparse.ArgumentParser(description="Five workers crawl a directory tree.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--url", help="a running server; one is started without")
    given = parser.parse_args()
    server = contextlib.nullcontext(given.url) if given.url else jobyard()
    with shown(given.folder) as start, server as url:
        sizes, failed = crawl(url.rstrip("/"), start)
    for address, size in sorted(sizes.items()):
        print(f"{size:>10}  {urllib.parse.unquote(address.removeprefix(start))}")
    print(f"{len(sizes)} files, {sum(sizes.values())} bytes, {len(failed)} failed")
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
