"""What is read from a renderer's output, however it is cut."""

import random
from collections.abc import Iterator

import pytest

from tests.acceptance.flamenco.client import Flamenco, Worker

START = {
    "process": "",
    "remaining": None,
    "current_frame": None,
    "thumbnail": None,
    "path_not_found": None,
    "saved_file": None,
}
EXAMPLE = """\
Fra:5 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.00 | Scene, RenderLayer | Finished
Saved: '/render/0005.png' Time: 00:02.00 (Saving: 00:00.05)
Fra:6 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.00 | Scene, RenderLayer | Finished
Saved: '/render/0006.png' Time: 00:04.00 (Saving: 00:00.05)
Fra:7 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:00.50 | Remaining:00:12.40 | Scene, RenderLayer | Sample 64/128
"""
OLD = """\
Fra:5 Mem:8.19M (0.00M, Peak 9.47M) | Time:00:01.02 | Remaining:00:12.40 | Mem:0.25M, Peak:0.25M | Scene, RenderLayer | Path Tracing Tile 3/16
Saved: /render/0005.png Time: 00:00.22 (Saving: 00:00.05)
"""
MIDDLE = """\
Fra:5 Mem:44.19M (Peak 44.19M) | Time:00:00.13 | Remaining:00:07.01 | Mem:381.91M, Peak:381.91M | Scene, View Layer | Sample 1/1024
Saved: '/render/my shot/0005.png'
 Time: 00:00.76 (Saving: 00:00.48)
"""
NEW = """\
00:00.110  render           | Rendering frame 5
00:00.300  render           | Fra: 5 | Rendering 8 / 16 samples
00:00.687  render           | Saved: '/render/0005.png'
00:00.687  render           | Time: 00:02.49 (Saving: 00:00.05)
"""


@pytest.fixture
def task(flamenco: Flamenco) -> Iterator[tuple[int, Worker]]:
    """A render of frames 5 to 10 that a worker has."""
    made = flamenco.rendering()
    yield made
    flamenco.report(*made, "finished")


def told(flamenco: Flamenco, task: tuple[int, Worker], log: str) -> dict:
    flamenco.report(*task, log=log)
    return flamenco.long(task[0])


def activity(**facts: object) -> dict:
    return START | facts


# -- the examples -------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_example(flamenco: Flamenco, task, end: str):
    found = told(flamenco, task, EXAMPLE.replace("\n", end))
    assert found["activity"] == activity(
        process="Sample 64/128", remaining=12, current_frame=7, saved_file="/render/0006.png"
    )
    assert (found["frame_current"], found["progress"], found["eta"]) == (7, 41.7, 12)


GENERATIONS = {
    "2.7": (
        OLD,
        activity(process="Path Tracing Tile 3/16", remaining=12, current_frame=5, saved_file="/render/0005.png"),
        (5, 16.7, 1),
    ),
    "2.8": (
        MIDDLE,
        activity(process="Sample 1/1024", remaining=7, current_frame=5, saved_file="/render/my shot/0005.png"),
        (5, 16.7, 4),
    ),
    "5": (
        NEW,
        activity(process="Rendering 8 / 16 samples", current_frame=5, saved_file="/render/0005.png"),
        (5, 16.7, 12),
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", GENERATIONS)
def test_each_generation(flamenco: Flamenco, task, kind: str, end: str):
    text, facts, numbers = GENERATIONS[kind]
    found = told(flamenco, task, text.replace("\n", end))
    assert found["activity"] == facts
    assert (found["frame_current"], found["progress"], found["eta"]) == numbers


@pytest.mark.parametrize("kind", GENERATIONS)
def test_without_an_end_of_line(flamenco: Flamenco, task, kind: str):
    text, facts, numbers = GENERATIONS[kind]
    found = told(flamenco, task, text.removesuffix("\n"))
    assert found["activity"] == facts
    assert (found["frame_current"], found["progress"], found["eta"]) == numbers


# -- fact by fact -------------------------------------------------------------------------------

FACTS: dict[str, tuple[str, dict]] = {
    "nothing": ("Blender 2.74\nRead blend: x\n", {}),
    # current frame
    "frame": ("Fra:7 Mem:1M\n", {"current_frame": 7}),
    "frame behind blanks": ("Fra:   8 Mem:1M\n", {"current_frame": 8}),
    "frame within a line": ("xyz Fra:9\n", {"current_frame": 9}),
    "frame below 0": ("Fra:-3 Mem:1M\n", {"current_frame": -3}),
    "frame, the last": ("Fra:7\nFra:9\nFra:8\nFra:x\nFra:\n", {"current_frame": 8}),
    "frame outside": ("Fra:99\n", {"current_frame": 99}),
    "no frame": ("Fra :7\nfra:7\nFrame:7\nFra:x7\nFra: \n", {}),
    "frame of 5.x": ("Rendering frame 8\n", {"current_frame": 8}),
    "frame of 5.x behind its prefix": ("00:00.110  render           | Rendering frame 8\n", {"current_frame": 8}),
    "frame of 5.x with hours": ("01:00:00.110  render  | Rendering frame 8\n", {"current_frame": 8}),
    "frame of 5.x of another": ("00:00.110  compositor | Rendering frame 8\n", {"current_frame": 8}),
    "frame of 5.x, the last of both": ("Fra: 9\nRendering frame 8\n", {"current_frame": 8}),
    "frame of 5.x, no begin": ("x Rendering frame 8\n", {}),
    # process
    "process": ("Fra:7 Mem:1M | Scene | Sample\n", {"current_frame": 7, "process": "Sample"}),
    "process, the last": ("Fra:7 | a\nFra:7 | b\n", {"current_frame": 7, "process": "b"}),
    "process, without a bar": ("Fra:7 | a\nFra:8 Mem:1\n", {"current_frame": 8, "process": "a"}),
    "process, bars without blanks": ("Fra:7 | a|b\n", {"current_frame": 7, "process": "a|b"}),
    "process, Finished": ("Fra:7 | a\nFra:7 | Scene | Finished\n", {"current_frame": 7, "process": "a"}),
    "process, only Finished": ("Fra:7 | Scene | Finished\n", {"current_frame": 7}),
    "process, Finished and more": ("Fra:7 | Finished now\n", {"current_frame": 7, "process": "Finished now"}),
    "process, no frame line": ("Fra:7 | a\nother | b\n", {"current_frame": 7, "process": "a"}),
    "process of 5.x": ("00:01.0  render | Fra: 7 | Rendering 1 / 2 samples\n",
                       {"current_frame": 7, "process": "Rendering 1 / 2 samples"}),
    "prefix is no bar": ("00:01.0  render | Fra: 7\n", {"current_frame": 7}),
    "a frame of 5.x has no process": ("Fra:7 | a\n00:01.0  x | Rendering frame 8\n",
                                      {"current_frame": 8, "process": "a"}),
    # remaining
    "remaining": ("Remaining:00:12.40\n", {"remaining": 12}),
    "remaining in minutes": ("| Remaining:02:05.99 |\n", {"remaining": 125}),
    "remaining in hours": ("| Remaining:01:02:03.00 |\n", {"remaining": 3723}),
    "remaining in many minutes": ("Remaining:75:00.00\n", {"remaining": 4500}),
    "remaining nothing": ("Remaining:00:00.00\n", {"remaining": 0}),
    "remaining in a frame line": ("Fra:7 Mem:1M | Remaining:00:07.01 | S | p\n",
                                  {"current_frame": 7, "process": "p", "remaining": 7}),
    "remaining, the last": ("Remaining:00:12.40\nRemaining:00:11.00\n", {"remaining": 11}),
    "remaining, two in a line": ("Remaining:00:12.40 | Remaining:00:11.00\n", {"remaining": 11}),
    "remaining below 0": ("Remaining:00:12.40\nRemaining:-14:-08.-48\n", {"remaining": 12}),
    "remaining below 0 in part": ("Remaining:00:12.40\nRemaining:00:-8.48\n", {"remaining": 12}),
    "remaining only below 0": ("Fra:7 | Remaining:-14:-08.-48 | Scene | p\n",
                               {"current_frame": 7, "process": "p"}),
    "remaining unreadable": ("Remaining:00:12.40\nRemaining:soon\nRemaining:\n", {"remaining": 12}),
    # saved file
    "saved": ("Saved: /r/5.png Time: 00:01.00 (Saving: 00:00.01)\n", {"saved_file": "/r/5.png"}),
    "saved, to the end": ("Saved: /r/my shot 5.png\n", {"saved_file": "/r/my shot 5.png"}),
    "saved, blanks before Time": ("Saved: /r/my shot.png Time: 00:01.00\n", {"saved_file": "/r/my shot.png"}),
    "saved in quotes": ("Saved: '/r/a b.png' Time: 00:01.00\n", {"saved_file": "/r/a b.png"}),
    "saved in quotes, alone": ("Saved: '/r/a b.png'\n", {"saved_file": "/r/a b.png"}),
    "saved with Time in its name": ("Saved: '/r/a Time: b.png'\n", {"saved_file": "/r/a Time: b.png"}),
    "saved behind blanks": ("   Saved: '/r/5.png'\n", {"saved_file": "/r/5.png"}),
    "saved behind a tab": ("\tSaved: '/r/5.png'\n", {"saved_file": "/r/5.png"}),
    "saved in 5.x": ("00:00.687  render           | Saved: '/r/5.png'\n", {"saved_file": "/r/5.png"}),
    "saved, the last": ("Saved: 'a'\nSaved: 'b'\n", {"saved_file": "b"}),
    "saved on Windows": ("Saved: 'C:\\r\\5.png'\r\n", {"saved_file": "C:\\r\\5.png"}),
    "saved with umlauts": ("Saved: '/süß/日本.png'\n", {"saved_file": "/süß/日本.png"}),
    "not saved": ("Not Saved: 'a'\nsaved: 'a'\nSaved:'a'\n", {}),
    # missing files
    "missing": ("Warning: Path '/a/b c.png' not found\n", {"path_not_found": True}),
    "missing within a line": ("bla Warning: Path 'x' not found, xyz\n", {"path_not_found": True}),
    "missing in 5.x": ("00:00.1  render | Warning: Path 'x' not found\n", {"path_not_found": True}),
    "missing, and much after it": ("Warning: Path 'x' not found\n" + "x\n" * 500, {"path_not_found": True}),
    "not missing": ("Warning: Path x not found\nPath 'x' not found\nWarning: Path 'x' found\n", {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", FACTS)
def test_a_fact(flamenco: Flamenco, task, kind: str):
    text, facts = FACTS[kind]
    found = told(flamenco, task, text)
    if facts:
        assert found["activity"] == activity(**facts)
    else:
        assert found["activity"] in (None, START)
    frame = facts.get("current_frame", 5)
    assert found["frame_current"] == (frame if 5 <= frame <= 10 else 5)


def test_nothing_to_say(flamenco: Flamenco, task):
    found = told(flamenco, task, "Blender\n")
    assert (found["activity"], found["progress"], found["eta"]) == (None, 0, None)


def test_a_start_again_forgets_what_the_log_no_longer_holds(flamenco: Flamenco, task):
    told(flamenco, task, EXAMPLE)
    found = told(flamenco, task, "Fra:6 | Scene | x\n")
    assert found["activity"] == activity(process="x", current_frame=6)
    assert (found["frame_current"], found["progress"], found["eta"]) == (6, 16.7, None)


# -- progress and eta ---------------------------------------------------------------------------

# Frames 5 to 10: text -> frame_current, progress, eta
PROGRESS: dict[str, tuple[str, tuple[int, float, int | None]]] = {
    "nothing": ("", (5, 0, None)),
    "first frame": ("Fra:5 | S\n", (5, 0, None)),
    "third frame": ("Fra:7 | S\n", (7, 33.3, None)),
    "last frame": ("Fra:10 | S\n", (10, 83.3, None)),
    "half of the first": ("Fra:5 | S | Sample 1/2\n", (5, 8.3, None)),
    "half of the third": ("Fra:7 | S | Sample 1/2\n", (7, 41.7, None)),
    "all of the third": ("Fra:7 | S | Sample 2/2\n", (7, 50, None)),
    "more than all": ("Fra:7 | S | Sample 9/2\n", (7, 50, None)),
    "saved the first": ("Fra:5 | S\nSaved: 'a'\n", (5, 16.7, None)),
    "saved the first, half": ("Fra:5 | S | Sample 1/2\nSaved: 'a'\n", (5, 16.7, None)),
    "saved, then half of the same": ("Fra:5 | S\nSaved: 'a'\nFra:5 | S | Sample 1/2\n", (5, 16.7, None)),
    "saved twice": ("Fra:5 | S\nSaved: 'a'\nSaved: 'b'\n", (5, 16.7, None)),
    "saved two views": ("Fra:5 | S\nSaved: 'a_L'\nSaved: 'a_R'\nFra:6 | S\n", (6, 16.7, None)),
    "saved the third alone": ("Fra:7 | S\nSaved: 'a'\n", (7, 33.3, None)),
    "saved all": ("".join(f"Fra:{n} | S\nSaved: '{n}'\n" for n in range(5, 11)), (10, 100, None)),
    "saved backwards": ("".join(f"Fra:{n} | S\nSaved: '{n}'\n" for n in (10, 9, 8)), (8, 50, None)),
    "saved and a step back": ("".join(f"Fra:{n} | S\nSaved: '{n}'\n" for n in (5, 6, 7)) + "Fra:5 | S | Sample 1/2\n",
                              (5, 50, None)),
    "saved before any frame": ("Saved: 'a' Time: 00:02.00\n", (5, 0, 12)),
    "frame outside": ("Fra:99 | S\n", (5, 0, None)),
    "frame outside, half": ("Fra:99 | S | Sample 1/2\n", None),
    "saved outside": ("Fra:99 | S\nSaved: 'a'\n", (5, 0, None)),
    "outside behind inside": ("Fra:7 | S\nSaved: 'a'\nFra:11 | S\n", None),
    # frame times
    "time of the line": ("Fra:5 | S\nSaved: 'a' Time: 00:02.00 (Saving: 00:00.05)\n", (5, 16.7, 10)),
    "time of the next line": ("Fra:5 | S\nSaved: 'a'\n Time: 00:02.00 (Saving: 00:00.05)\n", (5, 16.7, 10)),
    "time of the line after the next": ("Fra:5 | S\nSaved: 'a'\nx\n Time: 00:02.00\n", (5, 16.7, None)),
    "time without quotes": ("Fra:5 | S\nSaved: /a b Time: 00:02.00 (Saving: 00:00.05)\n", (5, 16.7, 10)),
    "time in minutes": ("Fra:5 | S\nSaved: 'a' Time: 01:02.00 (S)\n", (5, 16.7, 310)),
    "time in hours": ("Fra:5 | S\nSaved: 'a' Time: 01:00:02.00 (S)\n", (5, 16.7, 18010)),
    "time with fraction": ("Fra:5 | S\nSaved: 'a' Time: 00:02.55 (S)\n", (5, 16.7, 13)),
    "time of the frame line is none": ("Fra:5 Mem:1 | Time:00:09.00 | S\nSaved: 'a'\n", (5, 16.7, None)),
    "time of saving is none": ("Fra:5 | S\nSaved: 'a' (Saving: 00:00.05)\n", (5, 16.7, None)),
    "time of 5.x": (("0:0.6  r | Rendering frame 6\n00:00.6  r | Rendering frame 6\n"
                    "00:00.6  r | Saved: 'a'\n00:00.6  r | Time: 00:02.00 (S)\n"), (6, 16.7, 10)),
    "mean": ("Fra:5 | S\nSaved: 'a' Time: 00:02.00\nFra:6 | S\nSaved: 'b' Time: 00:04.00\n", (6, 33.3, 12)),
    "mean of what is known": ("Fra:5 | S\nSaved: 'a'\nFra:6 | S\nSaved: 'b' Time: 00:04.00\n", (6, 33.3, 16)),
    "nothing left": ("".join(f"Fra:{n} | S\nSaved: '{n}' Time: 00:03.00\n" for n in range(5, 11)), (10, 100, 0)),
}  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in PROGRESS if PROGRESS[kind][1]])
def test_progress(flamenco: Flamenco, task, kind: str):
    text, wanted = PROGRESS[kind]
    found = told(flamenco, task, text)
    assert (found["frame_current"], found["progress"], found["eta"]) == wanted


PARTS = {
    "Sample 1/4": 0.25,
    "Path Tracing Sample 1/4": 0.25,
    "Path Tracing Tile 3/4": 0.75,
    "Rendered 1/4 Tiles": 0.25,
    "Rendering 1 / 4 samples": 0.25,
    "Rendering 1/4": 0.25,
    "Tile 1/4": 0.25,
    "Tile  1/4": 0.25,
    "Part 1-4": 0.25,
    "Rendering Part 1-4": 0.25,
    "Rendering Tile 1/4": 0.25,
    "Sample 1-4": 0.25,
    "Sample 3 / 4": 0.75,
    "Sample 0/4": 0,
    "Sample 4/4": 1,
    "Sample 8/4": 1,
    "Sample 64/128": 0.5,
    "Sample1/4": 0,
    "Sample": 0,
    "Sample x/4": 0,
    "Sample 1": 0,
    "1/4": 0,
    "Samples 1/4": 0,
    "Building BVH 1/4": 0,
    "Sample of light, Tile 1/4": 0.25,
    "Rendered 1/4 Tiles, Denoised 0/4 tiles": 0.25,
    "Tile, Sample 3/4": 0.75,
}


@pytest.mark.parametrize("text", PARTS)
def test_a_part_of_the_frame(flamenco: Flamenco, task, text: str):
    found = told(flamenco, task, f"Fra:7 Mem:1M | Scene | {text}\n")
    assert found["activity"]["process"] == text
    assert found["progress"] == round(100 * (2 + PARTS[text]) / 6, 1)


@pytest.mark.parametrize(
    "text", ["Sample 1/0", "Sample 0/0", "Tile 9999999999999999999999/1", "Sample 1/" + "9" * 400]
)
def test_a_part_that_makes_no_sense(flamenco: Flamenco, task, text: str):
    found = told(flamenco, task, f"Fra:7 | Scene | {text}\n")
    assert 33.3 <= found["progress"] <= 50


@pytest.mark.parametrize(
    ("first", "last"), [(1, 1), (-3, 0), (1, 1000), (0, 2), (999_999, 1_000_001)]
)
def test_progress_of_other_ranges(flamenco: Flamenco, first: int, last: int):
    settings = {"filepath": "a", "frame_start": first, "frame_end": last}
    task = flamenco.rendering(settings=settings)
    count = last - first + 1
    text = f"Fra:{first} | S\nSaved: 'a' Time: 00:02.00\nFra:{last} | S | Sample 1/2\n"
    found = told(flamenco, task, text)
    done = max(1, count - 1)
    part = 0.5 if count > 1 else 0
    assert found["progress"] == round(100 * (done + part) / count, 1)
    assert (found["frame_current"], found["eta"]) == (last, 2 * (count - done))
    flamenco.report(*task, "finished")
    flamenco.shows(task[0], progress=100, eta=0, frame_current=last)


@pytest.mark.parametrize("kind", ["tiled_blender_render", "tiled_blender_render_simple_mix"])
def test_other_types_with_frames(flamenco: Flamenco, kind: str):
    settings = {"filepath": "a", "frame_start": 5, "frame_end": 10, "tile": 1}
    found = told(flamenco, flamenco.rendering(type=kind, settings=settings), EXAMPLE)
    assert (found["frame_current"], found["progress"], found["eta"]) == (7, 41.7, 12)


@pytest.mark.parametrize("kind", ["blender_bake_anim_cache", "print_string"])
def test_types_without_frames(flamenco: Flamenco, kind: str):
    settings = {"filepath": "a", "text": "b"}
    task = flamenco.rendering(type=kind, settings=settings, parser="blender_render")
    found = told(flamenco, task, EXAMPLE)
    assert (found["frame_current"], found["progress"]) == (None, 0)
    assert found["activity"]["current_frame"] == 7
    flamenco.report(*task, "finished")
    flamenco.shows(task[0], progress=100, eta=0, frame_current=None)


def test_a_reported_frame_and_one_that_was_read(flamenco: Flamenco, task):
    flamenco.report(*task, activity={"current_frame": 8})
    found = flamenco.shows(task[0], frame_current=8, progress=50)
    assert found["activity"] == activity(current_frame=8)
    flamenco.report(*task, activity={"current_frame": 99})
    flamenco.shows(task[0], frame_current=8)
    flamenco.report(*task, log_append="Fra:9 | S\n")
    flamenco.shows(task[0], frame_current=9, progress=66.7)


def test_a_completed_task_keeps_what_was_read(flamenco: Flamenco):
    task = flamenco.rendering()
    told(flamenco, task, EXAMPLE)
    flamenco.report(*task, "finished")
    found = flamenco.shows(task[0], progress=100, eta=0, frame_current=10)
    assert found["activity"]["saved_file"] == "/render/0006.png"


# -- cuts ---------------------------------------------------------------------------------------

LONG = {
    "example": EXAMPLE,
    "example of Windows": EXAMPLE.replace("\n", "\r\n"),
    "2.7": OLD + OLD.replace("Fra:5", "Fra:6"),
    "2.8": MIDDLE.replace("my shot", "süß 日本")
    + "Warning: Path '/ä' not found\nRemaining:-14:-08.-48\n",
    "5": NEW + NEW.replace("frame 5", "frame 6").replace("Fra: 5", "Fra: 6"),
    "5 of Windows": NEW.replace("\n", "\r\n"),
}
KEPT = ("activity", "frame_current", "progress", "eta", "log", "status")


def facts(found: dict) -> dict:
    return {name: found[name] for name in KEPT}


@pytest.mark.parametrize("kind", LONG)
def test_a_cut_anywhere_is_no_cut(flamenco: Flamenco, task, kind: str):
    """Two reports say what one says, and the unfinished line counts as it stands."""
    text = LONG[kind]
    whole = facts(told(flamenco, task, text))
    # Every place is a case; a few of them, others in each text, are enough to be cheap.
    for place in range(random.Random(kind).randrange(1, 11), len(text), 11):
        flamenco.report(*task, log=text[:place])
        flamenco.report(*task, log_append=text[place:])
        assert facts(flamenco.long(task[0])) == whole, (place, text[:place][-20:])


@pytest.mark.parametrize("kind", LONG)
def test_an_unfinished_line_counts_as_it_stands(flamenco: Flamenco, task, kind: str):
    text = LONG[kind]
    other = flamenco.rendering()
    flamenco.report(*other, log="")
    last = 0
    for place in range(3, len(text), 29):
        flamenco.report(*other, log_append=text[last:place])
        last = place
        assert facts(flamenco.long(other[0])) == facts(told(flamenco, task, text[:place])), text[
            :place
        ][-40:]
    flamenco.report(*other, "finished")


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_many_small_reports(flamenco: Flamenco, task, size: int):
    text = (NEW + MIDDLE)[: 120 * size]
    whole = facts(told(flamenco, task, text))
    other = flamenco.rendering()
    for place in range(0, len(text), size):
        flamenco.report(*other, log_append=text[place : place + size])
    assert facts(flamenco.long(other[0])) == whole
    flamenco.report(*other, "finished")


def test_a_long_log_in_parts(flamenco: Flamenco, task):
    """Old facts are not lost in a log of some megabytes."""
    noise = "Info: nothing to see here, really nothing at all\n" * 5000
    text = f"Fra:5 | S\nSaved: 'a' Time: 00:02.00\nWarning: Path 'x' not found\n{noise}Fra:6 | S | Sample 1/2\n"
    flamenco.report(*task, log=text)
    whole = facts(flamenco.long(task[0]))
    assert whole["activity"] == activity(
        process="Sample 1/2", current_frame=6, saved_file="a", path_not_found=True
    )
    assert (whole["progress"], whole["eta"]) == (25, 10)
    other = flamenco.rendering()
    for place in range(0, len(text), 50_001):
        flamenco.report(*other, log_append=text[place : place + 50_001])
    assert facts(flamenco.long(other[0])) == whole
    flamenco.report(*other, "finished")


# -- what no renderer prints ------------------------------------------------------------------------

HOSTILE = {
    "huge frame": "Fra:" + "9" * 5000 + " | x\n",
    "huge frame below 0": "Fra:-" + "9" * 5000 + "\n",
    "frame beyond 2^63": f"Fra:{2**63} | x\nRendering frame {2**64}\n",
    "huge clock": "Remaining:"
    + "9" * 5000
    + ":00:00.00\nSaved: 'a' Time: "
    + "9" * 5000
    + ":00.00\n",
    "huge time": "Fra:5 | S\nSaved: 'a' Time: 999999999999:00:00.00\n",
    "huge part": "Fra:5 | Sample " + "9" * 5000 + "/" + "9" * 5000 + "\n",
    "other digits": "Fra:\u0663 | x\nRemaining:\u0660\u0660:\u0661\u0662.\u0664\u0660\nFra:5 | Sample \u0661/\u0662\n",
    "open quote": "Fra:5 | S\nSaved: '/r/5.png\n",
    "nothing saved": "Fra:5 | S\nSaved: ''\nSaved: \nSaved: ' Time: 00:01.00\n",
    "long line": "Fra:5 | " + "x | " * 50_000 + "\n",
    "many quotes": "Saved: '" * 20_000,
    "many warnings": "Warning: Path '" * 20_000,
    "many blanks": "Fra:" + " " * 100_000 + "\n" + " " * 100_000 + "Saved: 'a'\n",
    "many bars": " | " * 50_000,
    "many clocks": "Remaining:" * 30_000,
    "many digits": "0" * 100_000 + ":" + "0" * 100_000,
    "many returns": "\r" * 100_000,
    "other line ends": "Fra:5 | a\x0bFra:6 | b\x0cFra:7 | c\x85Fra:8 | d\u2028Fra:9 | e",
    "escapes": "\x1b[1mFra:5\x1b[0m | \x07\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_renderer_prints(flamenco: Flamenco, task, kind: str):
    found = told(flamenco, task, HOSTILE[kind])
    assert 5 <= found["frame_current"] <= 10
    for place in range(0, len(HOSTILE[kind]), max(1, len(HOSTILE[kind]) // 3)):
        flamenco.report(*task, log_append=HOSTILE[kind][place:])
    assert 5 <= flamenco.long(task[0])["frame_current"] <= 10


def test_hostile_lines_are_read_in_the_end(flamenco: Flamenco, task):
    found = told(flamenco, task, "".join(HOSTILE.values()) + "\nFra:6 | S | Sample 1/2\n")
    assert found["activity"]["process"] == "Sample 1/2"
    assert found["frame_current"] == 6
