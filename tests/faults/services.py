"""PostgreSQL and Redis of one test's own, which it may stop and start again."""

import signal
import sys
from pathlib import Path

import psycopg
import redis

from tests.yard import eventually

sys.path.append(str(Path(__file__).parents[2] / "scripts"))
from service_kinds import Postgres, Redis


class Stoppable:
    """A service at one address for all its life. url: where it answers."""

    def __init__(self, service: Postgres | Redis) -> None:
        self._service = service
        self.url = service.start()
        self._command = service.process.args

    def stop(self) -> None:
        """End it; connections to it are cut."""
        self._service.stop()

    def again(self) -> None:
        """Start it at the same address, on what it had stored, and wait until it answers."""
        if isinstance(self._service, Postgres):
            self._service.spawn(
                self._command, death_signal=signal.SIGQUIT, **self._service.identity
            )
        else:
            self._service.spawn(self._command)
        eventually(self._answers, f"an answer of {self._service.name}")

    def _answers(self) -> bool:
        try:
            if isinstance(self._service, Postgres):
                psycopg.connect(self.url, connect_timeout=5).close()
            else:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
        except (psycopg.OperationalError, redis.RedisError):
            return False
        return True
