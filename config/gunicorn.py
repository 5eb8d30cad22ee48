"""gunicorn's configuration: gevent workers under the settings of the environment.

    gunicorn -c config/gunicorn.py wsgi:app

`--bind fd://N` and systemd's sockets win over our `bind`, as every option of gunicorn does.
"""

from gevent import monkey

monkey.patch_all()

# Patched before anything else is imported: locks and connection state must belong to greenlets.
# ruff: noqa: E402
import ctypes
import dataclasses
import json
import os
import resource
import signal
import sys
from typing import Any

import gevent
from gunicorn import util
from gunicorn.glogging import Logger

from app.api.http.site import site_of
from config import beside, logging
from config.settings import Settings, SettingsError, load, refusals

_PR_SET_PDEATHSIG = 1
_LOOK_S = 0.2
_LONGEST_TEXT = 200
_HAND_BACK_S = 30.0
"""What ticker and worker may take beyond the grace time of tasks."""


def _settings() -> Settings:
    try:
        return load(os.environ)
    except SettingsError as error:
        # 2 is what a mistyped option gives; a traceback would hide the sentence that helps.
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error


class _Logger(Logger):  # type: ignore[misc]
    """gunicorn's log without a line for each request: the application writes its own."""

    def access(self, *_arguments: Any) -> None:
        """Write nothing."""


def _write_error(client: Any, status: int, reason: str, text: str) -> None:
    """Answer what is no request at all in the form of all other errors, instead of as a page.

    An unknown transfer coding is the client's fault and no 501.
    """
    if status == 501:
        status, reason = 400, "Bad Request"
    body = json.dumps({"message": text[:_LONGEST_TEXT] or reason}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(client, head.encode() + body)


settings = _settings()

# It has no setting for this, and its workers look it up there.
util.write_error = _write_error
bind = settings.server.bind
worker_class = "gevent"
workers = settings.web.processes
worker_connections = settings.web.connections
timeout = int(settings.web.timeout_s)
graceful_timeout = int(settings.web.drain_s)
keepalive = 5
backlog = 2048
# A worker builds its application after the fork: it holds sockets, threads and connections, which
# two processes must not share. The code alone is loaded before (`on_starting`).
preload_app = False
# A worker that ends for this takes no connection while its streams drain.
max_requests = 0
# Else every instance of one user would answer on the same socket in the home folder.
control_socket_disable = True
limit_request_line = 8190
# Whom to believe is `trusted_proxies`; gunicorn by itself would believe everybody on loopback.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
logger_class = _Logger
logconfig_dict = logging.dict_config(settings.logging, part="web")
proc_name = "jobyard-web"


def on_starting(server: Any) -> None:
    """Refuse an address that is not safe to serve; start the rest beside when that is wanted."""
    for address in server.cfg.address:
        _refuse(address)
    # Workers then start in a tenth of the time and share this memory; they patched as we did.
    import app.factory  # noqa: F401, PLC0415 - not before the address was found good

    _raise_file_limit()
    logging.configure(settings.logging, part="web")
    for line in settings.warnings:
        server.log.warning(line)
    if settings.server.embedded:
        _keep_beside(server)


def _refuse(address: Any) -> None:
    """End here when nobody may serve there; an inherited or a Unix socket was opened knowingly."""
    if not isinstance(address, tuple):
        return
    host, port = address[:2]
    bound = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    there = dataclasses.replace(settings, server=dataclasses.replace(settings.server, bind=bound))
    if reasons := refusals(there):
        sys.stderr.write("".join(f"{reason}\n" for reason in reasons))
        raise SystemExit(2)


def _raise_file_limit() -> None:
    """Let a worker hold as many sockets as the system allows: each stream keeps one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _keep_beside(server: Any) -> None:
    """Start ticker and worker beside the web part; they end with this process."""
    beside.migrate(settings)
    # Kept on the arbiter: a HUP runs this file anew and would forget what is in it.
    server.beside = keeper = beside.Keeper(settings)
    manage = server.manage_workers

    def manage_all() -> None:
        manage()
        keeper.look()

    # The one thing that the master calls again and again, and after it has reaped.
    server.manage_workers = manage_all
    keeper.look()


def on_reload(server: Any) -> None:
    """Take new settings in beside as well."""
    if keeper := getattr(server, "beside", None):
        keeper.renew(settings)


def on_exit(server: Any) -> None:
    """End what was started beside, and wait for it."""
    if keeper := getattr(server, "beside", None):
        keeper.stop(within_s=settings.worker.grace_s + _HAND_BACK_S)


def post_fork(server: Any, worker: Any) -> None:
    """Let the worker end with the master, however that dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != server.pid:
        # It died before the kernel was told.
        raise SystemExit(0)
    worker.log.debug("worker forked")
    logging.configure(settings.logging, part="web")


def post_worker_init(worker: Any) -> None:
    """Watch for the stop: what waits or streams is told at once instead of after the timeout."""

    def watch() -> None:
        while worker.alive:
            gevent.sleep(_LOOK_S)
        site_of(worker.wsgi).drain.begin()

    gevent.spawn(watch)


def worker_exit(server: Any, worker: Any) -> None:
    """Close connections and sockets of an application that was built."""
    del server
    app = getattr(worker, "wsgi", None)
    if app is not None:
        site_of(app).services.close()
