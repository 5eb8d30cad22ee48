"""When workers sleep, by their schedules alone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from app.api.flamenco.sleep import DAYS, Sleep, stands
from app.domain.clock import SECOND

VIENNA = "Europe/Vienna"


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


def sleep(days: str, begins: int, ends: int, zone: str = "UTC") -> Sleep:
    return Sleep(worker_id=1, days=tuple(days.split()), begins=begins * 60, ends=ends * 60,
                 zone=zone)  # fmt: skip


# 2026-01-05 is a Monday.
@pytest.mark.parametrize(
    ("schedule", "now", "asleep", "changes"),
    [
        (sleep("mon", 8, 18), "2026-01-05T07:59", False, "2026-01-05T08:00"),
        (sleep("mon", 8, 18), "2026-01-05T08:00", True, "2026-01-05T18:00"),
        (sleep("mon", 8, 18), "2026-01-05T18:00", False, "2026-01-12T08:00"),
        (sleep("mon", 8, 18), "2026-01-06T09:00", False, "2026-01-12T08:00"),
        (sleep("mon", 22, 6), "2026-01-06T05:59", True, "2026-01-06T06:00"),
        (sleep("mon", 22, 6), "2026-01-05T05:59", False, "2026-01-05T22:00"),
        (sleep("sat sun", 0, 0), "2026-01-10T12:00", True, "2026-01-12T00:00"),
        (sleep("sat sun", 0, 0), "2026-01-12T00:00", False, "2026-01-17T00:00"),
        (sleep("fri sat", 23, 22), "2026-01-10T22:30", False, "2026-01-10T23:00"),
    ],
)
def test_days_and_times_count(schedule, now, asleep, changes):
    assert stands(schedule, at(now)) == (asleep, at(changes))


def test_who_always_sleeps_is_looked_at_again():
    asleep, changes = stands(sleep(" ".join(DAYS), 5, 5), at("2026-01-07T12:00"))
    assert asleep
    assert changes > at("2026-01-14T12:00")


def test_times_are_those_of_the_zone():
    day = sleep("wed", 8, 18, VIENNA)
    assert stands(day, at("2026-01-07T07:30")) == (True, at("2026-01-07T17:00"))
    assert stands(day, at("2026-07-01T06:30")) == (True, at("2026-07-01T16:00"))


def test_a_night_in_which_clocks_are_changed_ends_by_the_clock():
    night = sleep(" ".join(DAYS), 22, 6, VIENNA)
    assert stands(night, at("2026-03-28T23:00", VIENNA)) == (True, at("2026-03-29T06:00", VIENNA))
    assert stands(night, at("2026-10-24T23:00", VIENNA)) == (True, at("2026-10-25T06:00", VIENNA))


def test_a_sleep_that_falls_into_no_time_at_all_is_left_out():
    # From 02:00 to 03:00 there is nothing on that Sunday.
    hour = sleep("sun", 2, 3, VIENNA)
    assert stands(hour, at("2026-03-28T12:00")) == (False, at("2026-04-05T02:00", VIENNA))
