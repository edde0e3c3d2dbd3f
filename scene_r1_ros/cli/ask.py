"""Ask the running graph for an object, or with --question for an answer in words.

examples:
  scene-r1 ask "the blue cabinet"
  scene-r1 ask "the mug left of the keyboard" --timeout 120 --json
  scene-r1 ask --question "how many chairs are at the table?"
"""

from __future__ import annotations

import argparse
from typing import Any

HELP = "ask the running graph in words"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 ask``."""
    parser.add_argument("query", metavar="QUERY", help="what to look for, in words")
    parser.add_argument(
        "--question", action="store_true", help="QUERY is a question; answer it in words"
    )
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds (default: 120)")
    parser.add_argument("--namespace", default="scene_r1", help="namespace of the graph")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Ask, show how it goes, print."""
    from ..errors import AmbiguousError, NotFoundError
    from ..ros.client import GroundingClient
    from .main import print_json
    from .progress import ProgressBar

    with GroundingClient(args.namespace) as client, ProgressBar() as bar:
        if args.question:
            record = _answer(client.answer_async(args.query, timeout=args.timeout).result())
            why = f"\n  why     {record['rationale']}" if record["rationale"] else ""
            text = record["answer"] + why
        else:
            from ..ros.describe import object_record
            from .text import object_text

            try:
                record = object_record(client.ground_live(args.query, args.timeout, bar.control))
            except (NotFoundError, AmbiguousError) as error:
                record = {"found": False, "query": args.query, "reason": str(error)}
            text = object_text(record)
    if args.json:
        print_json(record)
    else:
        print(text)
    return 0


def _answer(response: Any) -> dict[str, Any]:
    from ..ros.conversions import stamp_to_ns

    return {
        "query_id": response.query_id,
        "answer": response.answer,
        "rationale": response.rationale,
        "span": [stamp_to_ns(response.span_start) / 1e9, stamp_to_ns(response.span_end) / 1e9],
        "evidence": [stamp_to_ns(stamp) / 1e9 for stamp in response.evidence_stamps],
        "confidence": float(response.confidence),
    }
