"""The compilers and parsers of the render farm: Blender, ffmpeg, and a text to try it with."""

from app.hooks import JobInterface, hookimpl
from plugins.render.blender import BakeCaches, MixTiles, SimpleRender, TiledRender
from plugins.render.echo import PrintString
from plugins.render.ffmpeg import FfmpegEncode


@hookimpl
def job_interfaces() -> list[JobInterface]:
    """Give all of them."""
    return [
        SimpleRender(),
        TiledRender(),
        MixTiles(),
        BakeCaches(),
        PrintString(),
        FfmpegEncode(),
    ]
