"""A job's tasks as a drawing: who waits for whom, from left to right.

Tasks go to nodes, nodes to places (layers, after Sugiyama), places to shapes that a template writes
as SVG. Of a job with very many tasks those that are alike share a node.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout

from app.domain.records import Json

MOST, MANY = 150, 60
"""Nodes of a drawing, and from how many tasks on those that are alike share one."""
WIDE, HIGH = 176, 44
_ACROSS, _DOWN = 56, 14
_MARGIN = 8
_LONGEST = 22
# The state of many is that of the first of these which one of them is in.
_TELLING = (
    *("FAILED", "RUNNING", "LEASED", "QUEUED", "HELD", "CREATED"),
    *("CANCELLED", "SKIPPED", "COMPLETED"),
)
_NUMBERS = re.compile(r"\d+")
Place = tuple[float, float]
Pair = tuple[int, int]


@dataclass(slots=True)
class Node:
    """A task, or several that are alike. task_id: the first one's."""

    task_id: int
    name: str
    states: Counter[str] = field(default_factory=Counter)
    x: float = 0
    y: float = 0

    @property
    def count(self) -> int:
        """How many tasks it stands for."""
        return self.states.total()

    @property
    def state(self) -> str:
        """The state that tells most of how they are."""
        return next((state for state in _TELLING if self.states[state]), "CREATED")

    @property
    def title(self) -> str:
        """Its name, cut to what fits."""
        many = f" \N{MULTIPLICATION SIGN} {self.count:,}" if self.count > 1 else ""
        room = _LONGEST - len(many)
        name = " ".join(self.name.split()) or f"task {self.task_id}"
        return (name if len(name) <= room else f"{name[: room - 1]}…") + many

    @property
    def told(self) -> str:
        """How its tasks stand, in words."""
        if self.count == 1:
            return self.state.lower()
        return ", ".join(
            f"{self.states[one]} {one.lower()}" for one in _TELLING if self.states[one]
        )


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and lines in a space of that size. shown: how many tasks are in it."""

    nodes: Sequence[Node]
    lines: Sequence[str]
    width: float
    height: float
    shown: int
    is_grouped: bool


def draw(tasks: Sequence[Json], needs: Iterable[Pair], most: int = MOST) -> Drawing:
    """Draw tasks, given as documents of our API in their order. needs: (task, one it needs)."""
    pairs = _pairs(tasks, needs)
    nodes, home = _nodes(tasks, grouped=False)
    if is_grouped := len(nodes) > min(most, MANY):
        nodes, home = _nodes(tasks, grouped=True)
    nodes = nodes[:most]
    kept = {node.task_id for node in nodes}
    edges = {
        (home[before], home[after])
        for before, after in pairs
        if home[before] != home[after] and {home[before], home[after]} <= kept
    }
    places, lines, width, height = _laid(
        tuple(node.task_id for node in nodes), tuple(sorted(edges))
    )
    for node in nodes:
        node.x, node.y = places[node.task_id]
    shown = sum(node.count for node in nodes)
    return Drawing(nodes, lines, width, height, shown, is_grouped)


def _nodes(tasks: Sequence[Json], *, grouped: bool) -> tuple[list[Node], dict[int, int]]:
    """Give nodes, and by each task the node it is in (named by its first task)."""
    parents = {task["parent_id"] for task in tasks}
    nodes: dict[object, Node] = {}
    home: dict[int, int] = {}
    for task in tasks:
        name = task["name"] or ""
        key: object = task["id"]
        if grouped and task["id"] not in parents:
            name = _NUMBERS.sub("#", name)
            key = (task["parent_id"], name)
        node = nodes.setdefault(key, Node(task["id"], name))
        node.states[task["state"]] += 1
        home[task["id"]] = node.task_id
    return list(nodes.values()), home


def _pairs(tasks: Sequence[Json], needs: Iterable[Pair]) -> list[Pair]:
    """Give who comes before whom: (earlier, later)."""
    known = {task["id"] for task in tasks}
    pairs = [(first, second) for second, first in needs if {first, second} <= known]
    followed = {second for _, second in pairs}
    pairs += [(task["parent_id"], task["id"]) for task in tasks if task["parent_id"] in known]
    again = list(_again(tasks))
    followed |= {second for _, second in again}
    return [*pairs, *again, *_steps(tasks, followed, {first for first, _ in again})]


def _again(tasks: Sequence[Json]) -> Iterable[Pair]:
    """Give pairs of a task that failed and the one made in its place when it had."""
    last: dict[tuple[object, ...], Json] = {}
    for task in tasks:
        place = (task["parent_id"], task["position"], task["name"])
        before = last.get(place)
        has_failed = before is not None and before["state"] == "FAILED"
        if before and has_failed and task["created_at"] >= (before["ended_at"] or "~"):
            yield before["id"], task["id"]
        last[place] = task


def _steps(tasks: Sequence[Json], followed: set[int], replaced: set[int]) -> Iterable[Pair]:
    """Give pairs of steps made when the one before was over, though none says that it needs it."""
    parents = {task["parent_id"] for task in tasks}
    steps: dict[int, list[Json]] = {}
    for task in tasks:
        if task["parent_id"] is None:
            steps.setdefault(task["position"], []).append(task)
    leaves: dict[int, list[int]] = {}
    for task in tasks:
        if task["id"] not in parents and task["id"] not in replaced:
            leaves.setdefault(task["position"], []).append(task["id"])
    order = sorted(steps)
    for before, after in pairwise(order):
        over = max((task["ended_at"] or "~" for task in steps[before]), default="~")
        for task in steps[after]:
            if task["id"] not in followed and task["created_at"] >= over:
                yield from ((leaf, task["id"]) for leaf in leaves.get(before, ()))


class _Box:
    """What a layout knows of a node: as wide as we want it high, since it goes downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.w, self.h = width, height
        self.xy: Place = (0, 0)


class _Line:
    """What a layout tells of an edge: the places it goes through."""

    def __init__(self) -> None:
        self.points: list[Place] = []

    def setpath(self, points: list[Place]) -> None:
        self.points = points


@lru_cache(maxsize=64)
def _laid(
    ids: tuple[int, ...], edges: tuple[Pair, ...]
) -> tuple[Mapping[int, Place], Sequence[str], float, float]:
    """Give the places of nodes, paths of lines, width and height.

    A drawing is drawn again at each change of a state, but its nodes stay mostly what they are.
    """
    vertices = {each: Vertex(each) for each in ids}
    for vertex in vertices.values():
        vertex.view = _Box(HIGH, WIDE)
    links = [Edge(vertices[first], vertices[second]) for first, second in edges]
    for link in links:
        link.view = _Line()
    graph = Graph(list(vertices.values()), links)
    places: dict[int, Place] = {}
    paths: list[str] = []
    wide = high = 0.0
    alone = [part for part in graph.C if part.order() == 1]
    for part in graph.C:
        if part.order() == 1:
            continue
        width, height = _component(part, high, places, paths)
        wide, high = max(wide, width), high + height + _DOWN
    wide, high = _rows([vertex.data for part in alone for vertex in part.V()], wide, high, places)
    return places, paths, wide + 2 * _MARGIN, max(high - _DOWN, HIGH) + 2 * _MARGIN


def _component(
    part: object, top: float, places: dict[int, Place], paths: list[str]
) -> tuple[float, float]:
    """Lay out what hangs together; give its width and height."""
    layout = SugiyamaLayout(part)
    layout.xspace, layout.yspace = _DOWN, _ACROSS
    layout.init_all()
    layout.draw(1)
    vertices, links = list(part.V()), list(part.E())  # type: ignore[attr-defined]
    left = min(vertex.view.xy[1] for vertex in vertices) - WIDE / 2
    upper = min(vertex.view.xy[0] for vertex in vertices) - HIGH / 2

    def placed(across: float, down: float) -> Place:
        return round(down - left + _MARGIN, 1), round(across - upper + top + _MARGIN, 1)

    for vertex in vertices:
        x, y = placed(*vertex.view.xy)
        places[vertex.data] = (x - WIDE / 2, y - HIGH / 2)
    for link in links:
        (x1, y1), (x2, y2) = (placed(*end.view.xy) for end in link.v)
        between = sorted(placed(*point) for point in link.view.points[1:-1])
        paths.append(_path([(x1 + WIDE / 2, y1), *between, (x2 - WIDE / 2, y2)]))
    right = max(vertex.view.xy[1] for vertex in vertices) + WIDE / 2
    lower = max(vertex.view.xy[0] for vertex in vertices) + HIGH / 2
    return right - left, lower - upper


def _rows(
    ids: Sequence[int], wide: float, top: float, places: dict[int, Place]
) -> tuple[float, float]:
    """Put nodes that hang on nothing into rows; give the width and height of all."""
    columns = max(4, int(wide // (WIDE + _DOWN)))
    for number, each in enumerate(sorted(ids)):
        row, column = divmod(number, columns)
        x, y = column * (WIDE + _DOWN), top + row * (HIGH + _DOWN)
        places[each] = (x + _MARGIN, y + _MARGIN)
        wide = max(wide, x + WIDE)
    return wide, top + -(-len(ids) // columns) * (HIGH + _DOWN)


def _path(points: Sequence[Place]) -> str:
    """Give a smooth line through places from left to right."""
    (x, y), *rest = points
    told = [f"M{x:.1f} {y:.1f}"]
    for x2, y2 in rest:
        bend = (x2 - x) / 2
        told.append(f"C{x + bend:.1f} {y:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}")
        x, y = x2, y2
    return " ".join(told)
