"""The main job, shown end to end: a recording is played through the real ROS 2 graph, objects are
asked for in words, and what comes back (why, when, where in the image, where in 3D) is printed
beside the truth and put into a report.

Without --source a synthetic room is rendered that no model was trained on, so no data is needed;
without --model the checkpoint that ships with this package answers. With --prompt box, or where
no checkpoint is there, an object is prompted with a 2D box instead. The graph gets a ROS domain of
its own on this machine unless ROS_DOMAIN_ID is set.

examples:
  scene-r1 demo                                          a few queries, report in out/demo
  scene-r1 demo --query "the yellow sofa"                your own words; may be repeated
  scene-r1 demo --model Qwen/Qwen2.5-VL-3B-Instruct      another model
  scene-r1 demo --prompt box                             a 2D box as the prompt, no model
  scene-r1 demo --source recordings/kitchen --frame 12 --box 201 40 542 426 --label cabinet
  scene-r1 demo --keep                                   leave the graph running for RViz
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelAbsentError, RequestError

if TYPE_CHECKING:
    from ..demo import DemoQuery, DemoSource
    from ..recordings import Recording
    from ..ros.demo_graph import DemoModel
    from .phases import Phases

HELP = "the whole thing on a recording, over real ROS 2, with a report"
NO_CHECKPOINT = "no checkpoint is there to answer words (checkpoints/rooms, --model or --server)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 demo``."""
    parser.add_argument(
        "--source", type=Path, metavar="DIR", help="folder, .sens file or bag; else a synthetic one"
    )
    parser.add_argument(
        "--query", action="append", metavar="WORDS", help="ask this; repeatable (default: a few)"
    )
    parser.add_argument("--model", help="checkpoint that answers: a folder or a hub name")
    parser.add_argument("--server", metavar="URL", help="OpenAI-compatible server that does")
    parser.add_argument(
        "--prompt",
        choices=("auto", "words", "box"),
        default="auto",
        help="how objects are asked for; auto is words if a model is there to answer",
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
    parser.add_argument(
        "--timeout", type=float, default=60.0, help="seconds for an answer (default: 60)"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="PNG", help="write a summary of the result as one picture"
    )
    parser.add_argument("--keep", action="store_true", help="leave the graph running until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Make or open the recording, play it, ask, report."""
    from ..recordings import open_recording
    from .main import print_json
    from .phases import Phases

    _check(args)
    model = _model(args)
    phases = Phases()
    source = _source(args, phases)
    with open_recording(source.path) as recording:
        queries = _queries(args, recording, model)
        if queries and model is not None:
            from .demo_words import show_words

            record, text = show_words(args, recording, queries, model, phases)
        else:
            from .demo_box import show_box

            record, text = show_box(args, recording, source, phases)
    print(text, file=sys.stderr if args.json else sys.stdout, flush=True)
    if args.json:
        print_json(record)
    return 0


def _model(args: argparse.Namespace) -> DemoModel | None:
    """What answers words; None if a box is the prompt.

    Raises:
        ModelAbsentError: if words were asked for and nothing is there to answer them.
    """
    from ..reasoning.backends.checkpoint import TransformersConfig, check_name
    from ..reasoning.build import shipped_checkpoint

    if args.prompt == "box" or args.box is not None:
        return None
    model = args.model or ("" if args.server else shipped_checkpoint())
    if model:
        check_name(TransformersConfig(model=model))
    if model or args.server:
        from ..ros.demo_graph import DemoModel

        return DemoModel(model, args.server or "")
    if args.prompt == "words" or args.query:
        raise ModelAbsentError(f"{NO_CHECKPOINT}; --prompt box needs none.")
    print(f"{NO_CHECKPOINT}; a 2D box is the prompt instead.", file=sys.stderr)
    return None


def _queries(
    args: argparse.Namespace, recording: Recording, model: DemoModel | None
) -> tuple[DemoQuery, ...]:
    """What is asked in words; nothing if a box is the prompt.

    Raises:
        RequestError: if words were asked for and there are none to ask.
    """
    from .demo_words import queries_of

    if model is None:
        return ()
    queries = queries_of(args, recording)
    if not queries and args.prompt == "words":
        raise RequestError(
            f"{recording.name} has no objects.json with colours to make queries from; say what to "
            'ask: --query "the blue cabinet".'
        )
    return queries


def _check(args: argparse.Namespace) -> None:
    if (args.frame is None) != (args.box is None):
        raise RequestError("--frame and --box belong together.")
    if args.box is not None and args.source is None:
        raise RequestError("--frame and --box need --source, the recording that they belong to.")
    words = [f"--{name}" for name in ("query", "model", "server") if getattr(args, name)]
    if words and (args.prompt == "box" or args.box is not None):
        raise RequestError(f"{words[0]} is for words, but a box is the prompt.")
    if args.prompt == "words" and args.box is not None:
        raise RequestError("--box is no prompt in words; leave --prompt away.")
    if args.model and args.server:
        raise RequestError("--model and --server: one of them answers, not both.")
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
