"""Benchmarks side by side with the alternative that a user would pick, as ratios of one run.

ratio = ours / alternative; the arrow says whether lower or higher is better.

examples:
  scene-r1 bench --list
  scene-r1 bench transport
  scene-r1 bench ingest --json
  scene-r1 bench all --quick
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..errors import RequestError, SceneR1Error

HELP = "benchmarks as ratios to what else one would take"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 bench``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of --list, or `all`")
    parser.add_argument("--list", action="store_true", help="what there is, and end")
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: shows that it runs, not how fast"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """List, or measure and print."""
    from ..bench.catalogue import ABOUT, available
    from ..bench.records import machine, machine_text
    from .main import print_json

    if args.list:
        about = {name: ABOUT[name] for name in available()}
        if args.json:
            print_json({"benchmarks": about})
        else:
            for name, text in about.items():
                print(f"{name:<10} {text}")
        return 0
    if args.name is None:
        raise RequestError(f"give NAME, one of {', '.join(available())}, or all.")
    where = machine()
    if args.name != "all":
        result = _measure(args.name, args.quick)
        if args.json:
            print_json({**result.to_json(), "quick": args.quick, "machine": where})
        else:
            _print(result)
            print(machine_text(where))
        return 0
    results, failed = [], []
    for name in available():
        try:
            results.append(_measure(name, args.quick))
        except (SceneR1Error, ModuleNotFoundError) as error:
            failed.append({"name": name, "error": str(error)})
            print(f"scene-r1 bench {name}: {error}", file=sys.stderr)
            continue
        if not args.json:
            _print(results[-1])
    if args.json:
        rows = [
            {"bench": result.name, **row.to_json()} for result in results for row in result.rows
        ]
        benches = [result.to_json() for result in results]
        record = {"name": "all", "rows": rows, "benches": benches, "failed": failed}
        print_json({**record, "quick": args.quick, "machine": where})
    else:
        print(machine_text(where))
    return 1 if failed else 0


def _measure(name: str, quick: bool) -> Any:
    from ..bench.catalogue import bench
    from .progress import ProgressBar

    run_bench = bench(name)
    with ProgressBar() as bar:
        return run_bench(quick, bar.control)


def _print(result: Any) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names = sorted({row.alternative_name for row in result.rows if row.alternative_name})
    table = Table(title=f"bench {result.name}", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("what", "ours", "alternative", "unit", "ratio"):
        number = heading in ("ours", "alternative", "ratio")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    if len(names) > 1:
        table.add_column("alternative is", overflow="fold")
    for row in result.rows:
        other = "" if row.alternative is None else _short(row.alternative)
        ratio = "" if row.ratio is None else f"{_short(row.ratio)} {_ARROWS[row.better]}"
        cells = [row.what, _short(row.ours), other, row.unit, ratio]
        table.add_row(*cells, *([row.alternative_name] if len(names) > 1 else []))
    console = Console(highlight=False)
    console.print(table)
    if len(names) == 1:
        console.print(f"The alternative is {names[0]}.", markup=False)
    for note in result.notes:
        console.print(note, markup=False)


_ARROWS = {"lower": "↓", "higher": "↑"}


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
