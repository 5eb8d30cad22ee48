"""The compiler `ffmpeg_encode`: rendered frames become a video."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema

from app.hooks import (
    JOB_PATH,
    PROGRAM,
    Command,
    Compiler,
    Json,
    Parsed,
    Step,
    TaskView,
    WorkerView,
)
from plugins.render import paths
from plugins.render.settings import RelativePath, Settings, Text, Whole, described

DEFAULT_PICTURES = "####.png"
DEFAULT_VIDEO = "video.mp4"
DEFAULT_RATE, DEFAULT_CODEC = "24", "libx264"
#: Plays everywhere; both sides of the picture must be even for it.
EVERYWHERE = ("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p")

_HASHES = re.compile("#+")
_RATE = re.compile(r"[1-9][0-9]{0,5}(?:\.[0-9]{1,6}|/[1-9][0-9]{0,5})?")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_FRAME = re.compile(r"frame=[ ]*(\d{1,15})(?!\d)")


class Rate(fields.String):
    """Frames a second: 24, "23.976", "30000/1001"."""

    def _deserialize(self, value: object, attr: str | None, data: Any, **kwargs: Any) -> str:
        del data, kwargs
        text = str(value) if isinstance(value, int | float | str) else ""
        if isinstance(value, bool) or not _RATE.fullmatch(text):
            raise ValidationError(f"{attr} must be a number such as 24, or 30000/1001")
        return text


class Pictures(RelativePath):
    """The path of the pictures, with `#` for each digit of the frame."""

    def inspect(self, value: str, name: str) -> None:
        """Want one group of `#`."""
        super().inspect(value, name)
        if len(_HASHES.findall(value)) != 1:
            raise ValidationError(f"{name} must have the frame's digits once, as ####")


class VideoName(RelativePath):
    """The name of the video, which goes straight into the output directory."""

    def inspect(self, value: str, name: str) -> None:
        """Refuse a folder, and what ffmpeg would take for an option."""
        super().inspect(value, name)
        if "/" in value or "\\" in value or value.startswith(("-", ".")):
            raise ValidationError(f"{name} must be a plain file name")


class Codec(Text):
    """The name of an encoder."""

    def inspect(self, value: str, name: str) -> None:
        """Refuse what is no word."""
        if not _WORD.fullmatch(value):
            raise ValidationError(f"{name} must be made of letters, digits and _")


class EncodeSettings(Settings):
    """Of a video. frames: taken from `pictures`, which the tasks before have put out."""

    frame_start = Whole("First frame.", required=True, least=0)
    frame_end = Whole("Last frame.", required=True, least=0)
    frame_rate = Rate(
        metadata=described("Frames a second: 24, 23.976 or 30000/1001.", DEFAULT_RATE)
    )
    pictures = Pictures("Path of the pictures, # for each digit.", default=DEFAULT_PICTURES)
    video = VideoName("Name of the video.", default=DEFAULT_VIDEO)
    codec = Codec("ffmpeg's name of an encoder.", default=DEFAULT_CODEC)
    quality = Whole("The encoder's constant rate factor; less is better.", least=0, most=63)

    @validates_schema(skip_on_field_errors=True)
    def in_order(self, data: Json, **_options: Any) -> None:
        """Refuse a last frame before the first one."""
        if data["frame_end"] < data["frame_start"]:
            raise ValidationError("frame_end must not be lower than frame_start", "frame_end")


class FfmpegEncode(Compiler):
    """Joins frames, which must all be there, into a video."""

    name = "ffmpeg_encode"
    title = "Encode a video"
    spec_schema = EncodeSettings
    parser = "ffmpeg"
    programs: ClassVar[Mapping[str, str]] = {
        "Linux": "ffmpeg",
        "Darwin": "ffmpeg",
        "Windows": "ffmpeg.exe",
    }

    def frames(self, settings: Json) -> tuple[int, int]:
        """Tell the frames of the video."""
        return settings["frame_start"], settings["frame_end"]

    def label(self, settings: Json) -> str:
        """Name it by the file it makes."""
        return f"Encode {settings.get('video', DEFAULT_VIDEO)}"

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command; it reads where the output of the tasks before was put."""
        settings = task.payload["settings"]
        start, end = self.frames(settings)
        pictures = settings.get("pictures", DEFAULT_PICTURES).replace("%", "%%")
        pattern = _HASHES.sub(lambda hashes: f"%0{len(hashes[0])}d", pictures)
        shared = paths.shared(settings, "file_path", worker.system)
        words = [
            *("-nostdin", "-hide_banner", "-y", "-loglevel", "warning"),
            *("-nostats", "-progress", "pipe:1"),
            *("-framerate", settings.get("frame_rate", DEFAULT_RATE)),
            *("-start_number", str(start), "-i", f"{(shared or JOB_PATH).rstrip('/')}/{pattern}"),
            *("-frames:v", str(end - start + 1)),
            *("-c:v", settings.get("codec", DEFAULT_CODEC), *EVERYWHERE),
            *(("-crf", str(settings["quality"])) if "quality" in settings else ()),
            paths.output_file(settings, worker.system, settings.get("video", DEFAULT_VIDEO)),
        ]
        return Command(runtime="farm", main=Step(cmd=(PROGRAM, *words)))

    def parse(self, task: TaskView, lines: Sequence[str], state: Json) -> Parsed:
        """Read how many frames are through."""
        counts = [int(match[1]) for line in lines if (match := _FRAME.match(line))]
        done = counts[-1] if counts else state.get("done")
        first, last = task.payload.get("frame_start"), task.payload.get("frame_end")
        if done is None or first is None or last is None:
            return Parsed(state=state, progress=0.0)
        total = last - first + 1
        done = min(done, total)
        frame = first + max(done - 1, 0)
        return Parsed(
            state={"done": done},
            progress=round(100 * done / total, 1),
            frame=frame,
            facts={"process": f"Encoding {done}/{total}", "current_frame": frame},
        )
