"""Attempts as bars along time."""

from app.domain.clock import SECOND
from app.domain.records import Attempt
from app.domain.states import AttemptState
from app.web import timeline

NOON = 1_800_000_000 * SECOND


def task(number, **more):
    return {"id": number, "name": f"task {number}", "ended_at": None, **more}


def attempt(task_id, number, begin_s, end_s=None, state=AttemptState.DONE):
    return Attempt(
        task_id=task_id,
        number=number,
        worker_id=7,
        state=state,
        leased_at=NOON + begin_s * SECOND,
        ended_at=None if end_s is None else NOON + end_s * SECOND,
    )


def draw(*attempts, tasks=2, now_s=100):
    numbers = range(1, tasks + 1)
    return timeline.draw([task(n) for n in numbers], attempts, {7: "crane"}, NOON + now_s * SECOND)


def test_what_nobody_tried_has_no_row():
    assert draw() is None
    assert [row.task_id for row in draw(attempt(2, 1, 0, 1)).rows] == [2]


def test_bars_stand_in_order_and_within():
    drawn = draw(attempt(1, 1, 0, 10, AttemptState.FAILED), attempt(1, 2, 20, 40))
    first, second = drawn.rows[0].bars
    assert timeline.NAMES <= first.x < first.x + first.width < second.x
    assert second.x + second.width <= timeline.WIDTH
    assert first.told == "Attempt 1: failed, 10 s, by crane"
    assert (first.state, second.state) == ("FAILED", "DONE")


def test_a_bar_that_has_not_ended_reaches_to_now():
    half = draw(attempt(1, 1, 0, None, AttemptState.RUNNING), attempt(2, 1, 0, 50), now_s=100)
    running, over = half.rows[0].bars[0], half.rows[1].bars[0]
    assert abs(running.width - 2 * over.width) < 1


def test_the_shortest_can_be_seen():
    assert draw(attempt(1, 1, 0, 0)).rows[0].bars[0].width >= 3
    assert draw(attempt(1, 1, 0, 0), attempt(2, 1, 0, 10**7)).rows[0].bars[0].width >= 3


def test_the_axis_has_few_round_times():
    for length_s in (0, 1, 7, 90, 4000, 10**5, 10**7, 10**9):
        ticks = draw(attempt(1, 1, 0, length_s)).ticks
        assert len(ticks) <= 24
        assert [tick.x for tick in ticks] == sorted(tick.x for tick in ticks)
    assert [tick.at[14:19] for tick in draw(attempt(1, 1, 0, 50)).ticks][:2] == ["00:00", "00:10"]


def test_rows_are_bounded():
    drawn = draw(*(attempt(n, 1, 0, 1) for n in range(1, 200)), tasks=200)
    assert len(drawn.rows) == timeline.MOST
