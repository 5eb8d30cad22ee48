"""Zips of strangers stay in their folder and within their bounds."""

import contextlib
import stat
import struct
import zipfile

import pytest

from clients.farm_worker.jobyard_farm_worker.archives import BadArchive, pack, unpack

MOST = 1_000_000


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "into"
    made.mkdir()
    return made


def make(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_was_packed_is_unpacked_again(folder, tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a").write_bytes(b"1")
    (source / "deep" / "ü b").write_bytes(b"2" * 10_000)
    assert pack(source, tmp_path / "zip")
    unpack(tmp_path / "zip", folder, most_bytes=MOST)
    assert files(folder) == files(source)


def test_an_empty_folder_gives_no_zip(folder, tmp_path):
    (folder / "empty").mkdir()
    assert not pack(folder, tmp_path / "zip")
    assert not (tmp_path / "zip").exists()


def test_links_are_not_packed(folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    assert not pack(folder, tmp_path / "zip")


def test_a_file_is_replaced(folder, tmp_path):
    (folder / "a").write_text("old and longer")
    unpack(make(tmp_path / "zip", {"a": "new"}), folder, most_bytes=MOST)
    assert files(folder) == {"a": b"new"}


@pytest.mark.parametrize(
    "name", ["/a", "../a", "b/../../a", "\\a", "..\\a", "C:/a", "c:a", "b/..", "//host/a"]
)
def test_names_that_lead_out_are_refused_before_anything_is_written(folder, tmp_path, name):
    archive = tmp_path / "zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("good", "1")
        opened.writestr(zipfile.ZipInfo(name), "2")
    with pytest.raises(BadArchive, match="leads out"):
        unpack(archive, folder, most_bytes=MOST)
    assert list(tmp_path.rglob("a")) == []
    assert files(folder) == {}


def test_dots_that_stay_inside_are_fine(folder, tmp_path):
    unpack(make(tmp_path / "zip", {"./b//c": "1", "..d/e..": "2"}), folder, most_bytes=MOST)
    assert files(folder) == {"b/c": b"1", "..d/e..": b"2"}


def test_a_link_is_refused(folder, tmp_path):
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(BadArchive, match="neither a file nor a folder"):
        unpack(tmp_path / "zip", folder, most_bytes=MOST)


def test_a_link_that_is_there_already_is_not_followed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "file")
    with pytest.raises(BadArchive, match="by a link"):
        unpack(make(tmp_path / "zip", {"folder/file": "1"}), folder, most_bytes=MOST)
    unpack(make(tmp_path / "zip", {"file": "2"}), folder, most_bytes=MOST)
    assert files(outside) == {"file": b"mine"}
    assert (folder / "file").read_text() == "2"


def test_a_bomb_is_refused_by_what_it_says(folder, tmp_path):
    archive = make(tmp_path / "zip", {"a": b"\0" * (MOST + 1)})
    with pytest.raises(BadArchive, match="unpacks to more"):
        unpack(archive, folder, most_bytes=MOST)
    assert files(folder) == {}


def test_a_bomb_that_lies_about_its_size_is_cut_off(folder, tmp_path):
    archive = make(tmp_path / "zip", {"a": b"\0" * (10 * MOST)})
    content = bytearray(archive.read_bytes())
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 5)
    archive.write_bytes(content)
    with contextlib.suppress(BadArchive):
        unpack(archive, folder, most_bytes=MOST)
    assert sum(map(len, files(folder).values())) <= 5


@pytest.mark.parametrize("content", [b"", b"PK", b"nonsense" * 100])
def test_what_is_no_zip_is_refused(folder, tmp_path, content):
    (tmp_path / "zip").write_bytes(content)
    with pytest.raises(BadArchive, match="broken"):
        unpack(tmp_path / "zip", folder, most_bytes=MOST)


def test_any_damage_is_a_bad_archive_or_none(folder, tmp_path):
    whole = make(tmp_path / "zip", {"a": b"abc" * 50, "b/c": b"def" * 50}).read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / "zip").write_bytes(damaged)
        try:
            unpack(tmp_path / "zip", folder, most_bytes=MOST)
        except (BadArchive, OSError):
            continue
    assert {path.name for path in tmp_path.iterdir()} == {"zip", "into"}
