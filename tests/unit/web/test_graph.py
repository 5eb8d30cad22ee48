"""Tasks as a drawing: who stands before whom, and what shares a box."""

from hypothesis import given
from hypothesis import strategies as some

from app.web import graph

EARLY, LATER = "2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:02.000000Z"


def task(number, name="", **more):
    return {
        "id": number,
        "name": name or f"task {number}",
        "parent_id": None,
        "position": 1,
        "state": "COMPLETED",
        "created_at": EARLY,
        "ended_at": LATER,
        **more,
    }


def places(drawing):
    return {node.task_id: (node.x, node.y) for node in drawing.nodes}


def test_what_needs_another_stands_right_of_it():
    drawing = graph.draw([task(1), task(2), task(3)], [(2, 1), (3, 2)])
    at = places(drawing)
    assert at[1][0] < at[2][0] < at[3][0]
    assert len(drawing.lines) == 2


def test_parts_of_a_composite_stand_between_it_and_what_follows():
    tasks = [
        task(1, "all"),
        task(2, parent_id=1),
        task(3, parent_id=1),
        task(4, "after", position=2, created_at=LATER),
    ]
    drawing = graph.draw(tasks, [])
    at = places(drawing)
    assert at[1][0] < at[2][0] == at[3][0] < at[4][0]
    assert len(drawing.lines) == 4


def test_steps_that_began_together_do_not_follow_each_other():
    drawing = graph.draw([task(1), task(2, position=2)], [])
    assert drawing.lines == []


def test_what_is_tried_again_stands_in_a_row():
    tasks = [
        task(1, "try", state="FAILED"),
        task(2, "try", created_at=LATER, ended_at="2026-01-01T00:00:03.000000Z"),
        task(3, "next", position=2, created_at="2026-01-01T00:00:03.000000Z"),
    ]
    drawing = graph.draw(tasks, [])
    at = places(drawing)
    assert at[1][0] < at[2][0] < at[3][0]
    assert len(drawing.lines) == 2


def test_no_boxes_lie_on_each_other():
    tasks = [task(number) for number in range(1, 40)]
    drawing = graph.draw(tasks, [(number, number // 2) for number in range(2, 40)])
    nodes = drawing.nodes
    for node in nodes:
        assert 0 <= node.x <= drawing.width - graph.WIDE
        assert 0 <= node.y <= drawing.height - graph.HIGH
        for other in nodes:
            apart = abs(node.x - other.x) >= graph.WIDE or abs(node.y - other.y) >= graph.HIGH
            assert node is other or apart


def test_many_that_are_alike_share_a_box():
    tasks = [task(1, "all"), *(task(n, f"frame {n}", parent_id=1) for n in range(2, 400))]
    tasks[7]["state"] = "FAILED"
    drawing = graph.draw(tasks, [])
    assert [node.count for node in drawing.nodes] == [1, 398]
    assert drawing.is_grouped
    assert drawing.nodes[1].state == "FAILED"
    assert drawing.nodes[1].told == "1 failed, 397 completed"
    assert drawing.nodes[1].title.startswith("frame #")


def test_no_more_than_fit_are_drawn():
    letters = "abcdefghijklmnopqrstuvwxyz"
    tasks = [task(n, f"{letters[n % 26]}{letters[n // 26]}") for n in range(300)]
    drawing = graph.draw(tasks, [(n, n - 1) for n in range(1, 300)], most=50)
    assert (len(drawing.nodes), drawing.shown) == (50, 50)


def test_long_names_are_cut():
    node = graph.draw([task(1, "\u202e" + "x" * 500)], []).nodes[0]
    assert len(node.title) <= 22


@given(
    some.integers(1, 12).flatmap(
        lambda count: some.tuples(
            some.just(count),
            some.lists(some.tuples(some.integers(0, count), some.integers(0, count)), max_size=30),
        )
    )
)
def test_any_needs_are_drawn(given_):
    """Also those in circles, of itself, and of tasks that are not there."""
    count, needs = given_
    drawing = graph.draw([task(number) for number in range(count)], needs)
    assert len(places(drawing)) == count
    assert all(line.startswith("M") for line in drawing.lines)


def test_a_drawing_is_laid_out_once():
    tasks = [task(number) for number in range(1, 60)]
    needs = [(number, number // 2) for number in range(2, 60)]
    graph.draw(tasks, needs)
    before = graph._laid.cache_info().hits
    tasks[5]["state"] = "RUNNING"
    assert graph.draw(tasks, needs).nodes[5].state == "RUNNING"
    assert graph._laid.cache_info().hits == before + 1
