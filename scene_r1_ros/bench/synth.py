"""``synth``: rendering of synthetic rooms on the CPU, against Open3D's own offscreen window.

Both give colour, depth and the image of instances. The alternative is the legacy ``Visualizer``
without a display (EGL; software OpenGL where there is no GPU): vertex colours without textures
and shadows, and a second window with flat colours for the instances. Rasterising is the faster
way; ray casting needs no OpenGL, gives the same bytes everywhere, and what ``scene-r1 synth``
does besides (the sensor model) is measured in rows of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..control import Control
from ..errors import SceneR1Error
from ..frames import CameraIntrinsics
from ..geometry import Float64, invert
from ..synthetic import Renderer, Room, default_camera, make_room, make_trajectory, render
from .records import BenchResult, Row
from .timing import interleaved

NAME = "Open3D Visualizer, offscreen, two passes"
SEED = 2_000_000
_SIZES = ((320, 240), (640, 480))
_AGREE_M = 0.02


class OffscreenWindow:
    """The room's mesh with the given vertex colours (V, 3), 0..1, in Open3D's visualizer.

    Raises:
        SceneR1Error: if this machine gives it no OpenGL context.
    """

    def __init__(
        self, renderer: Renderer, camera: CameraIntrinsics, colors: Float64, lit: bool
    ) -> None:
        import open3d as o3d

        self._camera = camera
        self._window = o3d.visualization.Visualizer()
        if not self._window.create_window(width=camera.width, height=camera.height, visible=False):
            raise SceneR1Error("Open3D could not open an offscreen window (no EGL?).")
        mesh = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector(renderer.vertices.astype(np.float64)),
            o3d.utility.Vector3iVector(renderer.faces),
        )
        mesh.vertex_colors = o3d.utility.Vector3dVector(colors)
        self._window.add_geometry(mesh)
        self._window.get_render_option().light_on = lit
        control = self._window.get_view_control()
        control.set_constant_z_near(0.05)
        control.set_constant_z_far(30.0)
        self._parameters = o3d.camera.PinholeCameraParameters()
        self._parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
            camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy
        )

    def image(self, T_world_camera: Float64) -> Any:
        """Colour (H, W, 3) in 0..1."""
        self._parameters.extrinsic = invert(T_world_camera)
        control = self._window.get_view_control()
        control.convert_from_pinhole_camera_parameters(self._parameters, True)
        self._window.poll_events()
        self._window.update_renderer()
        return np.asarray(self._window.capture_screen_float_buffer(False))

    def depth(self) -> Any:
        """Depth (H, W) in metres of the last image."""
        return np.asarray(self._window.capture_depth_float_buffer(False))

    def close(self) -> None:
        """Give the context back."""
        self._window.destroy_window()


class TwoPasses:
    """Colour and depth from one window, instances from another."""

    def __init__(self, renderer: Renderer, camera: CameraIntrinsics) -> None:
        lit = renderer.vertex_colors().astype(np.float64) / 255
        flat = np.zeros((len(renderer.vertices), 3))
        flat[renderer.faces.ravel(), 0] = np.repeat(renderer.face_instance, 3) / 255
        self._lit = OffscreenWindow(renderer, camera, lit, lit=True)
        self._flat = OffscreenWindow(renderer, camera, flat, lit=False)

    def image(self, T_world_camera: Float64) -> tuple[Any, Any, Any]:
        """Colour (H, W, 3), depth (H, W) in metres, instances (H, W)."""
        color = self._lit.image(T_world_camera)
        depth = self._lit.depth()
        instances = np.rint(self._flat.image(T_world_camera)[..., 0] * 255).astype(np.uint16)
        return color, depth, instances

    def close(self) -> None:
        """Give the contexts back."""
        self._lit.close()
        self._flat.close()


def run(quick: bool, control: Control) -> BenchResult:
    """Frames a second at 320x240 and 640x480."""
    room = make_room(SEED)
    renderer = Renderer(room)
    poses = make_trajectory(room, SEED, 4.0, 5.0)[: 2 if quick else 12]
    turns = 1 if quick else 5
    rows, notes = [], []
    for width, height in _SIZES:
        what = f"{width}x{height}"
        camera = default_camera(width, height)

        def perfect(camera: CameraIntrinsics = camera) -> None:
            for pose in poses:
                renderer.image(pose.T_world_camera, camera)

        def sensed(camera: CameraIntrinsics = camera) -> None:
            for _ in render(room, poses, camera, renderer=renderer):
                pass

        try:
            window = TwoPasses(renderer, camera)
        except SceneR1Error as error:
            notes.append(f"No alternative here: {error}")
            ours, whole = interleaved(perfect, sensed, turns, control, what, warm_up=1)
            rows.append(Row(f"{what}", "frames/s", len(poses) / ours.wall, better="higher"))
        else:
            apart = check_same_view(renderer, window, poses[0].T_world_camera, camera)
            notes.append(f"{what}: median difference in depth {apart:.4f} m.")

            def theirs(window: TwoPasses = window) -> None:
                for pose in poses:
                    window.image(pose.T_world_camera)

            ours, other = interleaved(perfect, theirs, turns, control, what, warm_up=1)
            whole, _ = interleaved(sensed, theirs, turns, control, what, warm_up=1)
            window.close()
            fps = [len(poses) / t.wall for t in (ours, other)]
            rows.append(Row(what, "frames/s", fps[0], fps[1], NAME, better="higher"))
            cpu = [t.cpu / len(poses) * 1e3 for t in (ours, other)]
            rows.append(Row(f"CPU a frame, {what}", "ms", cpu[0], cpu[1], NAME))
        rate = len(poses) / whole.wall
        rows.append(Row(f"{what} with the sensor model", "frames/s", rate, better="higher"))
    return BenchResult("synth", tuple(rows), tuple(notes), _size_of(room, renderer))


def bench_synth() -> dict[str, Any]:
    """The whole benchmark as a JSON object."""
    return run(False, Control()).to_json()


def check_same_view(
    renderer: Renderer, window: TwoPasses, T_world_camera: Float64, camera: CameraIntrinsics
) -> float:
    """Median difference in depth between the two, metres.

    Raises:
        SceneR1Error: if they do not show the same.
    """
    ours = renderer.image(T_world_camera, camera)
    _, depth, instances = window.image(T_world_camera)
    both = np.isfinite(ours.depth) & (depth > 0)
    apart = float(np.median(np.abs(ours.depth - depth)[both])) if both.any() else float("inf")
    same = float((ours.instances == instances).mean())
    if apart > _AGREE_M or same < 0.9:
        raise SceneR1Error(
            f"ours and Open3D's window differ by {apart:.3f} m in depth and in {1 - same:.0%} of "
            "the instances' pixels: no comparison."
        )
    return apart


def _size_of(room: Room, renderer: Renderer) -> dict[str, Any]:
    return {"objects": len(room.objects), "triangles": len(renderer.faces)}
