"""Record the live camera topics with their poses; every synchronised frame, not only keyframes.

OUT becomes an exported folder, OUT.mcap a ROS 2 bag of the same frames. Both play back with
`scene-r1 play` and open with `scene-r1 ground --source`. Ctrl-C ends it and finishes the files.

examples:
  scene-r1 record recordings/kitchen                       folder and MCAP, until Ctrl-C
  scene-r1 record recordings/kitchen --format folder --seconds 30
  scene-r1 record kitchen.mcap --format mcap --color-topic /head/rgb --depth-topic /head/depth
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..errors import RecordingError, RequestError
from .options import add_config_arguments, config_from

HELP = "record the live camera topics to a folder and MCAP"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 record``."""
    from ..feed_config import FeedConfig

    parser.add_argument("out", type=Path, metavar="OUT", help="where; the folders are made")
    parser.add_argument(
        "--format", choices=("folder", "mcap", "both"), default="both", help="default: both"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="stop after this long; 0 = never"
    )
    parser.add_argument(
        "--wait", type=float, default=10.0, help="give up without a frame after (default: 10 s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_arguments(parser, FeedConfig, title="camera")


def run(args: argparse.Namespace) -> int:
    """Record, finish the files, say what was written."""
    from ..feed_config import FeedConfig
    from ..live_recording import LiveRecording
    from ..recordings import McapOptions
    from ..ros.end_signals import ended_by_signals

    if args.seconds < 0 or args.wait <= 0:
        raise RequestError(
            f"--seconds {args.seconds:g}, --wait {args.wait:g}: --seconds must not be negative, "
            "--wait must be more than 0."
        )
    config = config_from(args, FeedConfig)
    folder, mcap = targets(args.out, args.format)
    options = McapOptions(
        color_topic=config.color_topic,
        depth_topic=config.depth_topic,
        fixed_frame=config.fixed_frame,
    )
    # A second Ctrl-C must not end the program while the files are being finished.
    with ended_by_signals() as ended:
        recording = LiveRecording(folder, mcap, options, overwrite=args.overwrite)
        try:
            counts = _record(args, recording, config, ended)
        finally:
            if not recording.frames:
                recording.discard()
        if not recording.frames:
            raise RecordingError(recording.problem or "no frame came; nothing is written.")
        problem = recording.problem
        written = recording.finish()
    _tell(args, written, recording.lost, counts)
    if problem:
        raise RecordingError(f"the recording ended early: {problem} What was written is kept.")
    return 0


def _record(args: argparse.Namespace, recording: Any, config: Any, ended: Any) -> Any:
    from tqdm import tqdm

    from ..ros.recorder import record_topics

    form = "{desc} {n} frames, {elapsed}{postfix}"
    with tqdm(bar_format=form, desc="recording", disable=not sys.stderr.isatty()) as bar:

        def progress(frames: int, seconds: float) -> None:
            if recording.lost:
                bar.set_postfix_str(f"{recording.lost} lost", refresh=False)
            bar.update(frames - bar.n)

        return record_topics(recording, config, ended, args.seconds, args.wait, progress)


def _tell(args: argparse.Namespace, written: dict[Path, int], lost: int, counts: Any) -> None:
    from .main import print_json

    if args.json:
        files = {str(path): count for path, count in written.items()}
        print_json({"written": files, "lost": lost, "dropped": counts.dropped})
        return
    for path, count in written.items():
        print(f"{count} frames in {path}")
    if lost:
        print(f"{lost} frames lost: they came faster than the disk takes them")
    for why, count in counts.dropped.items():
        print(f"{count} frames lost: {counts.last_problem.get(why, why)}")


def targets(out: Path, kind: str) -> tuple[Path | None, Path | None]:
    """Folder and MCAP file for ``--format``; either may be None."""
    stem = out.with_suffix("") if out.suffix == ".mcap" else out
    mcap = stem.with_name(stem.name + ".mcap")
    return (None if kind == "mcap" else stem), (None if kind == "folder" else mcap)
