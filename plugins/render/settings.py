"""The settings of the compilers: what is checked, with a reason that names the field."""

import re
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, pre_load, validates_schema

from app.hooks import Json, no_nul
from plugins.render.frames import ORDERS, frame_list

#: Beyond this an integer is no longer the same in every program that reads JSON.
MOST = 2**53
DEFAULT_TILES, MOST_TILES = 4, 64

SCENE = "Path of the scene within the zip of the job."

_INTEGER = re.compile(r"-?[0-9]{1,17}")
_FORMAT = re.compile(r"[A-Za-z0-9_]+")
_DRIVE = re.compile(r"[A-Za-z]:")


def described(about: str, default: object = None) -> dict[str, Any]:
    """Give what forms show of a field. Nothing is filled in: settings are kept as they came."""
    told: dict[str, Any] = {"description": about}
    return told if default is None else {**told, "default": default}


class Whole(fields.Integer):
    """An integer, or a string of its digits, from `least` to `most`.

    about: what it is, for submit forms; default: what holds without it.
    """

    def __init__(
        self,
        about: str,
        *,
        least: int = -MOST,
        most: int = MOST,
        default: int | None = None,
        **options: Any,
    ) -> None:
        told: dict[str, Any] = {"minimum": least, "maximum": most}
        super().__init__(metadata={**described(about, default), **told}, **options)
        self.least, self.most = least, most

    def _deserialize(self, value: object, attr: str | None, data: Any, **kwargs: Any) -> int:
        del data, kwargs
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError(f"{attr} must be an integer")
        if not self.least <= value <= self.most:
            raise ValidationError(f"{attr} must be from {self.least} to {self.most}")
        return value


class Text(fields.String):
    """A string that a process can be given; `inspect` may ask for more.

    about: what it is, for submit forms; default: what holds without it.
    """

    def __init__(self, about: str, *, default: str | None = None, **options: Any) -> None:
        super().__init__(metadata=described(about, default), **options)

    def _deserialize(self, value: object, attr: str | None, data: Any, **kwargs: Any) -> str:
        del data, kwargs
        if not isinstance(value, str):
            raise ValidationError(f"{attr} must be a string")
        try:
            no_nul(value)
        except ValidationError:
            raise ValidationError(f"{attr} must not have a NUL character") from None
        self.inspect(value, str(attr))
        return value

    def inspect(self, value: str, name: str) -> None:
        """Refuse what is no such text."""


class RelativePath(Text):
    """The path of a file below a directory, whatever the system."""

    def inspect(self, value: str, name: str) -> None:
        """Refuse what could lead out of the directory."""
        if (
            not value
            or value[0] in "/\\"
            or _DRIVE.match(value)
            or ".." in re.split(r"[/\\]", value)
        ):
            raise ValidationError(f"{name} must be a relative path, without `..`")


class FormatName(Text):
    """A name that Blender has for a format of pictures."""

    def inspect(self, value: str, name: str) -> None:
        """Refuse what is no word."""
        if not _FORMAT.fullmatch(value):
            raise ValidationError(f"{name} must be made of letters, digits and _")


class Settings(Schema):
    """What every compiler takes; keys that none knows are kept."""

    class Meta:
        """Submit scripts add notes of their own."""

        unknown = INCLUDE

    command_name = Text("Which of the farm's programs runs it.", default="default")
    render_settings = Text("Kept, without effect.")
    file_path_linux = Text("Absolute path of the scene on shared storage, for Linux.")
    file_path_osx = Text("Absolute path of the scene on shared storage, for macOS.")
    file_path_win = Text("Absolute path of the scene on shared storage, for Windows.")
    output_path_linux = Text("Absolute path for output on shared storage, for Linux.")
    output_path_osx = Text("Absolute path for output on shared storage, for macOS.")
    output_path_win = Text("Absolute path for output on shared storage, for Windows.")

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Have each message name its field."""
        field_obj.error_messages["required"] = f"{field_name} is required"

    @pre_load
    def drop_null(self, data: Json, **_options: Any) -> Json:
        """Take null for not given."""
        if not isinstance(data, dict):
            return data
        known = self.fields
        return {key: value for key, value in data.items() if value is not None or key not in known}


class Framed(Settings):
    """Settings with a first frame, and perhaps a last one."""

    filepath = RelativePath(SCENE, required=True)
    frame_start = Whole("First frame.", required=True)
    frame_end = Whole("Last frame.")
    format = FormatName("Blender's name of a format.", default="PNG")

    @validates_schema(skip_on_field_errors=True)
    def in_order(self, data: Json, **_options: Any) -> None:
        """Refuse a last frame before the first one."""
        if "frame_end" in data and data["frame_end"] < data["frame_start"]:
            raise ValidationError("frame_end must not be lower than frame_start", "frame_end")


class RenderSettings(Framed):
    """Of an animation: a range of frames, or a list of them where there is no range."""

    frame_start = Whole("First frame.")
    frames = fields.Raw(
        metadata={"type": "string", **described("In place of a range: 1-10,15,20-100x5.")}
    )
    chunk_size = Whole("Frames that a machine renders at a time.", least=1)
    frame_order = Text("`coarse` renders every tenth chunk first.", default="linear")

    @validates_schema(skip_on_field_errors=True)
    def in_order(self, data: Json, **_options: Any) -> None:
        """Want both ends of a range, in order, or a list."""
        order = data.get("frame_order")
        if order is not None and order not in ORDERS:
            raise ValidationError(f"frame_order must be one of {', '.join(ORDERS)}", "frame_order")
        if "frames" in data and not {"frame_start", "frame_end"} & data.keys():
            try:
                frame_list(data["frames"])
            except ValueError as fault:
                raise ValidationError(f"frames {fault}", "frames") from fault
            return
        for name in ("frame_start", "frame_end"):
            if name not in data:
                raise ValidationError(f"{name} is required", name)
        if data["frame_end"] < data["frame_start"]:
            raise ValidationError("frame_end must not be lower than frame_start", "frame_end")


class MixSettings(Framed):
    """Of the mixing of tiles."""

    tiles = Whole("Number of strips.", least=1, most=MOST_TILES, default=DEFAULT_TILES)


class TileSettings(MixSettings):
    """Of a still in tiles, or of one tile of it."""

    tile = Whole("One strip alone, from 0 at the bottom.", least=0, most=MOST_TILES - 1)

    @validates_schema(skip_on_field_errors=True)
    def within(self, data: Json, **_options: Any) -> None:
        """Refuse a tile that is not among them."""
        if data.get("tile", 0) >= data.get("tiles", DEFAULT_TILES):
            raise ValidationError("tile must be lower than tiles", "tile")


class BakeSettings(Settings):
    """Of the baking of caches."""

    filepath = RelativePath(SCENE, required=True)


class PrintSettings(Settings):
    """Of the printing of a text."""

    text = Text("What is printed.", required=True)
