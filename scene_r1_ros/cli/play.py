"""Play a recording as camera topics and TF, so that the graph runs without a camera.

examples:
  scene-r1 play recordings/kitchen                 an exported ScanNet folder, TUM folder or bag
  scene-r1 play scene0000_00.sens --rate 2 --loop
  scene-r1 play recordings/kitchen --start 10 --end 30 --clock
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..player_config import PlayerConfig
from .options import add_config_arguments, given
from .up import ros_arguments

HELP = "replay a recording as camera topics and TF"
_FLAGS = [spec.name for spec in PlayerConfig.options() if spec.name != "source"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 play``."""
    parser.add_argument("source", type=Path, metavar="DIR", help="folder, .sens file or bag")
    parser.add_argument("--namespace", default="scene_r1", help="namespace of the player node")
    parser.add_argument("--log-level", default="warn", help="debug, info, warn or error")
    parser.set_defaults(params_file=None, use_sim_time=False)
    add_config_arguments(parser, PlayerConfig, only=_FLAGS)


def run(args: argparse.Namespace) -> int:
    """Play until the end or Ctrl-C."""
    from tqdm import tqdm

    from ..recordings import open_recording
    from ..ros.player_node import PlayerNode
    from ..ros.runner import run_nodes

    recording = open_recording(args.source)
    total = recording.frame_count
    recording.close()
    with tqdm(total=total, unit="frame", disable=not sys.stderr.isatty()) as bar:

        def progress(count: int, total: int) -> None:
            bar.total = total
            bar.update(count - bar.n)

        settings = given(args, PlayerConfig) | {"source": str(args.source.expanduser().resolve())}
        ros = ros_arguments(args, {name: str(value) for name, value in settings.items()})
        player: list[PlayerNode] = []

        def make() -> list[PlayerNode]:
            player.append(PlayerNode(on_progress=progress))
            return player

        status = run_nodes(make, ros, until=lambda: player[0].finished.is_set())
    if not player:
        return status
    print(f"played {player[0].published} of {total} frames of {args.source}")
    for why, count in player[0].skipped_counts().items():
        print(f"skipped {count}: {why}")
    return status or int(player[0].failed)
