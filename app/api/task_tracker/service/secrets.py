"""Secrets of projects: the one for workers, and the one of push messages."""

from app.api.task_tracker import tables
from app.api.task_tracker.errors import UNAUTHORIZED, Refused
from app.api.task_tracker.records import Project, Remote
from app.wiring import Services

LONGEST = 65_536
LONGEST_WEBHOOK = 255


def require_assign(services: Services, worker: Remote, project_id: int) -> None:
    """Let pass a worker whose request for tasks was approved. Raises Refused."""
    with services.engine.store.session():
        found = tables.membership(services.engine.store, worker.id, project_id)
    if found is None or not found[1].assign:
        raise Refused(403, UNAUTHORIZED)


def of(services: Services, project_id: int) -> str:
    """Give the secret for workers."""
    with services.engine.store.session():
        return tables.secrets_of(services.engine.store, project_id)[0]


def of_webhook(services: Services, project: Project) -> str:
    """Give the secret of push messages."""
    with services.engine.store.session():
        return tables.secrets_of(services.engine.store, project.id)[1]


def change(services: Services, project: Project, secret: str) -> None:
    """Change the secret for workers. Raises Refused."""
    if len(secret.encode()) > LONGEST or "\0" in secret:
        raise Refused(400, "Invalid request")
    with services.engine.store.transaction():
        tables.set_secret(services.engine.store, project.id, secret)


def change_webhook(services: Services, project: Project, secret: str) -> None:
    """Change the secret of push messages; an empty one fits no signature. Raises Refused."""
    if len(secret) > LONGEST_WEBHOOK or "\0" in secret:
        raise Refused(400, "Invalid request")
    with services.engine.store.transaction():
        tables.set_webhook_secret(services.engine.store, project.id, secret)
