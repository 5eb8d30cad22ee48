"""The parser of Blender's output: facts, progress, and nothing that hangs on where it is cut."""

import pytest

from app.hooks import TaskView
from app.hooks.manager import PluginManager
from app.hooks.reading import LINE
from plugins.render import job_interfaces
from plugins.render.ranges import MOST, Ranges

PLUGINS = PluginManager.holding(*job_interfaces())

EXAMPLE = """\
Fra:5 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.00 | Scene, RenderLayer | Finished
Saved: '/render/0005.png' Time: 00:02.00 (Saving: 00:00.05)
Fra:6 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.00 | Scene, RenderLayer | Finished
Saved: '/render/0006.png' Time: 00:04.00 (Saving: 00:00.05)
Fra:7 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:00.50 | Remaining:00:12.40 | Scene, RenderLayer \
| Sample 64/128
"""
OLD = """\
Fra:5 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.02 | Remaining:00:12.40 | Mem:0.25M, \
Peak:0.25M | Scene, RenderLayer | Path Tracing Tile 3/16
Saved: /render/0005.png Time: 00:00.22 (Saving: 00:00.05)
"""
MIDDLE = """\
Fra:1 Mem:44.19M (Peak 44.19M) | Time:00:00.13 | Remaining:00:07.01 | Mem:381.91M, \
Peak:381.91M | Scene, View Layer | Sample 1/1024
Saved: '/render/my shot/0001.png'
 Time: 00:00.76 (Saving: 00:00.48)
"""
NEW = """\
00:00.110  render           | Rendering frame 1
00:00.300  render           | Fra: 1 | Rendering 8 / 16 samples
00:00.687  render           | Saved: '/render/0001.png'
00:00.687  render           | Time: 00:00.49 (Saving: 00:00.05)
"""


def task(first=1, last=10, *, current=None, activity=None):
    payload = {
        "settings": {},
        "frame_start": first,
        "frame_end": last,
        "frame_current": first if current is None else current,
        "activity": activity,
    }
    return TaskView(id=1, name="", payload=payload, state="RUNNING")


def read(text, of=None, *, memory=None, parser="blender_render"):
    return PLUGINS.read(PLUGINS.parsers[parser], of or task(), text, memory or {})


def facts(text, of=None):
    return read(text, of).parsed.facts


# -- the generations ------------------------------------------------------------------------


def test_the_example():
    parsed = read(EXAMPLE, task(5, 10)).parsed
    assert parsed.facts == {
        "process": "Sample 64/128",
        "remaining": 12,
        "current_frame": 7,
        "saved_file": "/render/0006.png",
    }
    assert (parsed.frame, parsed.progress, parsed.eta_s) == (7, 41.7, 12)


def test_blender_2_7():
    parsed = read(OLD, task(5, 10)).parsed
    assert parsed.facts == {
        "process": "Path Tracing Tile 3/16",
        "remaining": 12,
        "current_frame": 5,
        "saved_file": "/render/0005.png",
    }
    assert (parsed.progress, parsed.eta_s) == (16.7, round(0.22 * 5))


def test_blender_2_8_to_4():
    parsed = read(MIDDLE).parsed
    assert parsed.facts == {
        "process": "Sample 1/1024",
        "remaining": 7,
        "current_frame": 1,
        "saved_file": "/render/my shot/0001.png",
    }
    assert (parsed.progress, parsed.eta_s) == (10.0, round(0.76 * 9))


def test_blender_5():
    parsed = read(NEW).parsed
    assert parsed.facts == {
        "process": "Rendering 8 / 16 samples",
        "current_frame": 1,
        "saved_file": "/render/0001.png",
    }
    assert (parsed.progress, parsed.eta_s) == (10.0, round(0.49 * 9))


@pytest.mark.parametrize("text", [EXAMPLE, OLD, MIDDLE, NEW])
def test_either_line_end(text):
    assert read(text.replace("\n", "\r\n")).parsed == read(text).parsed


# -- each fact ------------------------------------------------------------------------------


def test_no_text_tells_nothing():
    parsed = read("").parsed
    assert (parsed.facts, parsed.progress, parsed.eta_s, parsed.frame) == ({}, 0.0, None, None)


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("Fra:3", 3),
        ("x Fra: \t 3 Mem", 3),
        ("Fra:-3 |", -3),
        ("Rendering frame 3", 3),
        ("00:01:02.5  r  | Rendering frame 3", 3),
        ("x Rendering frame 3", None),
        ("Fra:x", None),
        ("Fra:" + "9" * 30, None),
        ("fra:3", None),
    ],
)
def test_current_frame(line, frame):
    assert facts(line).get("current_frame") == frame


def test_the_last_frame_counts_though_it_is_lower():
    assert facts("Fra:7\nFra:3\n")["current_frame"] == 3


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("Fra:1 | a | b c ", "b c"),
        ("Fra:1 | a | Finished", "before"),
        ("Fra:1 a|b", "before"),
        ("Mem:1 | a", "before"),
        ("Fra:1 | a\nFra:1 | Finished", "a"),
    ],
)
def test_process(line, process):
    assert facts(f"Fra:1 | before\n{line}")["process"] == process


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("00:12.40", 12),
        ("01:02:03.00", 3723),
        ("00:00.99", 0),
        ("99:59.99", 5999),
        ("-14:-08.-48", None),
        ("00:-08.48", None),
        ("soon", None),
        ("1.5", None),
        ("9" * 40 + ":00.00", None),
    ],
)
def test_remaining(clock, seconds):
    line = f"Fra:1 | Remaining:{clock} | x"
    assert facts(line).get("remaining") == seconds
    assert facts(f"Remaining:00:07.00\n{line}")["remaining"] == (7 if seconds is None else seconds)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Saved: '/a/b c.png'", "/a/b c.png"),
        ("\t Saved: '/a b.png' Time: 00:01.00", "/a b.png"),
        ("Saved: /a/b c.png Time: 00:01.00 (Saving: 00:00.05)", "/a/b c.png"),
        ("Saved: /a/b.png", "/a/b.png"),
        ("Saved: '/a/it's.png'", "/a/it's.png"),
        ("00:00.687  render  | Saved: '/a.png'", "/a.png"),
        ("x Saved: '/a.png'", None),
        ("Saved:/a.png", None),
        ("Saved: '/a.png", None),
    ],
)
def test_saved_file(line, name):
    assert facts(line).get("saved_file") == name


@pytest.mark.parametrize(
    ("text", "eta"),
    [
        ("Saved: '/a' Time: 00:02.00\n", 18),
        ("Saved: /a Time: 01:02.50 (Saving: 00:00.05)\n", round(62.5 * 9)),
        ("Saved: '/a'\n Time: 00:02.00 (Saving)\n", 18),
        ("Saved: '/a'\nTime: 01:00:02.00\n", 3602 * 9),
        ("Saved: '/a'\nother\nTime: 00:02.00\n", None),
        ("Saved: '/a'\nx Time: 00:02.00\n", None),
        ("Time: 00:02.00\n", None),
        ("Saved: '/a' Time: -1:-2.00\n", None),
    ],
)
def test_the_time_of_a_frame(text, eta):
    assert read("Fra:1\n" + text).parsed.eta_s == eta


def test_a_missing_file_is_remembered():
    line = "Warning: Path '/lost/wood.png' not found, from linked data"
    assert facts(f"{line}\nFra:1\n")["path_not_found"] is True
    assert "path_not_found" not in facts("Warning: Path '' not found\nWarning: Path 'a' lost")


# -- progress -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("process", "part"),
    [
        ("Sample 64/128", 0.5),
        ("Path Tracing Tile 3/4", 0.75),
        ("Rendered 1 / 4 Tiles, Sample 3/4", 0.25),
        ("Rendering 8 / 16 samples", 0.5),
        ("Tile 1-4", 0.25),
        ("Part  1-4", 0.25),
        ("Samples 1/4, Part 2/4", 0.5),
        ("Sample 9/4", 1.0),
        ("Sample 1/0", 0.0),
        ("Sample one/two", 0.0),
        ("Synchronizing object", 0.0),
    ],
)
def test_part_of_a_frame(process, part):
    assert read(f"Fra:1 | {process}").parsed.progress == round(100 * part / 10, 1)


def test_a_frame_that_was_saved_is_not_counted_by_its_part_too():
    assert read("Fra:1 | Sample 1/2\nSaved: '/a'\n").parsed.progress == 10.0


def test_frames_before_the_current_one_are_through():
    assert read("Fra:6\n").parsed.progress == 50.0
    assert read("", task(current=6)).parsed.progress == 50.0


def test_a_frame_saved_twice_counts_once():
    assert read("Fra:1\nSaved: '/a'\nSaved: '/b'\n").parsed.progress == 10.0


def test_a_file_saved_before_any_frame_counts_for_none():
    parsed = read("Saved: '/a'\nFra:1\n").parsed
    assert (parsed.facts["saved_file"], parsed.progress) == ("/a", 0.0)


def test_frames_outside_count_for_nothing_but_are_told():
    parsed = read("Fra:4 | Sample 1/2\nSaved: '/a'\nFra:99\nSaved: '/b'\n", task(3, 6)).parsed
    assert parsed.facts["current_frame"] == 99
    assert (parsed.frame, parsed.progress) == (4, 25.0)


def test_what_was_reported_counts_where_the_output_says_nothing():
    told = task(current=2, activity={"process": "Sample 1/2"})
    assert read("hello\n", told).parsed.progress == 15.0


def test_a_task_without_frames_has_no_progress():
    parsed = read(EXAMPLE, TaskView(id=1, name="", payload={"settings": {}}, state="")).parsed
    assert (parsed.progress, parsed.eta_s, parsed.frame) == (0.0, None, None)
    assert parsed.facts["current_frame"] == 7


def test_asked_anew_it_goes_by_the_task():
    memory = read(EXAMPLE, task(5, 10)).memory
    again = read("", task(5, 10, current=9), memory=memory)
    assert again.parsed.progress == round(100 * 4.5 / 6, 1)
    assert again.memory == memory


# -- wherever it is cut ---------------------------------------------------------------------


@pytest.mark.parametrize("length", [LINE - 2, LINE - 1, LINE, LINE + 1, LINE + 2, 3 * LINE])
@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\r"])
def test_a_long_line_is_read_the_same_wherever_it_is_cut(length, end):
    begin = "Fra:1 | "
    text = begin + "x" * (length - len(begin)) + end
    whole = read(text)
    for cut in (1, length - 1, length, length + 1, LINE, LINE + 1, LINE + 2):
        if cut < len(text):
            first = read(text[:cut])
            again = read(text[cut:], memory=first.memory)
            assert (again.memory, again.parsed) == (whole.memory, whole.parsed)
    assert len(whole.parsed.facts["process"]) <= LINE


@pytest.mark.parametrize(
    "piece",
    [
        "Warning: Path '", "Saved: '", "'", " ", "Fra:", "Remaining:", "Remaining:00:", "Tile ",
        "Tile 1/", "1:", "00:00.1 ", "| ", "\r", "Fra:1 | Sample 1", "Saved: '/a' Time: ", "9",
    ],
)  # fmt: skip
def test_lines_that_repeat_themselves_cost_no_more(piece):
    # A pattern that looks back and forth would take minutes here.
    line = "Saved: '" + piece * (200_000 // len(piece))
    read(f"Fra:1 | {line}\n{line}\n{piece * (200_000 // len(piece))}x")


def test_memory_does_not_grow_with_the_text():
    memory = {}
    sizes = []
    for frame in range(1, 2000):
        reading = read(f"Fra:{frame} | a\nSaved: '/a/{frame:05d}'\n", task(1, 5000), memory=memory)
        memory = reading.memory
        sizes.append(len(str(memory)))
    assert max(sizes) < 400
    assert reading.parsed.progress == round(100 * 1999 / 5000, 1)


def test_ranges_are_bounded():
    ranges = Ranges()
    for number in range(0, 4 * MOST, 2):
        ranges.add(number)
    assert (len(ranges.pairs), ranges.count) == (MOST, MOST)
    ranges.add(1)
    assert ranges.count == MOST + 1


# -- the video ------------------------------------------------------------------------------


def test_frames_of_a_video():
    text = "frame=1\nfps=0.0\nprogress=continue\nframe=4\nprogress=end\n"
    parsed = read(text, task(5, 12), parser="ffmpeg").parsed
    assert (parsed.progress, parsed.frame) == (50.0, 8)
    assert parsed.facts == {"process": "Encoding 4/8", "current_frame": 8}
    assert read("nothing", parser="ffmpeg").parsed.progress == 0.0
