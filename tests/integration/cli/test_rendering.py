"""What `jobyard render` sends along and shows, without a farm."""

import io
import zipfile

import pytest
from rich.console import Console

from app.cli import Failed
from app.cli.render import frames_of, pack
from app.cli.rendering import CHUNKS_SHOWN, Look, picture


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("7", {"frame_start": 7, "frame_end": 7}),
        (" 1-250 ", {"frame_start": 1, "frame_end": 250}),
        ("-5--1", {"frame_start": -5, "frame_end": -1}),
        ("1-10,15", {"frames": "1-10,15"}),
        ("1-10x2", {"frames": "1-10x2"}),
        ("all", {"frames": "all"}),
    ],
)
def test_frames_are_a_range_or_left_to_the_farm(text, settings):
    assert frames_of(text) == settings


def test_a_scene_goes_with_what_it_needs(tmp_path):
    for name in ("a.blend", "wood.png", "maps/sky.exr", "maps/deep/sea.exr", "left.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    archive = io.BytesIO()
    others = (tmp_path / "wood.png", tmp_path / "maps", tmp_path / "a.blend")
    pack(archive, tmp_path / "a.blend", others)
    with zipfile.ZipFile(archive) as packed:
        found = {name: packed.read(name).decode() for name in packed.namelist()}
    wanted = ("a.blend", "wood.png", "maps/sky.exr", "maps/deep/sea.exr")
    assert found == {name: name for name in wanted}


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.blend").write_text("a")
    (tmp_path / "out").write_text("b")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    with pytest.raises(Failed, match="not in the scene's folder"):
        pack(io.BytesIO(), tmp_path / "in" / "a.blend", (tmp_path / "in" / "link",))
    with pytest.raises(Failed, match="not in the scene's folder"):
        pack(io.BytesIO(), tmp_path / "in" / "a.blend", (tmp_path / "in",))


def chunk(number, status, **more):
    name = f"{number}-{number}"
    return {"id": number, "name": name, "status": status, "progress": 0.0, "eta": None, **more}


def shown(*chunks):
    whole = {"id": 1, "name": "shot\x1b.blend", "status": "rendering", "progress": 12.5}
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(picture(Look(whole, list(chunks))))
    return console.file.getvalue()


def test_every_chunk_has_a_bar():
    text = shown(
        chunk(2, "completed", progress=100.0),
        chunk(3, "rendering", progress=50.0, eta=42),
        chunk(4, "ready"),
    )
    head, *lines = text.splitlines()
    assert head.rstrip() == "shot\ufffd.blend  12%  1 of 3"
    assert [line.split()[0] for line in lines] == ["2-2", "3-3", "4-4"]
    assert [line.count("━") for line in lines] == [30, 15, 0]
    assert lines[1].rstrip().endswith("rendering  42 s")


def test_of_many_chunks_those_at_work_are_shown():
    done = [chunk(number, "completed") for number in range(2, 200)]
    text = shown(*done, chunk(500, "rendering"), chunk(501, "failed"))
    assert "500-500" in text
    assert "501-501" in text
    assert len(text.splitlines()) == 1 + CHUNKS_SHOWN
