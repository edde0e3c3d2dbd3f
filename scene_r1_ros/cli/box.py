"""Prompt the running graph with a box in one frame; prints the 3D object.

STAMP is the frame's time in seconds, or `latest`. The box is in pixels of the colour image.

examples:
  scene-r1 box latest 201 40 542 426
  scene-r1 box 1341841279.5107 201 40 542 426 --label cabinet --json
"""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation

HELP = "prompt the running graph with an image box"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 box``."""
    parser.add_argument("stamp", type=stamp_ns, metavar="STAMP", help="seconds, or `latest`")
    for name in ("x0", "y0", "x1", "y1"):
        parser.add_argument(name, type=float, metavar=name.upper(), help="pixels")
    parser.add_argument("--label", default="", help="what to call the object")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default: 60)")
    parser.add_argument("--namespace", default="scene_r1", help="namespace of the graph")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Ask, wait, print."""
    from ..ros.client import GroundingClient
    from ..ros.describe import object_record
    from .main import print_json
    from .text import object_text

    with GroundingClient(args.namespace) as client:
        box = (args.x0, args.y0, args.x1, args.y1)
        answer = client.track_box_async(box, args.stamp, args.label, args.timeout).result()
    record = object_record(answer)
    if args.json:
        print_json(record)
    else:
        print(object_text(record))
    return 0


def stamp_ns(text: str) -> int:
    """Nanoseconds of a stamp in seconds, exactly; 0 for ``latest``."""
    if text == "latest":
        return 0
    try:
        value = round(Decimal(text) * 1_000_000_000)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no stamp; give seconds, for example 1341841279.5107, or latest"
        ) from error
    if value < 0:
        raise argparse.ArgumentTypeError(f"stamp {text} is negative")
    return value
