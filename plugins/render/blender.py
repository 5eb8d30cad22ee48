"""The compilers of Blender: an animation, a still in tiles, their mixing, caches."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import chain, islice
from typing import ClassVar

from app.hooks import (
    JOB_PATH,
    PROGRAM,
    Command,
    Compiler,
    Json,
    Parsed,
    Part,
    Step,
    TaskView,
    WorkerView,
)
from plugins.render import frames, log, paths
from plugins.render.settings import (
    DEFAULT_TILES,
    BakeSettings,
    MixSettings,
    RenderSettings,
    TileSettings,
)

DEFAULT_FORMAT = "PNG"


class BlenderCompiler(Compiler):
    """What all compilers of Blender share: the program, and how its output is read."""

    parser = "blender_render"
    programs: ClassVar[Mapping[str, str]] = paths.BLENDER
    #: The file in `scripts` that the command has Blender run.
    script: ClassVar[str]

    def __init__(self) -> None:
        source = files("plugins.render") / "scripts" / f"{self.script}.txt"
        self._script = source.read_text(encoding="utf-8")

    def parse(self, task: TaskView, lines: Sequence[str], state: Json) -> Parsed:
        """Read frames, files and times from what Blender prints."""
        return log.parse(task.payload, lines, state)

    def command(self, words: Iterable[str], name: str, script: str) -> Command:
        """Make the command of an argument list and its support file."""
        argv = (PROGRAM, *words)
        return Command(runtime="farm", main=Step(cmd=argv, files={name: script}))


class SimpleRender(BlenderCompiler):
    """An animation, whole or in chunks."""

    name = "simple_blender_render"
    title = "Render an animation"
    spec_schema = RenderSettings
    script = "pre_render.py"

    def frames(self, settings: Json) -> tuple[int, int]:
        """Tell the outermost frames."""
        if "frame_start" in settings:
            return settings["frame_start"], settings["frame_end"]
        listed = frames.frame_list(settings["frames"])
        return listed[0], listed[-1]

    def parts(self, settings: Json) -> Iterable[Part]:
        """Cut a range into chunks, and a list into its ranges first."""
        size = settings.get("chunk_size")
        order = settings.get("frame_order", "linear")
        if size is None and order == "coarse":
            size = 1
        if "frame_start" in settings:
            whole = self.frames(settings)
            ranges = frames.chunks(iter([whole]), size)
        else:
            ranges = frames.chunks(frames.runs(frames.frame_list(settings["frames"])), size)
        if order == "coarse":
            # A job never has as many tasks.
            ranges = iter(frames.coarse(list(islice(ranges, frames.MOST_FRAMES))))
        first = next(ranges)
        if "frame_start" in settings and first == self.frames(settings):
            yield from super().parts(settings)
            return
        cut = {key: settings[key] for key in settings if key not in ("chunk_size", "frame_order")}
        cut.pop("frames", None)
        for start, end in chain((first,), ranges):
            yield Part(
                name=f"{start}-{end}",
                type=self.name,
                settings={**cut, "frame_start": start, "frame_end": end},
                frames=(start, end),
            )

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command that renders the frames one after another."""
        settings = task.payload["settings"]
        start, end = self.frames(settings)
        words = [
            *("-noaudio", "--background", paths.input_file(settings, worker.system)),
            *("--render-output", paths.output_file(settings, worker.system, "####")),
            *("--python", f"{JOB_PATH}/pre_render.py"),
            *("--frame-start", str(start), "--frame-end", str(end)),
            *("--render-format", settings.get("format", DEFAULT_FORMAT)),
            *("--render-anim", "--enable-autoexec"),
        ]
        return self.command(words, "pre_render.py", self._script)


class Tiles(BlenderCompiler):
    """What a tile and the mixing have in common."""

    def frames(self, settings: Json) -> tuple[int, int]:
        """Tell the frames: as a rule it is one."""
        start: int = settings["frame_start"]
        return start, settings.get("frame_end", start)

    def tiles(self, settings: Json) -> int:
        """Tell how many tiles the picture has."""
        count: int = settings.get("tiles", DEFAULT_TILES)
        return count


class TiledRender(Tiles):
    """A still in horizontal strips that several machines render, and their mixing."""

    name = "tiled_blender_render"
    title = "Render a still in tiles"
    spec_schema = TileSettings
    script = "tile.py"

    def label(self, settings: Json) -> str:
        """Name a tile by its number."""
        return f"Tile {settings['tile']}" if "tile" in settings else super().label(settings)

    def parts(self, settings: Json) -> Iterable[Part]:
        """Give the mixing and what it waits for; one tile is a task by itself."""
        if "tile" in settings:
            yield from super().parts(settings)
            return
        start = settings["frame_start"]
        still = {**settings, "frame_end": start}
        names = [f"Tile {number}" for number in range(self.tiles(settings))]
        yield Part(
            name="Mixing",
            type=MixTiles.name,
            settings=still,
            frames=(start, start),
            after=tuple(names),
        )
        for number, name in enumerate(names):
            yield Part(
                name=name,
                type=self.name,
                settings={**still, "tile": number},
                frames=(start, start),
            )

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command that renders one strip."""
        settings = task.payload["settings"]
        start, end = self.frames(settings)
        tile = settings.get("tile", 0)
        words = [
            *("--background", "-noaudio", paths.input_file(settings, worker.system)),
            *("--render-output", paths.output_file(settings, worker.system, f"tiled_{tile}_")),
            *("--python", f"{JOB_PATH}/tile_{tile}.py"),
            *("--frame-start", str(start), "--frame-end", str(end)),
            *("--render-anim", "--enable-autoexec"),
        ]
        script = f"TILE = {tile}\nTILES = {self.tiles(settings)}\n\n{self._script}"
        return self.command(words, f"tile_{tile}.py", script)


class MixTiles(Tiles):
    """The mixing of tiles into the picture, with the compositing that they went without."""

    name = "tiled_blender_render_simple_mix"
    title = "Mix the tiles of a still"
    spec_schema = MixSettings
    script = "tile_mix.py"

    def label(self, settings: Json) -> str:
        """Name it by what it does."""
        del settings
        return "Mixing"

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command that mixes."""
        settings = task.payload["settings"]
        start, end = self.frames(settings)
        words = [
            *("--background", "-noaudio", paths.input_file(settings, worker.system)),
            *("--render-output", paths.output_file(settings, worker.system, "")),
            *("--python", f"{JOB_PATH}/tile_mix.py"),
            *("--frame-start", str(start), "--frame-end", str(end)),
            *("--render-format", settings.get("format", DEFAULT_FORMAT)),
            *("--render-anim", "--enable-autoexec"),
        ]
        shared = ascii(paths.shared_outputs(settings))
        script = f"TILES = {self.tiles(settings)}\nOUTPUTS = {shared}\n\n{self._script}"
        return self.command(words, "tile_mix.py", script)


class BakeCaches(BlenderCompiler):
    """The caches of a scene's objects, written before it is rendered."""

    name = "blender_bake_anim_cache"
    title = "Bake animation caches"
    spec_schema = BakeSettings
    script = "bake_anim_cache.py"

    def label(self, settings: Json) -> str:
        """Name it by its scene."""
        return f"Bake Anim Cache - {settings['filepath']}"

    def bind(self, task: TaskView, worker: WorkerView) -> Command:
        """Give the command that bakes."""
        settings = task.payload["settings"]
        words = [
            *("-noaudio", "--background", paths.input_file(settings, worker.system)),
            *("--python", f"{JOB_PATH}/bake_anim_cache.py"),
            "--enable-autoexec",
        ]
        return self.command(words, "bake_anim_cache.py", self._script)
