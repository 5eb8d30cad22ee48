"""Verbs on the output of tasks; it may live in a database file of its own."""

import time
from collections.abc import Collection, Iterator, Sequence

from app.bus import Bus
from app.data import logs
from app.data.db import Store
from app.domain.clock import Clock, Instant
from app.domain.records import LogPart, Page
from app.engine.transaction import retried
from app.engine.watching import Demand, Watching, mark_topics, output_topics

PART_BYTES = 64 * 1024
SEARCH_S = 5.0
SEARCHED = 64
"""Parts looked at in one turn: some 4 MiB, and 10 ms."""
FORGOTTEN_AT_A_TIME = 1000


class Logs:
    """Keeps what tasks wrote."""

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    def append(
        self,
        *,
        task_id: int,
        job_id: str | None,
        position: int,
        task_created_at: Instant,
        texts: Sequence[str],
        sink: Collection[int] = (),
        after: int = 0,
        at: Instant | None = None,
    ) -> int:
        """Store texts as the next parts of a task, wake who watches, give the last one's number.

        Two holders of a task may do so at the same moment: numbers are given out here, so nothing
        of either is lost. sink: places of those texts that are whole lines of a sink.

        at, after: for one who does not know whether an earlier try was stored:
        the instant named in that try, and the newest number that was known before it. What is
        there already is then not stored again.
        """
        if not texts:
            return after
        now = self._clock.now() if at is None else at

        def store() -> int:
            with self._store.transaction():
                if at is not None and logs.holds(
                    self._store, task_id, after=after, text=texts[0], at=at
                ):
                    return logs.last_number(self._store, task_id)
                return logs.append(
                    self._store,
                    task_id=task_id,
                    job_id=job_id,
                    position=position,
                    task_created_at=task_created_at,
                    texts=texts,
                    sink=sink,
                    at=now,
                )

        last = retried(self._store, store)
        self._bus.ring(output_topics(task_id, job_id))
        return last

    def now(self) -> Instant:
        """Give the instant by which `append` may know a second try."""
        return self._clock.now()

    def watch(
        self, *, task_id: int | None = None, job_id: str | None = None, also: Sequence[str] = ()
    ) -> Watching:
        """Watch the output of a task, or of all tasks of a job, as it is written.

        While the watcher lives, output is stored within a tenth of a second instead of a second.
        also: further topics that end its waits, such as `job_topic` for the end of the job.
        Reading goes on with `after`.
        """
        topics = [*output_topics(task_id, job_id), *also]
        return Watching(self._bus, mark_topics(task_id, job_id), self._bus.subscribe(*topics))

    def demand(self, task_id: int, job_id: str | None) -> Demand:
        """Listen for watchers of a task's output; for the daemon that runs the task."""
        return Demand(self._bus.subscribe(*mark_topics(task_id, job_id)))

    def last_number(self, task_id: int) -> int:
        """Give the number of a task's newest part; 0 without any."""
        with self._store.session():
            return logs.last_number(self._store, task_id)

    def of_task(
        self, task_id: int, *, number: int, size: int, words: Sequence[str] = ()
    ) -> Page[LogPart]:
        """Give a page of a task's parts, newest first; words must all occur in a part.

        Raises TimeoutError where there is more output than can be searched in SEARCH_S.
        """
        if words:
            return self._search(words, number, size, task_id=task_id)
        with self._store.session():
            items, total = logs.page(
                self._store,
                task_id=task_id,
                limit=size,
                offset=(number - 1) * size,
            )
        return Page(items, number, size, total)

    def of_job(
        self, job_id: str, *, number: int, size: int, words: Sequence[str] = ()
    ) -> Page[LogPart]:
        """Give a page of all parts of a job, newest task and part first; as `of_task`."""
        if words:
            return self._search(words, number, size, job_id=job_id)
        with self._store.session():
            items, total = logs.page(
                self._store, job_id=job_id, limit=size, offset=(number - 1) * size
            )
        return Page(items, number, size, total)

    def _search(
        self,
        words: Sequence[str],
        number: int,
        size: int,
        *,
        task_id: int | None = None,
        job_id: str | None = None,
    ) -> Page[LogPart]:
        """Look through all parts, some at a time, and let others have their turn in between.

        Here and not in the database, where a long word against a text much like it takes minutes:
        Python finds any word in time that grows with the text alone.
        """
        wanted = [word.lower() for word in words]
        first, total = (number - 1) * size, 0
        items: list[LogPart] = []
        before = logs.LAST
        until = time.monotonic() + SEARCH_S
        while True:
            with self._store.session():
                found = logs.older(
                    self._store, task_id=task_id, job_id=job_id, before=before, limit=SEARCHED
                )
            for part, _ in found:
                text = part.contents.lower()
                if all(word in text for word in wanted):
                    if first <= total < first + size:
                        items.append(part)
                    total += 1
            if len(found) < SEARCHED:
                return Page(items, number, size, total)
            if time.monotonic() > until:
                raise TimeoutError
            before = found[-1][1]
            time.sleep(0)

    def after(self, task_id: int, number: int, *, limit: int = 100) -> Sequence[LogPart]:
        """Give a task's parts behind a number, oldest first."""
        with self._store.session():
            return logs.of_task(self._store, task_id, after=number, limit=limit)

    def after_in_job(
        self, job_id: str, position: str, *, limit: int = 100, settled: bool = True
    ) -> Sequence[LogPart]:
        """Give a job's parts behind a position ("" is the beginning), in commit order.

        settled: leave out, for now, what an open transaction may still come in front of; False is
        for the output of a job that writes no more. Raises ValueError for what is no position.
        """
        with self._store.session():
            return logs.of_job(self._store, job_id, after=position, limit=limit, settled=settled)

    def sink_after(
        self, job_id: str, position: str, *, limit: int = 100, settled: bool = True
    ) -> Sequence[LogPart]:
        """Give the parts of a job's sink behind a position, as `after_in_job`.

        The sink is what tasks whose command has one wrote to their standard output; each part is
        whole lines, the last perhaps without its end.
        """
        with self._store.session():
            return logs.of_job(
                self._store, job_id, after=position, limit=limit, settled=settled, sink=True
            )

    def last_of_sink(
        self, job_id: str, up_to: str | None = None, *, limit: int = 100
    ) -> Sequence[LogPart]:
        """Give the last parts of a job's sink, newest first.

        up_to: position of the newest. Without it, what an open transaction may still come in front
        of is left out.
        """
        with self._store.session():
            return logs.last_of_sink(self._store, job_id, up_to, limit=limit)

    def last_in_job(
        self, job_id: str, before: str | None = None, *, limit: int = 100
    ) -> Sequence[LogPart]:
        """Give the last parts of a job in commit order, newest first.

        before: only what is before that position. Without it, what an open transaction may still
        come in front of is left out. Raises ValueError for what is no position.
        """
        with self._store.session():
            return logs.last_of_job(self._store, job_id, before, limit=limit)

    def last(self, task_id: int, before: int = 2**31 - 1, *, limit: int = 100) -> Sequence[LogPart]:
        """Give the last parts of a task with numbers below one, newest first."""
        with self._store.session():
            found = logs.older(self._store, task_id=task_id, before=(0, 0, 0, before), limit=limit)
            return [part for part, _ in found]

    def whole(self, task_id: int) -> Iterator[str]:
        """Give a task's output piece by piece, oldest first, without holding a connection."""
        after = 0
        while parts := self.after(task_id, after):
            yield from (part.contents for part in parts)
            after = parts[-1].number

    def by_task(self, job_id: str) -> Iterator[LogPart]:
        """Give a job's parts, task after task as they were made, without holding a connection."""
        place = logs.FIRST
        while parts := self._by_task(job_id, place):
            yield from (part for part, _ in parts)
            place = parts[-1][1]

    def _by_task(self, job_id: str, place: logs.Place) -> Sequence[tuple[LogPart, logs.Place]]:
        with self._store.session():
            return logs.by_task(self._store, job_id, after=place, limit=100)

    def forget(self, task_id: int, *, before: int = 2**31 - 1) -> None:
        """Delete a task's parts with numbers below one, some at a time; all of them without."""
        while True:
            with self._store.transaction():
                if not logs.delete_of_task(self._store, task_id, before, FORGOTTEN_AT_A_TIME):
                    return

    def forget_all(self, task_ids: Sequence[int]) -> None:
        """Delete all parts of tasks, most of which may have none."""
        with self._store.session():
            wrote = logs.writers(self._store, task_ids)
        for task_id in wrote:
            self.forget(task_id)

    def prune(self, before: Instant, limit: int) -> int:
        """Delete at most `limit` parts older than that; give how many."""
        with self._store.transaction():
            return logs.delete_before(self._store, before, limit)
