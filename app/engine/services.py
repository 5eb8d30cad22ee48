"""Services: tasks that are kept alive until their job ends.

A service is *ready* once it answers; then it has addresses, and what needs it may begin. A job with
services runs once all of them are ready. Until then whatever goes wrong with one of its workers
lets it begin anew; from then on the loss of a service is the end of the job, because those who use
it know its addresses.
"""

from collections.abc import Mapping

from app.data import jobs, leases, needs, tasks
from app.data.db import Store
from app.domain.errors import LeaseLost, PluginFailed
from app.domain.events import EventKind
from app.domain.records import Lease
from app.domain.services import ServiceEnd
from app.domain.states import AttemptState, JobState, TaskState
from app.engine.claims import note_start
from app.engine.creation import make_ready
from app.engine.decisions import Plugins, job_view
from app.engine.transaction import Moved, Transaction, Transactions, retried, worker_topic

GONE = ServiceEnd.EXITED.text("its worker is gone")
STOPPED = ServiceEnd.SHUTDOWN.text("its worker was stopped")


class Services:
    """What holders of services report, and where services are reached."""

    def __init__(self, transactions: Transactions, plugins: Plugins) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._plugins = plugins

    def ready(self, lease: Lease, addresses: Mapping[str, str]) -> None:
        """Report that a service answers, and where: `host:port` by name of the port.

        What waited for it begins; its job is RUNNING once all its services are ready. A second
        report only changes the addresses. Raises LeaseLost, also for a task that is no service.
        """
        retried(self._store, lambda: self._ready(lease, addresses))

    def _ready(self, lease: Lease, addresses: Mapping[str, str]) -> None:
        with self._store.session():
            held = leases.standing(self._store, lease)
        if held.addresses is None or held.job_id is None:
            raise LeaseLost(task_id=lease.task_id, number=lease.number)
        dialect = held.queue.partition("/")[0]
        with self._tx() as tx:
            jobs.lock(self._store, held.job_id)
            leases.standing(self._store, lease)
            if held.watched:
                tx.watch(held.job_id)
            if leases.started(self._store, lease, tx.now):
                tx.note(EventKind.TASK_STARTED, dialect, job_id=held.job_id, task_id=lease.task_id)
            first = needs.service_ready(self._store, lease.task_id, addresses, tx.now)
            tx.note(
                EventKind.TASK_READY,
                dialect,
                job_id=held.job_id,
                task_id=lease.task_id,
                addresses=dict(addresses),
            )
            if not first:
                return
            make_ready(self._store, tx, needs.turn(self._store, lease.task_id, ready=True))
            jobs.count_unready(self._store, held.job_id, -1)
            note_start(self._store, tx, held.job_id, dialect)

    def of_job(self, job_id: str) -> Mapping[str, Mapping[str, str]]:
        """Give where the services of a job that are ready are reached, by task and port."""
        with self._store.session():
            return needs.addresses(self._store, job_id)

    def shown(self, job_id: str) -> dict[str, str]:
        """Give the addresses of a job as its job interface names them for the user.

        Only of services that are ready. Raises JobNotFound, PluginFailed.
        """
        with self._store.snapshot():
            job = jobs.get(self._store, job_id)
            found = needs.addresses(self._store, job_id)
        if not found:
            return {}
        interface = self._plugins.interfaces.get(job.type)
        if interface is None:
            raise PluginFailed(f"job type {job.type} is not installed")
        return dict(self._plugins.services(interface, job_view(job, services=found)))


def ends_job(store: Store, held: leases.Standing) -> bool:
    """Tell whether the loss of a task is the end of its job: a service that is in use."""
    if not held.addresses or held.job_id is None:
        return False
    return jobs.get(store, held.job_id).state is JobState.RUNNING


def withdraw(store: Store, tx: Transaction, lease: Lease, job_id: str) -> None:
    """Undo that a service was ready, before it is put back; what needs it waits again.

    Raises Moved when the job runs by now, which changes what is to be done; LeaseLost.
    """
    state = jobs.lock(store, job_id)
    held = leases.standing(store, lease)
    if not held.addresses:
        return
    if state is JobState.RUNNING:
        raise Moved
    _not_ready(store, tx, lease.task_id, job_id)


def _not_ready(store: Store, tx: Transaction, service_id: int, job_id: str) -> None:
    jobs.count_unready(store, job_id, 1)
    for task_id in needs.turn(store, service_id, ready=False):
        task = tasks.get(store, task_id)
        if task.state in (TaskState.LEASED, TaskState.RUNNING):
            # What it was told of the service is wrong by now; its worker learns so at once.
            if task.addresses is not None:
                _not_ready(store, tx, task_id, job_id)
            leases.again(store, task.lease, due_at=None, now=tx.now)
            leases.end_attempt(store, task.lease, state=AttemptState.CANCELLED, now=tx.now)
            tx.ring(worker_topic(task.worker_id or 0))
        if needs.wait_again(store, task_id):
            dialect = task.queue.partition("/")[0]
            tx.note(EventKind.TASK_CREATED, dialect, job_id=job_id, task_id=task_id)
