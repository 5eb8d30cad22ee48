"""Verbs on schedules, and their firing.

A firing submits the template under the key (schedule, time) in the transaction that moves the
schedule on to its next time, so any number of tickers fire it once.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.data import audience, jobs, schedules
from app.domain.clock import Instant, from_datetime, seconds, to_datetime
from app.domain.cron import Cron, parse_crontab, parse_quartz
from app.domain.cron.words import told
from app.domain.errors import AlreadyExists, EngineError, IllegalMove, Rejected, Unavailable
from app.domain.records import Job, Page, Schedule
from app.domain.sealed import SealedJson
from app.domain.submission import Submission
from app.engine.jobs import Jobs
from app.engine.transaction import Moved, Transactions, retried

ACTIVE, PAUSED = "ACTIVE", "PAUSED"
LATE_S = 15.0
"""A firing that is later than this was missed: longer than a change of the leading ticker takes."""

Fire = Callable[[Schedule, Instant], bool]
"""Submits what a schedule stands for; in the transaction that moves it on. False: nothing."""

MOST_QUEUED = 100
"""So many jobs of a schedule are there at a time where they wait for each other."""


class Schedules:
    """Rules that submit jobs at given times."""

    def __init__(self, transactions: Transactions, all_jobs: Jobs) -> None:
        self._tx = transactions
        self._store = transactions.store
        self._jobs = all_jobs
        self._others: Mapping[str, Fire] = {}

    def fire_by(self, others: Mapping[str, Fire]) -> None:
        """Let dialects fire their schedules themselves, by name; for who runs the duty."""
        self._others = others

    def create(
        self,
        template: Submission,
        *,
        cron: str,
        form: str = "crontab",
        zone: str = "UTC",
        overlap: str = "allow",
        missed: str = "skip",
    ) -> Schedule:
        """Store a schedule. Raises CronInvalid for bad text, Rejected for an unknown zone."""
        rule = _rule(cron, form)
        now = self._tx.clock.now()
        schedule = Schedule(
            id=uuid.uuid4().hex,
            dialect=template.dialect,
            name=template.name,
            cron=cron,
            form=rule.form,
            zone=zone,
            state=ACTIVE,
            overlap=overlap,
            missed=missed,
            template=template.to_json(),
            created_at=now,
            group_id=template.group_id,
            created_by=template.created_by,
        )
        schedule = replace(schedule, next_fire_at=_next(schedule, now))
        with self._tx():
            audience_id = audience.of(self._store, template.audience)
            schedule = replace(schedule, audience_id=audience_id)
            schedules.insert(self._store, schedule)
        return schedule

    def change(
        self,
        schedule_id: str,
        template: Submission,
        *,
        cron: str,
        zone: str = "UTC",
        overlap: str = "allow",
    ) -> Schedule:
        """Give a schedule another template, rule and policy; it stays active or paused.

        Raises CronInvalid, Rejected, ScheduleNotFound.
        """
        return retried(
            self._store, lambda: self._change(schedule_id, template, cron, zone, overlap)
        )

    def _change(
        self, schedule_id: str, template: Submission, cron: str, zone: str, overlap: str
    ) -> Schedule:
        with self._tx() as tx:
            found = schedules.get(self._store, schedule_id)
            changed = replace(
                found,
                name=template.name,
                cron=cron,
                form=_rule(cron, found.form).form,
                zone=zone,
                overlap=overlap,
                template=template.to_json(),
                audience_id=audience.of(self._store, template.audience),
            )
            next_at = _next(changed, tx.now) if found.state == ACTIVE else None
            changed = replace(changed, next_fire_at=next_at)
            if not schedules.change(self._store, changed):
                raise Moved
        return changed

    def fire(self, schedule_id: str) -> Job:
        """Submit what a schedule submits, now, whether it is paused or not.

        Only `queue` of the policies counts. Raises ScheduleNotFound, and whatever submitting does.
        """
        with self._tx():
            return self._submit(schedules.get(self._store, schedule_id), None)

    def _submit(self, schedule: Schedule, fire_at: Instant | None) -> Job:
        wanted = Submission.from_json(schedule.template)
        if isinstance(wanted.spec, SealedJson):
            raise Rejected("it is encrypted by a key that this server has not")
        if schedule.overlap == "queue":
            wanted = replace(wanted, pool=f"schedule/{schedule.id}", max_running=1)
        return self._jobs.submit(replace(wanted, schedule_id=schedule.id, fire_at=fire_at))

    def get(self, schedule_id: str) -> Schedule:
        """Give a schedule. Raises ScheduleNotFound."""
        with self._store.session():
            return schedules.get(self._store, schedule_id)

    def find(
        self,
        dialect: str | None,
        *,
        viewer: tuple[str, ...] | None = None,
        number: int = 1,
        size: int = 10,
    ) -> Page[Schedule]:
        """Give a page of schedules, newest first; viewer: as in `JobFilter`.

        dialect: None is every one.
        """
        with self._store.session():
            items, total = schedules.page(
                self._store, dialect, viewer=viewer, limit=size, offset=(number - 1) * size
            )
        return Page(items, number, size, total)

    def behind(
        self,
        key: tuple[Instant, str] | None = None,
        *,
        dialect: str | None = None,
        state: str | None = None,
        limit: int,
    ) -> Sequence[Schedule]:
        """Give schedules, newest first, from the one behind (`created_at`, `id`) of another on."""
        with self._store.session():
            return schedules.behind(self._store, key, dialect, state, limit)

    def in_words(self, schedule: Schedule) -> str:
        """Say when a schedule fires."""
        return told(_rule(schedule.cron, schedule.form))

    def next_fires(self, schedule: Schedule, count: int) -> Sequence[Instant]:
        """Give when a schedule fires next, were it not paused; fewer where it fires no more often.

        Raises Rejected for a zone that this machine does not know.
        """
        found: list[Instant] = []
        at: Instant | None = self._tx.clock.now()
        while at is not None and len(found) < count:
            at = _next(schedule, at)
            found += [] if at is None else [at]
        return found

    def pause(self, schedule_id: str) -> None:
        """Stop firing. Raises IllegalMove when it is paused, ScheduleNotFound."""
        self._set(schedule_id, state=PAUSED, was=ACTIVE)

    def resume(self, schedule_id: str) -> None:
        """Fire again from now on. Raises IllegalMove when it is active, ScheduleNotFound."""
        self._set(schedule_id, state=ACTIVE, was=PAUSED)

    def _set(self, schedule_id: str, *, state: str, was: str) -> None:
        with self._tx() as tx:
            schedule = schedules.get(self._store, schedule_id)
            next_at = _next(schedule, tx.now) if state == ACTIVE else None
            if not schedules.set_state(
                self._store, schedule_id, state=state, was=was, next_fire_at=next_at
            ):
                raise IllegalMove(current=schedule.state, wanted=state)

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule; the jobs it made stay. Raises ScheduleNotFound."""
        with self._tx():
            schedules.get(self._store, schedule_id)
            schedules.delete(self._store, schedule_id)

    def run_once(self, now: Instant) -> int:
        """Fire what is due; give how many jobs that made.

        Raises the last error of those whose template can no longer be submitted, after the others.
        """
        with self._store.session():
            due = schedules.due(self._store, now, 500)
        count = 0
        failed: EngineError | None = None
        for schedule in due:
            try:
                count += int(self._fire(schedule, now))
            except EngineError as error:
                failed = error
        if failed is not None:
            raise failed
        return count

    def _fire(self, schedule: Schedule, now: Instant) -> bool:
        due_at = schedule.next_fire_at
        if due_at is None:
            return False
        late = now - due_at > seconds(LATE_S)
        fires = not late or schedule.missed == "once"
        try:
            with self._tx():
                if not schedules.fired(
                    self._store,
                    schedule.id,
                    was=due_at,
                    next_fire_at=_next(schedule, now if late else due_at),
                    fired_at=due_at if fires else None,
                ):
                    return False
                # Only after that: another ticker may just have fired, and what it made stays.
                other = self._others.get(schedule.dialect)
                if other is not None:
                    return fires and other(schedule, due_at)
                fires = fires and self._make_room(schedule)
                if fires:
                    self._submit(schedule, due_at)
        except Unavailable:
            raise  # it is still due in the next round
        except EngineError as error:
            # A template that can no longer be submitted must not fire for ever.
            with self._tx():
                schedules.fired(
                    self._store,
                    schedule.id,
                    was=due_at,
                    next_fire_at=_next(schedule, max(now, due_at)),
                    fired_at=None,
                )
            if isinstance(error, AlreadyExists):  # its own unique key: the job is there
                return False
            raise
        return fires

    def _make_room(self, schedule: Schedule) -> bool:
        """Apply the overlap policy to earlier jobs; False when they keep this one from starting."""
        if schedule.overlap == "allow":
            return True
        earlier = jobs.open_of_schedule(self._store, schedule.id)
        if schedule.overlap == "keep":
            return not earlier
        if schedule.overlap == "queue":
            return len(earlier) < MOST_QUEUED
        for job_id in earlier:
            self._jobs.cancel(job_id, reason="replaced by the next firing of its schedule")
        return True


def _rule(cron: str, form: str) -> Cron:
    return parse_quartz(cron) if form == "quartz" else parse_crontab(cron)


def _next(schedule: Schedule, after: Instant) -> Instant | None:
    try:
        zone: tzinfo = UTC if schedule.zone == "UTC" else ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Rejected(f"unknown time zone {schedule.zone!r}") from error
    moment = _rule(schedule.cron, schedule.form).next_after(
        to_datetime(after), zone, anchor=to_datetime(schedule.created_at)
    )
    return None if moment is None else from_datetime(moment)
