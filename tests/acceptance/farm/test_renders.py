"""Real pictures: Blender's frames, tiles and their mixing, and a video of them in the end."""

import json
import subprocess

import pytest

RENDER, TILED = "simple_blender_render", "tiled_blender_render"
MIX, BAKE, VIDEO = "tiled_blender_render_simple_mix", "blender_bake_anim_cache", "ffmpeg_encode"
# A cube that turns, with compositing that needs colours and depth.
SCENE = """\
import bpy, sys
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x = scene.render.resolution_y = 32
scene.render.threads_mode, scene.render.threads = "FIXED", 1
scene.frame_start, scene.frame_end = 1, 3
cube = bpy.data.objects["Cube"]
for frame in (1, 3):
    cube.rotation_euler.z = frame * 0.3
    cube.keyframe_insert("rotation_euler", frame=frame)
scene.view_layers[0].use_pass_z = True
scene.use_nodes = True
tree = scene.node_tree
layers, out = tree.nodes["Render Layers"], tree.nodes["Composite"]
near = tree.nodes.new("CompositorNodeMath")
near.operation, near.inputs[1].default_value = "DIVIDE", 20.0
tree.links.new(layers.outputs["Depth"], near.inputs[0])
mix = tree.nodes.new("CompositorNodeMixRGB")
mix.blend_type = "MULTIPLY"
tree.links.new(layers.outputs["Image"], mix.inputs[1])
tree.links.new(near.outputs[0], mix.inputs[2])
tree.links.new(mix.outputs[0], out.inputs["Image"])
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
"""


@pytest.fixture(scope="module")
def scene(blender, tmp_path_factory):
    """Give the content of a small scene."""
    folder = tmp_path_factory.mktemp("scene")
    (folder / "make.py").write_text(SCENE)
    words = ["-noaudio", "--background", "--factory-startup", "--python", str(folder / "make.py")]
    subprocess.run(
        [blender, *words, "--", str(folder / "scene.blend")], check=True, capture_output=True
    )
    return (folder / "scene.blend").read_bytes()


@pytest.fixture(scope="module")
def studio(farm, blender):
    """Have the farm use Blender itself."""
    for compiler in (RENDER, TILED, MIX, BAKE):
        farm.use(compiler, default=blender)
    return farm


@pytest.fixture(scope="module")
def pixels(ffmpeg):
    """Decode a picture of 32x32 pixels."""

    def decode(picture):
        words = [ffmpeg, "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
        found = subprocess.run(words, input=picture, check=True, capture_output=True).stdout
        assert len(found) == 32 * 32 * 4
        return found

    return decode


def test_two_workers_render_an_animation_and_it_becomes_a_video(
    studio, scene, ffmpeg, pixels, tmp_path
):
    settings = {"filepath": "scene.blend", "frame_start": 1, "frame_end": 3, "chunk_size": 1}
    group = studio.submit(RENDER, settings, scene, job_id=71)
    film = studio.submit(VIDEO, {"frame_start": 1, "frame_end": 3}, job_id=71, depends_on=[group])
    assert studio.completed(group)["progress"] == 100.0
    parts = studio.tasks(group)
    assert [part["name"] for part in parts] == ["1-1", "2-2", "3-3"]
    for part in parts:
        frame = part["frame_start"]
        assert set(studio.output(part["id"])) == {f"{frame:04d}.png"}
        assert part["activity"]["saved_file"].endswith(f"/{frame:04d}.png")
        assert part["activity"]["current_frame"] == part["frame_current"] == frame
        assert f"Fra:{frame} " in part["log"]
    pictures = {pixels(picture) for part in parts for picture in studio.output(part["id"]).values()}
    assert len(pictures) == 3

    shown = studio.ask("GET", f"/tasks/{parts[0]['id']}/thumbnail").content
    assert pixels(shown) == pixels(studio.output(parts[0]["id"])["0001.png"])

    studio.completed(film)
    (tmp_path / "video.mp4").write_bytes(studio.output(film)["video.mp4"])
    words = ["-v", "error", "-count_frames", "-of", "json", "-show_streams"]
    told = subprocess.run(
        [ffmpeg.with_name("ffprobe"), *words, tmp_path / "video.mp4"],
        check=True,
        capture_output=True,
    )
    (stream,) = json.loads(told.stdout)["streams"]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 32, 32)
    assert (stream["nb_read_frames"], stream["r_frame_rate"]) == ("3", "24/1")


def test_tiles_are_mixed_into_the_picture_that_one_machine_renders(studio, scene, pixels):
    still = {"filepath": "scene.blend", "frame_start": 2}
    whole = studio.submit(RENDER, {**still, "frame_end": 2}, scene, job_id=72)
    group = studio.submit(TILED, {**still, "tiles": 2}, scene, job_id=73)
    studio.completed(whole)
    studio.completed(group)
    mix, *tiles = studio.tasks(group)
    assert [set(studio.output(tile["id"])) for tile in tiles] == [
        {f"tiled_{number}_0002.exr"} for number in range(2)
    ]
    mixed = pixels(studio.output(mix["id"])["0002.png"])
    assert mixed == pixels(studio.output(whole)["0002.png"])
    assert len(set(mixed)) > 20  # not merely both black


def test_caches_are_baked_for_the_selected_objects(studio, scene):
    task = studio.submit(BAKE, {"filepath": "scene.blend"}, scene, job_id=74)
    studio.completed(task)
    baked = studio.output(task)["Cube/Cube.pc2"]
    assert baked.startswith(b"POINTCACHE2\0")
    assert len(baked) == 32 + 3 * 8 * 3 * 4  # a head, then 3 frames of 8 corners


def test_a_scene_that_is_not_there_fails(studio, scene):
    lost = {"filepath": "other.blend", "frame_start": 1, "frame_end": 1}
    found = studio.end_of(studio.submit(RENDER, lost, scene, job_id=75))
    assert found["status"] == "failed"
    assert "other.blend" in found["log"]
