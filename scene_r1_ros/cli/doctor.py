"""Why is there no output? Names the first thing that is missing, and the command that mends it.

examples:
  scene-r1 doctor
  scene-r1 doctor --json --wait 30     wait until all is well, at most 30 s
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from typing import Any

HELP = "why is there no output, and what mends it"

_MARKS = {0: "ok  ", 1: "warn", 2: "FAIL"}
_SEGMENT = 34 * 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 doctor``."""
    parser.add_argument("--namespace", default="scene_r1", help="namespace of the graph")
    parser.add_argument(
        "--wait", type=float, default=0.0, help="look again until all is well or these seconds pass"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look, print; status 0 if a query would be served now, else 1."""
    from .main import print_json

    report = _look(args)
    if args.json:
        print_json(report)
    else:
        _print(report)
    return 0 if report["ready"] else 1


def _look(args: argparse.Namespace) -> dict[str, Any]:
    from ..errors import SceneR1Error
    from ..ros.client import GroundingClient

    checks = environment_checks()
    deadline = time.monotonic() + args.wait
    with GroundingClient(args.namespace, discovery_timeout=3.0) as client:
        while True:
            try:
                health = client.health()
            except SceneR1Error as error:
                domain = os.environ.get("ROS_DOMAIN_ID", "0")
                graph = {
                    "name": "graph",
                    "level": 2,
                    "detail": f"no graph answers in domain {domain}: {error}",
                    "remedy": "scene-r1 up; or set ROS_DOMAIN_ID to the robot's",
                }
                return _report([*checks, graph])
            if health.ready or time.monotonic() >= deadline:
                return _report([*checks, *map(_check, health.diagnostics.status)])
            time.sleep(0.5)


def environment_checks() -> list[dict[str, Any]]:
    """What can be seen without a graph: the middleware and its shared memory."""
    checks = []
    middleware = os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp")
    checks.append({"name": "middleware", "level": 0, "detail": middleware, "remedy": ""})
    if "fastrtps" in middleware and os.path.isdir("/dev/shm"):
        free = shutil.disk_usage("/dev/shm").free
        short = free < _SEGMENT
        checks.append(
            {
                "name": "shared memory",
                "level": 1 if short else 0,
                "detail": f"{free / 2**20:.0f} MiB free in /dev/shm"
                + ("; images then go over UDP and may be lost." if short else ""),
                "remedy": "docker run --shm-size=512m, or free /dev/shm" if short else "",
            }
        )
    return checks


def _check(status: Any) -> dict[str, Any]:
    level = status.level
    return {
        "name": status.name.split(": ", 1)[-1],
        "level": level[0] if isinstance(level, bytes) else int(level),
        "detail": status.message,
        "remedy": next((item.value for item in status.values if item.key == "remedy"), ""),
    }


def _report(checks: list[dict[str, Any]]) -> dict[str, Any]:
    worst = max(check["level"] for check in checks)
    first = next((c for c in checks if c["level"] == worst), None) if worst else None
    return {"ready": worst < 2, "first": first, "checks": checks}


def _print(report: dict[str, Any]) -> None:
    for check in report["checks"]:
        print(f"{_MARKS[check['level']]}  {check['name']:<18} {check['detail']}")
    first = report["first"]
    print()
    if first is None:
        print("All is well: a query would be served now.")
        return
    lead = "A query would be served now, but" if report["ready"] else "First thing to mend:"
    print(f"{lead} {first['name']}: {first['detail']}")
    print(f"  {first['remedy']}")
