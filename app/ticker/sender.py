"""Sending the messages that wait: strictly in order in each channel, many channels at a time.

Rows say what is due; this process only remembers what it has in hand. Whoever else is slow holds
few places: a host has at most PLACES_A_HOST of them, and messages that failed before at most half.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from app.domain.errors import EngineError
from app.domain.records import Delivery, Post
from app.engine.transaction import DELIVERIES_TOPIC
from app.ticker import posting
from app.ticker.posting import Reach, Refused, Unreached
from app.wiring import VERSION, Services

log = structlog.get_logger(__name__)

PLACES = 32
PLACES_A_HOST = 4
PLACES_AGAIN = PLACES // 2
SWEEP_S = 0.5
TRIES = 5
PAUSE_S = 2.0
"""The pause after the k-th try is k times as long."""
AGAIN = frozenset({429, 500, 502, 503, 504})
WORDED_AT_ONCE = 2
"""Wording is work of this process: texts of clients must not take all of it from its duties."""
OLDEST_US = 24 * 3600 * 1_000_000
"""A message that has waited for longer is given up: its receiver has been away for a day."""

Word = Callable[[Delivery], Post | None]


class Sender:
    """Sends while this process leads. word: makes a message of what is known of it."""

    def __init__(self, services: Services, word: Word) -> None:
        security = services.settings.security
        self._bus = services.engine.bus
        self._clock = services.engine.clock
        self._deliveries = services.engine.deliveries
        self._word = word
        self._reach = Reach.of(security.webhook_allow, private=security.webhook_private)
        self._trusted = posting.trust(security.webhook_ca)
        self._wording = threading.Semaphore(WORDED_AT_ONCE)
        self._lock = threading.Lock()
        self._held: dict[str, bool] = {}
        self._hosts: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(PLACES, thread_name_prefix="sender")
        self._may: Callable[[], bool] = lambda: False

    def run(self, leads: Callable[[], bool], stopping: threading.Event) -> None:
        """Send until `stopping`; what is under way then is ended, at most one attempt each."""
        self._may = lambda: leads() and not stopping.is_set()
        with self._bus.subscribe(DELIVERIES_TOPIC) as bell:
            while not stopping.is_set() and not bell.closed:
                self._fill()
                bell.wait(SWEEP_S)
        self._pool.shutdown(cancel_futures=True)

    def _fill(self) -> None:
        """Take what is due into the places that are free."""
        try:
            with self._lock:
                if not self._may():
                    return
                free, again = PLACES - len(self._held), sum(self._held.values())
                self._take(min(free, PLACES_AGAIN - again), again=True)
                self._take(PLACES - len(self._held), again=False)
        except EngineError as error:
            log.warning("deliveries-not-read", reason=str(error))
        except RuntimeError:  # the pool takes nothing more: this process ends
            return
        except Exception:
            log.exception("delivery-broke-down")

    def _take(self, limit: int, *, again: bool) -> None:
        counts = self._hosts.items()
        full = [host for host, count in counts if host and count >= PLACES_A_HOST]
        entered: list[str] = []

        def fits(channel: str, host: str) -> bool:
            # One in hand may be due again already: its last words are just being stored.
            if channel in self._held or not self._enter(host):
                return False
            entered.append(host)
            return True

        try:
            taken = self._deliveries.take(limit=limit, again=again, without=full, fits=fits)
        except EngineError:
            for host in entered:
                self._leave(host)
            raise
        for channel, host in taken:
            self._held[channel] = again
            self._pool.submit(self._work, channel, host)

    def _enter(self, host: str) -> bool:
        """Take a place of a host, where it has one left; needs the lock. "" is no host."""
        if host and self._hosts[host] >= PLACES_A_HOST:
            return False
        self._hosts[host] += 1
        return True

    def _leave(self, host: str) -> None:
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    def _move(self, host: str, other: str) -> bool:
        """Give the place of one host for that of another; keeps it when that has none left."""
        with self._lock:
            if host != other:
                if not self._enter(other):
                    return False
                self._leave(host)
            return True

    def _work(self, channel: str, host: str) -> None:
        place = _Place(host)
        try:
            if self._may():
                self._handle(channel, place)
        except EngineError as error:
            log.warning("delivery-not-stored", reason=str(error))
        except Exception:
            log.exception("delivery-broke-down")
        finally:
            with self._lock:
                del self._held[channel]
                self._leave(place.host)
            self._fill()

    def _handle(self, channel: str, place: "_Place") -> None:
        delivery = self._deliveries.first(channel)
        if delivery is None:
            return
        told = _Told(delivery)
        if self._clock.now() - delivery.created_at > OLDEST_US:
            self._end(delivery, told, "webhook-failed", reason="it has waited for a day")
            return
        try:
            post = self._worded(delivery)
            if post is None:
                self._deliveries.end(delivery)
                return
            told.origin = post.origin
            self._send(delivery, told, post, place)
        except Refused as error:
            self._end(delivery, told, "webhook-refused", reason=str(error))
        except EngineError:
            raise
        except Exception:
            log.exception("delivery-broke-down", **told.facts())
            self._tried(delivery, told, "a fault of this program")

    def _worded(self, delivery: Delivery) -> Post | None:
        if delivery.post is not None:
            return delivery.post
        try:
            with self._wording:
                return self._word(delivery)
        except ValueError as error:
            raise Refused(str(error)) from error

    def _send(self, delivery: Delivery, told: "_Told", post: Post, place: "_Place") -> None:
        to = posting.target(post.url)
        own = {"User-Agent": f"Jobyard/{VERSION}", "X-Jobyard-Delivery": name_of(delivery)}
        data, connection = posting.request(to, post.headers, own, post.body)
        if not self._move(place.host, to.named):
            # Due again at once, and left alone until its host has a place.
            self._deliveries.put_off(delivery, host=to.named, tried=False)
            return
        place.host = to.named
        status = 0
        try:
            status = posting.send(to, data, connection, self._reach, self._trusted)
            reason = f"status {status}"
        except Unreached as error:
            reason = str(error)
        if 200 <= status < 300:
            self._deliveries.end(delivery, host=to.named)
            log.debug("webhook-delivered", **told.facts(), status=status)
        elif status == 0 or status in AGAIN:
            self._tried(delivery, told, reason, host=to.named)
        else:
            self._end(delivery, told, "webhook-failed", reason=reason, host=to.named)

    def _tried(self, delivery: Delivery, told: "_Told", reason: str, *, host: str = "") -> None:
        """Try a message again later, unless this was the last time."""
        tries = delivery.attempts + 1
        if tries >= TRIES:
            self._end(delivery, told, "webhook-failed", reason=reason, host=host)
            return
        self._deliveries.put_off(delivery, wait_s=PAUSE_S * tries, host=host)
        log.debug("webhook-tried", **told.facts(), reason=reason)

    def _end(
        self, delivery: Delivery, told: "_Told", event: str, *, reason: str, host: str = ""
    ) -> None:
        self._deliveries.end(delivery, host=host)
        log.warning(event, **told.facts(), reason=reason)


@dataclass(slots=True)
class _Place:
    """The host of which a delivery under way has a place."""

    host: str


class _Told:
    """What log lines say of a message: never its path, query, headers or body."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.origin = ""

    def facts(self) -> dict[str, object]:
        delivery = self._delivery
        return {
            "delivery": name_of(delivery),
            "job": delivery.job.id if delivery.job else "",
            "webhook": delivery.watch,
            "to": self.origin,
            "tries": delivery.attempts + 1,
        }


def name_of(delivery: Delivery) -> str:
    """Name a message, the same at every try of it and like no other of any server."""
    text = f"{delivery.channel}\0{delivery.id}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()
