"""Look at a recording, a result or the live graph in the Rerun viewer: camera poses, images, depth,
masks, object clouds, 3D boxes with labels.

On a machine without a display, --save writes a file to be opened elsewhere with `rerun FILE.rrd`,
and --web serves the viewer to a browser.

examples:
  scene-r1 view --source recordings/kitchen
  scene-r1 view --result out/demo/query_1          what `scene-r1 demo` or `ground --report` wrote
  scene-r1 view --live                             the running graph
  scene-r1 view --result out/cabinet --save x.rrd  on a machine without a display
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import RequestError, SceneR1Error
from .options import add_config_arguments, config_from

HELP = "Rerun viewer of a recording, a result or the live graph"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 view``."""
    from ..feed_config import FeedConfig

    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--source", type=Path, metavar="DIR", help="folder, .sens file or bag")
    what.add_argument("--result", type=Path, metavar="DIR", help="folder with a report")
    what.add_argument("--live", action="store_true", help="the running graph, until Ctrl-C")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--save", type=Path, metavar="FILE.rrd", help="write a file, show nothing")
    where.add_argument("--web", action="store_true", help="serve to a browser, until Ctrl-C")
    parser.add_argument("--stride", type=int, default=1, help="every N-th frame of --source")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="end --live this long after the graph is found"
    )
    parser.add_argument(
        "--wait", type=float, default=10.0, help="look for the graph this long (default: 10 s)"
    )
    parser.add_argument("--namespace", default="scene_r1", help="namespace of the live graph")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_arguments(parser, FeedConfig, title="camera, with --live")


def run(args: argparse.Namespace) -> int:
    """Open the viewer, or a file, and show."""
    from ..viewer.scene import ViewerScene, new_stream
    from .main import print_json

    if args.seconds < 0 or args.wait < 0:
        raise RequestError(
            f"--seconds {args.seconds:g}, --wait {args.wait:g}: neither may be negative."
        )
    if args.save is None and not args.web:
        _check_display()
    try:
        stream = new_stream(args.save)
    except OSError as error:
        raise RequestError(f"{args.save} cannot be written: {error}.") from error
    if args.web:
        _serve(stream)
    elif args.save is None:
        stream.spawn()
    shown = _show(args, ViewerScene(stream))
    stream.flush()
    if args.save is not None:
        stream.disconnect()
        print(f"{args.save}: open it with `rerun {args.save}`", file=sys.stderr)
    if args.json:
        print_json({**shown, "saved": str(args.save) if args.save else None})
    if args.web:
        _wait()
    return 0


def _show(args: argparse.Namespace, scene: Any) -> dict[str, int]:
    from .phases import Phases

    if args.live:
        return _show_live(args, scene)
    with Phases()("loading") as phase:
        if args.source is not None:
            from ..recordings import open_recording
            from ..viewer.stored import show_recording

            with open_recording(args.source) as recording:
                frames = show_recording(scene, recording, args.stride, phase.count)
        else:
            from ..report import load_result
            from ..viewer.stored import show_result

            frames = show_result(scene, load_result(args.result), phase.count)
        phase.detail = f"{frames} frames"
    return {"frames": frames}


def _show_live(args: argparse.Namespace, scene: Any) -> dict[str, int]:
    from ..feed_config import FeedConfig
    from ..ros.end_signals import ended_by_signals
    from ..ros.live_view import LiveView

    with ended_by_signals() as ended:
        view = LiveView(scene, config_from(args, FeedConfig), args.namespace)
        try:
            view.run(ended, args.seconds, args.wait)
        finally:
            view.close()
    if not view.found.is_set():
        print(
            f"no graph /{args.namespace.strip('/')} was found; see `scene-r1 doctor`.",
            file=sys.stderr,
        )
    if not view.frames:
        print("no frame of the camera was seen; see `scene-r1 doctor`.", file=sys.stderr)
    return {"frames": view.frames, "objects": view.objects}


def _check_display() -> None:
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise SceneR1Error(
            "there is no display (DISPLAY and WAYLAND_DISPLAY are empty); use --save FILE.rrd and "
            "open the file elsewhere with `rerun FILE.rrd`, or --web and a browser."
        )


def _serve(stream: Any) -> None:
    import rerun as rr

    url = stream.serve_grpc()
    rr.serve_web_viewer(connect_to=url, open_browser=bool(os.environ.get("DISPLAY")))
    print("the viewer is at http://localhost:9090; Ctrl-C ends it", file=sys.stderr)


def _wait() -> None:
    try:
        while True:
            time.sleep(1.0)
    except KeyboardInterrupt:
        print(file=sys.stderr)
