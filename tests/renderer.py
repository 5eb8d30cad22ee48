#!/usr/bin/env python3
"""A stand-in for Blender: its arguments, its output in three generations, tiny pictures.

Given as the program of a compiler it renders nothing and is done at once. Variables:
RENDERER_LOG: `2.7`, `2.8` (until 4.x; the default) or `5`. RENDERER_FRAME_S: seconds a frame takes.
RENDERER_FAIL_AT: the frame at which it gives up. RENDERER_EXIT: its exit code then (1).
RENDERER_SKIP: a frame that it leaves out without a word, as renderers without memory do.
A scene may hold them as well, one in a line, and wins.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import time
import zlib
from pathlib import Path

SUFFIXES = {"PNG": ".png", "EXR": ".exr", "OPEN_EXR": ".exr", "MULTILAYER": ".exr"}
TIME = "00:00.22 (Saving: 00:00.05)"


def png(shade: int) -> bytes:
    """Give a picture of 2x2 pixels in one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    rows = b"".join(b"\0" + bytes([shade] * 6) for _ in range(2))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def exr() -> bytes:
    """Give a picture of one black pixel."""

    def attribute(name: bytes, kind: bytes, data: bytes) -> bytes:
        return name + b"\0" + kind + b"\0" + struct.pack("<i", len(data)) + data

    channel = b"%c\0" + struct.pack("<iBBBBii", 2, 0, 0, 0, 0, 1, 1)
    channels = b"".join(channel.replace(b"%c", name) for name in (b"B", b"G", b"R")) + b"\0"
    window = struct.pack("<iiii", 0, 0, 0, 0)
    header = struct.pack("<ii", 20000630, 2)
    header += attribute(b"channels", b"chlist", channels)
    header += attribute(b"compression", b"compression", b"\0")
    header += attribute(b"dataWindow", b"box2i", window)
    header += attribute(b"displayWindow", b"box2i", window)
    header += attribute(b"lineOrder", b"lineOrder", b"\0")
    header += attribute(b"pixelAspectRatio", b"float", struct.pack("<f", 1))
    header += attribute(b"screenWindowCenter", b"v2f", struct.pack("<ff", 0, 0))
    header += attribute(b"screenWindowWidth", b"float", struct.pack("<f", 1)) + b"\0"
    pixel = struct.pack("<fff", 0, 0, 0)
    offset = struct.pack("<q", len(header) + 8)
    return header + offset + struct.pack("<ii", 0, len(pixel)) + pixel


def argument(name: str, default: str | None = None) -> str:
    """Give the word behind an option; ends the program when it is missing."""
    if name in sys.argv[:-1]:
        return sys.argv[sys.argv.index(name) + 1]
    if default is None:
        sys.exit(f"renderer: {name} is missing")
    return default


def target(pattern: str, frame: int, suffix: str) -> Path:
    """Give the file of a frame: `#` are its digits, four when there are none."""
    if "#" not in pattern:
        pattern += "####"
    digits = re.sub("#+", lambda hashes: f"{frame:0{len(hashes[0])}d}", pattern)
    return Path(digits + suffix)


class Old:
    """What Blender 2.7x prints."""

    def samples(self, frame: int, done: int, of: int) -> None:
        say(
            f"Fra:{frame} Mem:8.19M (0.00M, Peak 9.47M) | Time:00:00.{done:02d} "
            f"| Remaining:00:00.{of - done:02d} | Mem:0.25M, Peak:0.25M "
            f"| Scene, RenderLayer | Path Tracing Tile {done}/{of}"
        )

    def saved(self, path: Path) -> None:
        say(f"Saved: {path} Time: {TIME}")


class Middle:
    """What Blender 2.8 to 4.x prints."""

    def samples(self, frame: int, done: int, of: int) -> None:
        say(
            f"Fra:{frame} Mem:44.19M (Peak 44.19M) | Time:00:00.{done:02d} "
            f"| Remaining:00:00.{of - done:02d} | Mem:381.91M, Peak:381.91M "
            f"| Scene, View Layer | Sample {done}/{of}"
        )

    def saved(self, path: Path) -> None:
        say(f"Saved: '{path}'")
        say(f" Time: {TIME}")


class New:
    """What Blender 5.x prints."""

    def samples(self, frame: int, done: int, of: int) -> None:
        if done <= 1:
            say(f"00:00.110  render           | Rendering frame {frame}")
        say(f"00:00.300  render           | Fra: {frame} | Rendering {done} / {of} samples")

    def saved(self, path: Path) -> None:
        say(f"00:00.687  render           | Saved: '{path}'")
        say(f"00:00.687  render           | Time: {TIME}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201 - it is a program


def main() -> int:
    """Render all frames."""
    if "--background" not in sys.argv:
        sys.exit("renderer: there is no display")
    after = sys.argv[sys.argv.index("--background") + 1 :]
    # `-noaudio` may stand in between.
    scene = Path(next((word for word in after if not word.startswith("-")), ""))
    if not scene.is_file():
        say(f"Error: Cannot read file '{scene}': No such file or directory")
        return 1
    for line in scene.read_bytes().decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.startswith("RENDERER_"):
            os.environ[name] = value
    if "--render-anim" not in sys.argv:
        say(f"ran {argument('--python')}")
        return 0
    output = argument("--render-output")
    kind = "PNG" if "--render-format" in sys.argv else "EXR"
    suffix = SUFFIXES.get(argument("--render-format", kind), ".png")
    words = {"2.7": Old, "2.8": Middle, "5": New}[os.environ.get("RENDERER_LOG", "2.8")]()
    pause_s = float(os.environ.get("RENDERER_FRAME_S", "0"))
    for frame in range(int(argument("--frame-start")), int(argument("--frame-end")) + 1):
        words.samples(frame, 1, 4)
        time.sleep(pause_s)
        if str(frame) == os.environ.get("RENDERER_FAIL_AT"):
            say("Error: Out of memory")
            return int(os.environ.get("RENDERER_EXIT", "1"))
        if str(frame) == os.environ.get("RENDERER_SKIP"):
            continue
        words.samples(frame, 4, 4)
        path = target(output, frame, suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(exr() if suffix == ".exr" else png(frame % 256))
        words.saved(path)
    say("\nBlender quit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
