"""The demonstration with a 2D box as the prompt: no model takes part."""

from __future__ import annotations

import argparse
import math
import shlex
from typing import TYPE_CHECKING, Any

from .demo_graph_phases import keep_running, played

if TYPE_CHECKING:
    from ..demo import DemoSource, Prompt
    from ..demo.playback import Playback
    from ..recordings import Recording
    from .phases import Phases


def show_box(
    args: argparse.Namespace, recording: Recording, source: DemoSource, phases: Phases
) -> tuple[dict[str, Any], str]:
    """Prompt with a box, write the report; the record and its text."""
    from ..demo import choose_prompt
    from ..demo.playback import plan_playback
    from ..geometry import checked_box
    from ..player_config import published_stamp_ns
    from ..ros.demo_graph import DemoGraph
    from .text import object_text

    box = tuple(args.box) if args.box is not None else None
    prompt = choose_prompt(recording, args.frame, box, args.label)
    anchor = recording.index_of_number(prompt.frame)
    camera = recording.frame(anchor).intrinsics
    checked_box(prompt.box, camera.width, camera.height)  # before the graph is started for it
    playback = plan_playback(recording, args.rate, args.max_frames, prompt.frame)
    stamp_ns = published_stamp_ns(int(recording.stamps_ns[anchor]))
    stage_bar: list[Any] = []

    def on_stage(stage: str, fraction: float, text: str) -> None:
        if stage_bar:
            stage_bar[0].progress(fraction, f"{stage} {text}")

    with DemoGraph(playback, args.out, on_stage=on_stage) as graph:
        played(graph, recording, args.out, phases)
        with phases("tracking, lifting") as phase:
            stage_bar.append(phase)
            answer, observed = graph.ask_box(stamp_ns, prompt.box, prompt.label, args.timeout)
            phase.detail = (
                f"box {' '.join(f'{v:g}' for v in prompt.box)} in frame {prompt.frame} "
                f"({prompt.origin}); {len(observed.track.masks)} masks, {len(observed.points)} "
                f"points, {observed.markers} markers"
            )
        with phases("report") as phase:
            record = _report(args, recording, source, prompt, playback, answer, observed)
        if args.keep:
            keep_running(graph, "scene-r1 box latest X0 Y0 X1 Y1")
    record |= {"mode": "box", "phases": phases.seconds}
    text = object_text(record) + _truth_text(record)
    return record, f"{text}\nreport  {record['report']}\ncloud   {record['ply']}"


def _report(
    args: argparse.Namespace,
    recording: Recording,
    source: DemoSource,
    prompt: Prompt,
    playback: Playback,
    answer: Any,
    observed: Any,
) -> dict[str, Any]:
    from ..demo import truth_of
    from ..demo.playback import played_window
    from ..report import write_report
    from ..result import result_record
    from ..ros.describe import object_record

    window = played_window(recording, playback)
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
    return record | {
        "truth": truth.record() if truth else None,
        "iou": round(truth.iou(result.lifted.box), 4) if truth else None,
        "source": str(recording.path),
        "report": str(files.html),
        "ply": str(files.ply),
    }


def _command(args: argparse.Namespace, source: DemoSource, prompt: Prompt) -> str:
    words = ["scene-r1", "demo"]
    if source.synthetic:
        words += ["--prompt", "box"]
    else:
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
