"""``scene-r1``: finds the subcommand's module, runs it, turns errors into sentences.

A subcommand is a module of this package with ``HELP`` (one line), ``add_arguments(parser)`` and
``run(args) -> int``. These modules import what is heavy inside ``run``, so that ``--help`` is
quick and commands that need no ROS run without it.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..errors import BoxError, ConfigError, NoSuchFrameError, RequestError, SceneR1Error

COMMANDS = {
    "Try it": ("demo",),
    "On the robot, over ROS": ("up", "play", "ask", "box", "record", "view", "doctor"),
    "Without ROS": ("ground", "report"),
    "Data, training, evaluation": ("synth", "prepare", "train", "eval", "bench"),
}
EPILOG = """exit status: 0 done, 1 the work failed, 2 wrong arguments.
`scene-r1 COMMAND --help` explains a command with examples."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``scene-r1`` with ``argv``; returns the exit status."""
    parser = build_parser()
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (ConfigError, RequestError, BoxError, NoSuchFrameError) as error:
        return _fail(args.command, error, 2)
    except SceneR1Error as error:
        return _fail(args.command, error, 1)
    except BrokenPipeError:  # `scene-r1 ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a folder that may not be written
        if error.filename is None:
            raise
        return _fail(args.command, SceneR1Error(f"{error.filename}: {error.strerror}."), 1)
    except ModuleNotFoundError as error:
        return _fail(args.command, _missing(error), 1)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Says of an unknown argument which command does not know it, and what is spelt like it.

    Left to itself argparse has the outermost parser say it, with the usage of no command.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As the base class, but nothing is left over."""
        namespace, left = super().parse_known_args(args, namespace)
        if left:
            close = difflib.get_close_matches(left[0], list(self._option_string_actions), 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            self.error(f"unrecognized arguments: {' '.join(left)}{meant}")
        return namespace, left


def build_parser() -> argparse.ArgumentParser:
    """The parser with every subcommand that is there."""
    parser = _Parser(
        prog="scene-r1",
        description="Ask a robot about what its RGB-D camera has seen.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scene-r1 {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in COMMANDS.values():
        for name in group:
            module = command_module(name)
            if module is None:
                continue
            sub = subparsers.add_parser(
                name,
                help=module.HELP,
                description=module.__doc__,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


def command_module(name: str) -> Any:
    """The module of a subcommand, or None if this installation has none."""
    path = f"{__package__}.{name}"
    if importlib.util.find_spec(path) is None:
        return None
    return importlib.import_module(path)


def print_json(value: dict[str, Any]) -> None:
    """The one JSON object of a command that was given ``--json``, as the last line."""
    sys.stderr.flush()
    print(json.dumps(value), flush=True)


def _fail(command: str, error: Exception, status: int) -> int:
    print(f"scene-r1 {command}: {error}", file=sys.stderr)
    return status


def _missing(error: ModuleNotFoundError) -> SceneR1Error:
    name = (error.name or "").split(".")[0]
    if name in ("rclpy", "scene_r1_msgs", "sensor_msgs", "message_filters", "tf2_ros", "cv_bridge"):
        return SceneR1Error(
            f"this command needs ROS 2, but {name} cannot be imported; source your workspace, or "
            "run it as `./dev exec scene-r1 ...`."
        )
    return SceneR1Error(f"the Python package {name} is missing; run `./dev setup`.")


if __name__ == "__main__":
    sys.exit(main())
