"""The whole pipeline on a recording, without ROS: a query or a box in, a 3D object out.

examples:
  scene-r1 ground --source recordings/kitchen --frame 0 --box 201 40 542 426
  scene-r1 ground --source recordings/kitchen --query "the blue cabinet" --json
  scene-r1 ground --source scene.sens --frame 120 --box 10 20 200 220 --ply object.ply
  scene-r1 ground --source recordings/kitchen --frame 0 --box 201 40 542 426 --report out/cabinet
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from ..errors import RequestError

HELP = "ground a query or a box in a recording, without ROS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 ground``."""
    from .settings import add_settings_arguments

    parser.add_argument("--source", type=Path, metavar="DIR", help="folder, .sens file or bag")
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
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write an HTML report, the cloud and masks here"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--model", help="checkpoint that answers --query: a folder or a hub name")
    parser.add_argument("--server", metavar="URL", help="OpenAI-compatible server that answers it")
    add_settings_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Read, ground, print."""
    from ..lifting import LiftConfig, lift
    from ..pipeline import Pipeline
    from ..reasoning import build
    from ..reasoning.backends.background import wait_until_ready
    from ..recordings import open_recording
    from ..result import result_record
    from ..tracking import backends
    from .core_log import show_core_log
    from .main import print_json
    from .progress import ProgressBar
    from .settings import GivenSettings, Sections
    from .text import object_text

    sections: Sections = (*backends.SECTIONS, ("lifting", LiftConfig), *build.SECTIONS)
    settings = GivenSettings(sections, assignments(args))
    if args.list_settings:
        print(settings)
        return 0
    check_request(args)
    show_core_log()
    lift_config = settings("lifting", LiftConfig)
    reasoner = build.make_reasoner(settings) if args.query is not None else None
    pipeline = Pipeline(
        backends.tracker_from(settings), lambda w, t, c: lift(w, t, c, lift_config), reasoner
    )
    with open_recording(args.source) as recording, ProgressBar() as bar:
        anchor = None if args.frame is None else recording.index_of_number(args.frame)
        window = read_window(recording, args, anchor, bar)
        if reasoner is not None:
            wait_until_ready(reasoner.backend, bar.control)
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
        from ..report.result_folder import write_ply

        write_ply(args.ply, result.lifted)
    record = result_record(result, window, number)
    if args.report is not None:
        used = sections if reasoner is not None else sections[: -len(build.SECTIONS)]
        shown = {prefix: vars(settings(prefix, section)) for prefix, section in used}
        record |= _report(args, recording, window, result, record, shown)
    if args.json:
        print_json(record)
    else:
        print(object_text(record))
        if args.report is not None:
            print(f"  report  {record['report']}")
    return 0


def assignments(args: argparse.Namespace) -> list[str]:
    """``--set`` with the short flags of the model put before it."""
    short = {"transformers.model": args.model, "openai.base_url": args.server}
    return [f"{name}={value}" for name, value in short.items() if value] + args.set


def check_request(args: argparse.Namespace) -> None:
    """Raises RequestError unless there is a source and one prompt."""
    if args.source is None:
        raise RequestError("--source is missing: a folder, .sens file or bag.")
    if (args.query is None) == (args.box is None):
        raise RequestError("give either --query, or --frame and --box.")
    if (args.frame is None) != (args.box is None):
        raise RequestError("--frame and --box belong together.")


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


def _report(
    args: argparse.Namespace,
    recording: Any,
    window: Any,
    result: Any,
    record: dict[str, Any],
    settings: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write the report; what it adds to the record: its path, and the truth where it is known."""
    from ..demo import truth_of
    from ..report import write_report

    truth = None
    if record["box"] is not None:
        anchor = window.at(result.grounding.anchor_stamp_ns)
        truth = truth_of(recording.path, anchor, record["box"], record["frame"])
    files = write_report(
        args.report,
        window,
        result,
        record=record,
        truth=truth,
        source=recording.name,
        command=shlex.join(["scene-r1", *sys.argv[1:]]),
        settings=settings,
    )
    added: dict[str, Any] = {"report": str(files.html)}
    if truth is not None:
        iou = truth.iou(result.lifted.box) if result.lifted else 0.0
        added |= {"truth": truth.record(), "iou": round(iou, 4)}
    return added
