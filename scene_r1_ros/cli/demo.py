"""The main job, shown end to end: a recording is played through the real ROS 2 graph, an object is
prompted with a 2D box, and the 3D object that comes out is printed and put into a report.

Without --source a small synthetic room is rendered, so no data is needed. The graph gets a ROS
domain of its own on this machine unless ROS_DOMAIN_ID is set.

examples:
  scene-r1 demo                                          synthetic room, report in out/demo
  scene-r1 demo --source recordings/kitchen --frame 12 --box 201 40 542 426 --label cabinet
  scene-r1 demo --keep                                   leave the graph running for RViz
  scene-r1 demo --picture docs/images/demo.png           the picture of the README
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RequestError

if TYPE_CHECKING:
    from ..demo import DemoSource, Prompt
    from ..frames import WindowSnapshot
    from ..recordings import Recording
    from ..ros.demo_graph import DemoGraph, Playback
    from .phases import Phases

HELP = "the whole thing on a recording, over real ROS 2, with a report"
_PLAY_SECONDS = 4.0
"""Roughly how long the recording plays when no rate is given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 demo``."""
    parser.add_argument(
        "--source", type=Path, metavar="DIR", help="folder, .sens file or bag; else a synthetic one"
    )
    parser.add_argument("--frame", type=int, metavar="I", help="number of the frame of --box")
    parser.add_argument(
        "--box", type=float, nargs=4, metavar=("X0", "Y0", "X1", "Y1"), help="pixels of that frame"
    )
    parser.add_argument("--label", default="", help="what to call the object")
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="default: out/demo"
    )
    parser.add_argument("--rate", type=float, help="speed of the player (default: about 4 s)")
    parser.add_argument(
        "--max-frames", type=int, default=120, help="thin longer recordings (default: 120)"
    )
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for the answer")
    parser.add_argument(
        "--picture", type=Path, metavar="PNG", help="write a summary of the result as one picture"
    )
    parser.add_argument("--keep", action="store_true", help="leave the graph running until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Make or open the recording, play it, ask, report."""
    from ..demo import choose_prompt
    from ..geometry import checked_box
    from ..recordings import open_recording
    from .main import print_json
    from .phases import Phases
    from .text import object_text

    _check(args)
    phases = Phases()
    source = _source(args, phases)
    with open_recording(source.path) as recording:
        box = tuple(args.box) if args.box is not None else None
        prompt = choose_prompt(recording, args.frame, box, args.label)
        camera = recording.frame(recording.index_of_number(prompt.frame)).intrinsics
        checked_box(prompt.box, camera.width, camera.height)  # before the graph is started for it
        record = _run_graph(args, recording, source, prompt, phases)
    text = object_text(record) + _truth_text(record)
    print(text, file=sys.stderr if args.json else sys.stdout)
    print(
        f"report  {record['report']}\ncloud   {record['ply']}",
        file=sys.stderr if args.json else sys.stdout,
        flush=True,
    )
    if args.json:
        print_json(record)
    return 0


def _check(args: argparse.Namespace) -> None:
    if (args.frame is None) != (args.box is None):
        raise RequestError("--frame and --box belong together.")
    if args.box is not None and args.source is None:
        raise RequestError("--frame and --box need --source, the recording that they belong to.")
    if args.rate is not None and not 0.01 <= args.rate <= 100.0:
        raise RequestError(f"--rate {args.rate:g}: must lie in 0.01 to 100.")
    if args.timeout < 0:
        raise RequestError(f"--timeout {args.timeout:g}: must not be negative.")
    if args.max_frames < 1:
        raise RequestError(f"--max-frames {args.max_frames}: must be 1 or more.")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"--out {args.out} cannot be written: {error}.") from error


def _source(args: argparse.Namespace, phases: Phases) -> DemoSource:
    from ..demo import demo_source

    if args.source is not None:
        return demo_source(args.source, args.out)
    with phases("rendering") as phase:
        source = demo_source(None, args.out, phase.count)
        phase.detail = f"{'rendered' if source.made else 'kept from before:'} {source.path}"
    return source


def _run_graph(
    args: argparse.Namespace,
    recording: Recording,
    source: DemoSource,
    prompt: Prompt,
    phases: Phases,
) -> dict[str, Any]:
    from ..player_config import published_stamp_ns
    from ..ros.demo_graph import DemoGraph

    playback = _playback(args, recording, prompt.frame)
    anchor = recording.index_of_number(prompt.frame)
    stamp_ns = published_stamp_ns(int(recording.stamps_ns[anchor]))
    stage_bar: list[Any] = []

    def on_stage(stage: str, fraction: float, text: str) -> None:
        if stage_bar:
            stage_bar[0].progress(fraction, f"{stage} {text}")

    with DemoGraph(playback, args.out, on_stage=on_stage) as graph:
        with phases("starting nodes") as phase:
            graph.start()
            domain = "the user's" if graph.domain is None else str(graph.domain)
            phase.detail = f"ROS domain {domain}; log {args.out / 'nodes.log'}"
        with phases("playing") as phase:
            graph.wait_played(phase.count)
            last = recording.indices(playback.start, None, playback.stride)[-1]
            graph.wait_for_frame(published_stamp_ns(int(recording.stamps_ns[last])))
            phase.detail = f"{playback.frames} frames of {recording.name} at {playback.rate:g} x"
        with phases("tracking, lifting") as phase:
            stage_bar.append(phase)
            answer, observed = graph.ask_box(stamp_ns, prompt.box, prompt.label, args.timeout)
            phase.detail = (
                f"box {' '.join(f'{v:g}' for v in prompt.box)} in frame {prompt.frame} "
                f"({prompt.origin}); {len(observed.track.masks)} masks, {len(observed.points)} "
                f"points, {observed.markers} markers"
            )
        with phases("report") as phase:
            record = _report(args, recording, source, prompt, playback, answer, observed, phases)
        if args.keep:
            _keep(graph)
    return record


def _playback(args: argparse.Namespace, recording: Recording, number: int) -> Playback:
    """All of the recording, or every N-th frame of a long one such that the anchor is played."""
    from ..ros.demo_graph import Playback

    stride = math.ceil(recording.frame_count / args.max_frames)
    first = recording.index_of_number(number) % stride
    start_ns = int(recording.stamps_ns[first] - recording.stamps_ns[0])
    seconds = recording.seconds - start_ns * 1e-9
    camera = recording.intrinsics
    rate = args.rate or min(100.0, max(1.0, round(seconds / _PLAY_SECONDS, 1)))
    return Playback(
        source=recording.path.resolve(),
        start=start_ns * 1e-9,
        stride=stride,
        rate=rate,
        frames=len(range(first, recording.frame_count, stride)),
        seconds=seconds,
        frame_bytes=camera.width * camera.height * 7,
    )


def _report(
    args: argparse.Namespace,
    recording: Recording,
    source: DemoSource,
    prompt: Prompt,
    playback: Playback,
    answer: Any,
    observed: Any,
    phases: Phases,
) -> dict[str, Any]:
    from ..demo import truth_of
    from ..report import write_report
    from ..result import result_record
    from ..ros.describe import object_record

    window = _window(recording, playback)
    said = object_record(answer)
    result = observed.result(said["seconds"])
    record = {**result_record(result, window, prompt.frame), "object": said["object"]}
    anchor = window.at(result.grounding.anchor_stamp_ns)
    truth = truth_of(recording.path, anchor, prompt.box, prompt.frame)
    files = write_report(
        args.out,
        window,
        result,
        record=record,
        truth=truth,
        source=recording.name,
        command=_command(args, source, prompt),
        settings={"what the demonstration sets; the rest are defaults": playback.node_parameters()},
    )
    if args.picture is not None:
        from ..report.summary import write_summary

        write_summary(args.picture, window, result, truth)
    record |= {
        "truth": truth.record() if truth else None,
        "iou": round(truth.iou(result.lifted.box), 4) if truth else None,
        "source": str(recording.path),
        "report": str(files.html),
        "ply": str(files.ply),
        "phases": phases.seconds,
    }
    return record


def _window(recording: Recording, playback: Playback) -> WindowSnapshot:
    """The frames as they were played."""
    import dataclasses

    from ..frames import WindowSnapshot
    from ..player_config import published_stamp_ns

    return WindowSnapshot.of(
        dataclasses.replace(frame, stamp_ns=published_stamp_ns(frame.stamp_ns))
        for frame in recording.frames(playback.start, None, playback.stride)
    )


def _command(args: argparse.Namespace, source: DemoSource, prompt: Prompt) -> str:
    words = ["scene-r1", "demo"]
    if not source.synthetic:
        words += ["--source", str(source.path), "--frame", str(prompt.frame), "--box"]
        words += [f"{value:g}" for value in prompt.box]
        words += ["--label", prompt.label] if prompt.label else []
    return shlex.join([*words, "--out", str(args.out)])


def _truth_text(record: dict[str, Any]) -> str:
    truth = record["truth"]
    if truth is None:
        return "\n  truth   not known for this recording"
    x, y, z = truth["center"]
    sx, sy, sz = truth["size"]
    return (
        f"\n  truth   {truth['label']} at x {x:.3f}  y {y:.3f}  z {z:.3f} m, "
        f"{sx:.3f} x {sy:.3f} x {sz:.3f} m, yaw {math.degrees(truth['yaw']):.1f} deg"
        f"\n  3D IoU  {record['iou']:.3f}"
    )


def _keep(graph: DemoGraph) -> None:
    domain = f"ROS_DOMAIN_ID={graph.domain} " if graph.domain is not None else ""
    print(
        f"The graph keeps running; Ctrl-C ends it. Ask it more, for example with\n"
        f"  {domain}scene-r1 box latest X0 Y0 X1 Y1",
        file=sys.stderr,
        flush=True,
    )
    try:
        while True:
            time.sleep(1.0)
    except KeyboardInterrupt:
        print(file=sys.stderr)
