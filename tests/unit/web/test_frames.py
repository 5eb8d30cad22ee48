"""Frames as cells and stretches."""

from itertools import pairwise

from app.web.frames import STRIP, Cell, Rendered, Stretch, cells, strip, word_at


def task(number: int, word: str, first: int, last: int, at: int | None = None) -> Rendered:
    return Rendered(number, word, first, last, first if at is None else at)


def test_each_frame_of_a_chunk_is_a_cell():
    found = cells([task(1, "completed", 1, 3), task(2, "ready", 4, 6)], 2, 5)
    assert [(cell.frame, cell.word, cell.task) for cell in found] == [
        (2, "completed", 1),
        (3, "completed", 1),
        (4, "ready", 2),
        (5, "ready", 2),
    ]


def test_frames_before_the_present_one_are_done():
    rendering = task(1, "rendering", 10, 13, at=12)
    assert [word_at(rendering, frame) for frame in range(10, 14)] == [
        "completed", "completed", "rendering", "ready",
    ]  # fmt: skip


def test_tiles_of_a_frame_share_its_cell_and_the_most_urgent_is_shown():
    words = ("completed", "rendering", "completed", "ready")
    tiles = [task(number, word, 7, 7) for number, word in enumerate(words)]
    assert cells(tiles, 1, 100) == [Cell(7, "rendering", 1, 2, 4)]
    assert cells([*tiles, task(9, "failed", 7, 7)], 1, 100) == [Cell(7, "failed", 9, 2, 5)]


def test_tasks_without_frames_have_no_cells():
    bare = Rendered(1, "ready", None, None, None)
    assert cells([bare], 1, 10) == []
    assert list(strip([bare], 1, 10)) == []


def test_a_million_frames_of_one_task_cost_what_is_looked_at():
    huge = [task(1, "rendering", -(10**9), 10**9, at=5)]
    assert [cell.frame for cell in cells(huge, 4, 6)] == [4, 5, 6]
    assert len(strip(huge, -(10**9), 10**9)) == STRIP


def test_stretches_cover_all_frames_without_a_gap():
    tasks = [task(n, "failed" if n == 5 else "completed", n * 10, n * 10 + 9) for n in range(50)]
    found = list(strip(tasks, 0, 499))
    assert found[0].first == 0
    assert found[-1].last == 499
    assert all(one.last + 1 == other.first for one, other in pairwise(found))
    assert {one.word for one in found if one.last >= 50 and one.first <= 59} >= {"failed"}


def test_few_frames_have_a_stretch_each():
    tasks = [task(1, "completed", 3, 3), task(2, "ready", 5, 5)]
    assert list(strip(tasks, 3, 5)) == [Stretch(3, 3, "completed"), Stretch(5, 5, "ready")]
