"""The parser of Blender's output, on any text and any cuts of it."""

from hypothesis import given
from hypothesis import strategies as st

from app.hooks import TaskView
from app.hooks.manager import PluginManager
from plugins.render import job_interfaces
from plugins.render.ranges import Ranges

PLUGINS = PluginManager.holding(*job_interfaces())


def task(current=1):
    payload = {"settings": {}, "frame_start": 1, "frame_end": 10, "frame_current": current}
    return TaskView(id=1, name="", payload={**payload, "activity": None}, state="RUNNING")


def read(text, of=None, *, memory=None, parser="blender_render"):
    return PLUGINS.read(PLUGINS.parsers[parser], of or task(), text, memory or {})


TELLING = st.sampled_from(
    [
        *("Fra:", "Fra: 3", "Fra:5 Mem | a | Sample 1/2", "Saved: ", "Saved: '/a b.png'", "'"),
        *(" Time: 00:01.50", "Time:", "Remaining:00:12.40", "Rendering frame 4", " | ", "Finished"),
        *("00:00.110  render  | ", "Warning: Path '", "' not found", "\r\n", "\n", "\r", " ", "7"),
        *("-", "/", ":", "Tile 3-16", "Part ", "\0", "\ud800", "ü", "\u2028", "\x0b"),
    ]
)
TEXTS = st.lists(st.one_of(TELLING, st.text(max_size=8)), max_size=60).map("".join)


@given(TEXTS, st.data())
def test_the_result_does_not_depend_on_the_cuts(text, data):
    whole = read(text)
    places = st.integers(0, len(text))
    cuts = sorted(data.draw(st.lists(places, max_size=12)))
    memory = {}
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        reading = read(text[start:end], memory=memory)
        memory = reading.memory
    if text and cuts and cuts[-1] == len(text):
        reading = read("", memory=memory, of=task(current=whole.parsed.frame))
        whole = read("", memory=whole.memory, of=task(current=whole.parsed.frame))
    assert reading.memory == whole.memory
    assert reading.parsed == whole.parsed


@given(st.text(max_size=400))
def test_no_text_stops_it(text):
    for parser in PLUGINS.parsers:
        read(text, parser=parser)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_ranges_hold_what_a_set_holds(numbers):
    ranges = Ranges()
    for number in numbers:
        ranges.add(number)
    assert ranges.count == len(set(numbers))
    assert {number for number in range(-1, 42) if number in ranges} == set(numbers)
    assert all(a[1] + 1 < b[0] for a, b in zip(ranges.pairs, ranges.pairs[1:], strict=False))
    assert Ranges(ranges.pairs).count == ranges.count
