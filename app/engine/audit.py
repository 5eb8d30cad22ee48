"""Verbs on the audit log: who did what to the server, and from where.

An entry is written after what it tells of, in a transaction of its own: no action fails, and none
waits for a lock, on its account. What workers do is told by events.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from app.data import audit
from app.domain.clock import Instant
from app.domain.doings import Doing, DoingFilter, NotedDoing
from app.domain.errors import EngineError
from app.engine.transaction import Transactions

LONGEST = 256
"""Characters of a text that are kept; whatever is noted may have been made up by anybody."""
MOST_FACTS = 20
log = structlog.get_logger(__name__)


class Audit:
    """Kept until it is old; nothing changes an entry."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def note(self, doing: Doing) -> None:
        """Store an entry; one that cannot be is told to the log instead. Raises nothing."""
        fit = _fit(doing)
        try:
            with self._tx() as tx:
                audit.insert(self._store, fit, tx.now)
        except EngineError as error:
            log.warning(
                "audit-not-written",
                who=fit.who,
                via=fit.via,
                doing=fit.action,
                subject=fit.subject,
                reason=str(error),
            )

    def behind(
        self, wanted: DoingFilter, key: tuple[Instant, int] | None = None, *, limit: int
    ) -> Sequence[NotedDoing]:
        """Give entries, the latest first, from the one behind (at, id) on."""
        with self._store.session():
            return audit.behind(self._store, wanted, key, limit=limit)


def _fit(doing: Doing) -> Doing:
    facts = list(doing.facts.items())[:MOST_FACTS]
    return replace(
        doing,
        who=_text(doing.who),
        subject=_text(doing.subject),
        address=_text(doing.address),
        request_id=_text(doing.request_id),
        facts={_text(name): _text(value) for name, value in facts},
    )


def _text(given: str) -> str:
    """Make a text fit for a column: no NUL, no half of a character, not endless."""
    short = given if len(given) <= LONGEST else f"{given[: LONGEST - 1]}…"
    return short.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
