"""Who acts alone: a lease in the database under a name, kept by renewing it."""

from app.data import leaders
from app.domain.clock import Instant, seconds
from app.engine.transaction import Transactions


class Leadership:
    """Takes, keeps and gives up leaderships; also remembers how far a leader has come."""

    def __init__(self, transactions: Transactions) -> None:
        self._tx = transactions
        self._store = transactions.store

    def take(self, name: str, holder: str, *, lease_s: float) -> bool:
        """Take or keep a leadership for so long; False while another holds it."""
        now = self._tx.clock.now()
        with self._store.transaction():
            return leaders.take(self._store, name, holder, until=now + seconds(lease_s), now=now)

    def give_up(self, name: str, holder: str) -> None:
        """Let another take over at once."""
        with self._store.transaction():
            leaders.give_up(self._store, name, holder)

    def holder(self, name: str) -> str | None:
        """Tell who leads; None when nobody does."""
        with self._store.session():
            return leaders.holder(self._store, name, self._tx.clock.now())

    def earlier(self, now: Instant) -> Instant:
        """Give that instant, or what the database's clock shows if that is earlier.

        Who acts by it does nothing too early for being on a host whose clock is fast.
        """
        with self._store.session():
            shown = leaders.clock(self._store)
        return now if shown is None else min(now, shown)

    def mark(self, name: str) -> str:
        """Give a remembered value; "" when there is none."""
        with self._store.session():
            return leaders.mark(self._store, name)

    def set_mark(self, name: str, value: str) -> None:
        """Remember a value."""
        with self._store.transaction():
            leaders.set_mark(self._store, name, value)
