"""Why was this the answer? Opens the trace that a query left: prompts, answers, choices, pictures.

examples:
  scene-r1 report                         the latest queries
  scene-r1 report 20250131-142501-3f9a2c  open one in the browser
  scene-r1 report latest --no-open        print where the newest page is
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "show why a query was answered as it was"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 report``."""
    parser.add_argument(
        "query_id", nargs="?", metavar="QUERY_ID", help="id of the query, or 'latest'"
    )
    parser.add_argument("--traces", type=Path, help="folder of the traces")
    parser.add_argument("--limit", type=int, default=20, help="length of the list (default: 20)")
    parser.add_argument("--no-open", action="store_true", help="only print the page's path")
    parser.add_argument("--json", action="store_true", help="print the trace as one JSON object")


def run(args: argparse.Namespace) -> int:
    """List the traces, or show one."""
    from ..errors import RequestError
    from ..reasoning.trace_store import TraceConfig, TraceStore
    from .main import print_json

    store = TraceStore(TraceConfig(folder=str(args.traces or "")))
    if args.query_id is None:
        summaries = store.summaries(limit=args.limit)
        if args.json:
            print_json({"traces": [vars(summary) for summary in summaries]})
        elif not summaries:
            print(f"no traces in {store.folder}; a query to a model leaves one.", file=sys.stderr)
        else:
            for s in summaries:
                print(f"{s.query_id}  {s.outcome:<16} {s.query}")
        return 0
    query_id = args.query_id
    if query_id == "latest":
        newest = store.summaries(limit=1)
        if not newest:
            raise RequestError(f"no traces in {store.folder}; a query to a model leaves one.")
        query_id = newest[0].query_id
    if args.json:
        print_json(store.load(query_id))
        return 0
    page = store.page_of(query_id)
    print(page)
    if not args.no_open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return 0
