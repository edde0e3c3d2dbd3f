"""The whole pipeline on a recording, without ROS: a query or a box in, a 3D object out.

examples:
  scene-r1 ground --source recordings/kitchen --frame 0 --box 201 40 542 426
  scene-r1 ground --source recordings/kitchen --query "the blue cabinet" --json
  scene-r1 ground --source scene.sens --frame 120 --box 10 20 200 220 --ply object.ply
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import RequestError

HELP = "ground a query or a box in a recording, without ROS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 ground``."""
    from ..lifting import LiftConfig
    from ..tracking import GeometricTrackerConfig
    from .options import add_config_arguments

    parser.add_argument(
        "--source", required=True, type=Path, metavar="DIR", help="folder, .sens file or bag"
    )
    parser.add_argument("--query", help="what to look for, in words")
    parser.add_argument("--frame", type=int, metavar="I", help="number of the frame of --box")
    parser.add_argument(
        "--box", type=float, nargs=4, metavar=("X0", "Y0", "X1", "Y1"), help="pixels of that frame"
    )
    parser.add_argument("--label", default="", help="what to call the object in --box")
    parser.add_argument("--start", type=float, help="use the recording from here on, seconds")
    parser.add_argument("--end", type=float, help="use the recording up to here, seconds")
    parser.add_argument(
        "--max-frames", type=int, default=240, help="thin longer recordings (default: 240)"
    )
    parser.add_argument("--ply", type=Path, help="write the object's points here")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_arguments(parser, GeometricTrackerConfig, title="tracker", prefix="tracker")
    add_config_arguments(parser, LiftConfig, title="lifting", prefix="lifting")


def run(args: argparse.Namespace) -> int:
    """Read, ground, print."""
    from ..lifting import LiftConfig, lift
    from ..pipeline import Pipeline
    from ..recordings import open_recording
    from ..result import result_record
    from ..tracking import GeometricTracker, GeometricTrackerConfig
    from .main import print_json
    from .options import config_from
    from .progress import ProgressBar
    from .text import object_text

    if (args.query is None) == (args.box is None):
        raise RequestError("give either --query, or --frame and --box.")
    if (args.frame is None) != (args.box is None):
        raise RequestError("--frame and --box belong together.")
    tracker = GeometricTracker(config_from(args, GeometricTrackerConfig, "tracker"))
    lift_config = config_from(args, LiftConfig, "lifting")
    with open_recording(args.source) as recording, ProgressBar() as bar:
        anchor = None if args.frame is None else recording.index_of_number(args.frame)
        window = read_window(recording, args, anchor, bar)
        pipeline = Pipeline(tracker, lambda w, t, c: lift(w, t, c, lift_config))
        if args.query is not None:
            result = pipeline.from_query(window, args.query, bar.control)
        else:
            stamp_ns = int(recording.stamps_ns[anchor])
            result = pipeline.from_box(window, stamp_ns, tuple(args.box), args.label, bar.control)
        number = None
        if result.grounding.found:
            stamps = recording.stamps_ns.tolist()
            number = recording.numbers[stamps.index(result.grounding.anchor_stamp_ns)]
        skipped = recording.skipped.summary()
    if skipped:
        print(f"skipped {skipped}", file=sys.stderr)
    if args.ply is not None and result.lifted is not None:
        write_ply(args.ply, result.lifted)
    record = result_record(result, window, number)
    if args.json:
        print_json(record)
    else:
        print(object_text(record))
    return 0


def read_window(recording: Any, args: argparse.Namespace, anchor: int | None, bar: Any) -> Any:
    """The recording as a window of at most ``--max-frames`` frames, the anchor among them."""
    from ..frames import WindowSnapshot

    if args.max_frames < 1:
        raise RequestError(f"--max-frames {args.max_frames}: must be 1 or more.")
    indices = recording.indices(args.start, args.end)
    stride = -(-len(indices) // args.max_frames)
    frames = {}
    total = -(-len(indices) // stride)
    for count, frame in enumerate(recording.frames(args.start, args.end, stride), start=1):
        frames[frame.stamp_ns] = frame
        bar.control.progress("reading", count / total)
    if anchor is not None:
        frame = recording.frame(anchor)
        frames.setdefault(frame.stamp_ns, frame)
    return WindowSnapshot.of(frames.values())


def write_ply(path: Path, lifted: Any) -> None:
    """The object's coloured points as PLY."""
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(lifted.points.astype(float)))
    cloud.colors = o3d.utility.Vector3dVector(lifted.colors / 255.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not o3d.io.write_point_cloud(str(path), cloud):
        raise RequestError(f"cannot write {path}; is the folder writable and the ending .ply?")
