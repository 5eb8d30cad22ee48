"""Verbs on workers: who is here, and what becomes of what they held."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from app.data import fleet, leases, workers
from app.domain.clock import Instant, seconds
from app.domain.errors import WorkerNotActive, WorkerNotFound
from app.domain.events import EventKind
from app.domain.records import Lease, Task, Worker
from app.engine.transaction import Transactions

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LISTED_S = 300.0
"""How long a silent worker is still listed."""
FORGOTTEN_S = 24 * 3600.0
SILENT_S = 60.0
"""One of ours that has not been heard of for longer counts as silent; a remote one after LISTED_S,
unless it holds a task."""
MOST_DOING = 1000


def new_public_id() -> str:
    """Make a worker's public id: 22 letters and digits that are hard to mistake."""
    return "".join(secrets.choice(ALPHABET) for _ in range(22))


class Workers:
    """Registered claimers of tasks, and the tickers that show themselves beside them."""

    def __init__(self, transactions: Transactions, lose: Callable[[Lease], bool]) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._lose = lose

    def register(
        self,
        *,
        dialect: str,
        kind: str,
        name: str,
        hostname: str = "",
        instance: str = "",
        queues: Mapping[str, int] | None = None,
        port: int = 0,
        version: str = "",
    ) -> Worker:
        """Store a new worker and give it."""
        now = self._tx.clock.now()
        worker = Worker(
            id=0,
            dialect=dialect,
            kind=kind,
            public_id=new_public_id(),
            name=name,
            hostname=hostname,
            instance=instance,
            queues=queues or {},
            port=port,
            version=version,
            started_at=now,
            heartbeat_at=now,
        )
        with self._tx() as tx:
            worker = replace(worker, id=workers.insert(self._store, worker))
            tx.note(EventKind.WORKER_JOINED, dialect, worker=worker.id)
        return worker

    def heartbeat(self, worker_id: int, *, status: str = "UP", cpu_percent: float = 0.0) -> None:
        """Note a sign of life. Raises WorkerNotActive for one that has left."""
        with self._tx() as tx:
            if not workers.beat(
                self._store, worker_id, status=status, cpu_percent=cpu_percent, now=tx.now
            ):
                raise WorkerNotActive(worker_id=worker_id)

    def rename(self, worker_id: int, name: str) -> None:
        """Change a worker's name. Raises WorkerNotFound."""
        with self._tx():
            if not workers.rename(self._store, worker_id, name):
                raise WorkerNotFound(worker_id=worker_id)

    def leave(self, worker_id: int, *, sparing: Collection[Lease] = ()) -> int:
        """Note that a worker is gone for good, and hand its tasks out again; give how many.

        For one that no longer runs: who still runs releases its tasks itself before. sparing:
        leases to be left as they are, because something of those tasks may still run.
        """
        lost = self._lose_all(worker_id, sparing)
        with self._tx() as tx:
            worker = workers.get(self._store, worker_id)
            if workers.leave(self._store, worker_id):
                tx.note(EventKind.WORKER_LEFT, worker.dialect, worker=worker_id)
        # A claim under way may have been faster; from now on there is none.
        return lost + self._lose_all(worker_id, sparing)

    def _lose_all(self, worker_id: int, sparing: Collection[Lease]) -> int:
        with self._store.session():
            held = [lease for lease, _ in leases.held(self._store, worker_id)]
        return sum(1 for lease in held if lease not in sparing and self._lose(lease))

    def succeed(self, instance: str, *, sparing: Collection[Lease] = ()) -> int:
        """Take over a seat: whoever sat there is gone, and what they held is free; how much.

        sparing: leases to be left as they are; they are lost at their end, if not before.
        """
        with self._store.session():
            found = workers.of_instance(self._store, instance)
        return sum(self.leave(worker_id, sparing=sparing) for worker_id in found)

    def get(self, worker_id: int) -> Worker:
        """Give a worker. Raises WorkerNotFound."""
        with self._store.session():
            return workers.get(self._store, worker_id)

    def listed(self, *, dialect: str | None = None) -> Sequence[Worker]:
        """Give the workers that are here or were a moment ago, by name."""
        since = self._tx.clock.now() - seconds(LISTED_S)
        with self._store.session():
            return workers.seen_since(self._store, since, dialect=dialect)

    def find(
        self,
        *,
        dialect: str | None = None,
        state: str | None = None,
        words: tuple[str, ...] = (),
        key: tuple[str, int] | None = None,
        limit: int,
    ) -> Sequence[tuple[Worker, str]]:
        """Give workers, gone ones included, by name and id from behind a key on, with their states.

        state: `working`, `idle`, `silent` or `left`. words: parts of the names of them or their
        hosts.
        """
        wanted = self._wanted(dialect, state, words)
        with self._store.session():
            return fleet.page(self._store, wanted, key, limit)

    def counts(
        self, *, dialect: str | None = None, words: tuple[str, ...] = ()
    ) -> Mapping[str, int]:
        """Count the workers in each of these states that has any."""
        with self._store.session():
            return fleet.counts(self._store, self._wanted(dialect, None, words))

    def dialects(self) -> Sequence[str]:
        """Give the dialects that have workers."""
        with self._store.session():
            return fleet.dialects(self._store)

    def doing(self, worker_ids: Sequence[int]) -> Mapping[int, Sequence[Task]]:
        """Give the tasks that some workers hold, by worker; very many are not all told."""
        found: dict[int, list[Task]] = {}
        with self._store.session():
            for task in fleet.doing(self._store, worker_ids, MOST_DOING):
                found.setdefault(task.worker_id or 0, []).append(task)
        return found

    def did(self, worker_id: int, *, limit: int = 20) -> Sequence[fleet.Did]:
        """Give what a worker worked on lately, the newest tasks first."""
        with self._store.session():
            return fleet.did(self._store, worker_id, limit)

    def _wanted(
        self, dialect: str | None, state: str | None, words: tuple[str, ...]
    ) -> fleet.Wanted:
        now = self._tx.clock.now()
        return fleet.Wanted(
            since=now - seconds(SILENT_S),
            since_remote=now - seconds(LISTED_S),
            dialect=dialect,
            state=state,
            words=words,
        )

    def remote(self) -> bool:
        """Tell whether there is a worker, here or gone, that is none of our own."""
        with self._store.session():
            return workers.remote(self._store)

    def names(self, worker_ids: Sequence[int]) -> Mapping[int, str]:
        """Give the names of some workers."""
        with self._store.session():
            return workers.names(self._store, list(dict.fromkeys(worker_ids)))

    def public_ids(self, worker_ids: Sequence[int]) -> Mapping[int, str]:
        """Give the public ids of some workers."""
        with self._store.session():
            return workers.public_ids(self._store, list(dict.fromkeys(worker_ids)))

    def run_once(self, now: Instant) -> int:
        """Forget our own workers that went silent long ago; give how many."""
        with self._store.transaction():
            return workers.forget(self._store, now - seconds(FORGOTTEN_S), 1000)
