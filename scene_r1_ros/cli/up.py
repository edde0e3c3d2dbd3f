"""Start the graph: grounding, tracking and lifting in one process over one window.

examples:
  scene-r1 up                                     the usual RealSense topics, TF from `map`
  scene-r1 up --color-topic /head/rgb --depth-topic /head/depth --camera-info-topic /head/info
  scene-r1 up --params-file my_robot.yaml --param window.max_seconds=120
  scene-r1 up --pose-source odometry --pose-topic /odom
  scene-r1 up --model Qwen/Qwen2.5-VL-3B-Instruct
  scene-r1 up --server http://workstation:8000/v1
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..errors import ConfigError
from .options import add_config_arguments, given

if TYPE_CHECKING:
    from ..ros.node_base import SceneNode

HELP = "start the nodes in one process"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``scene-r1 up``."""
    from ..feed_config import FeedConfig

    parser.add_argument("--namespace", default="scene_r1", help="namespace of the nodes")
    parser.add_argument("--params-file", metavar="YAML", help="ROS parameter file")
    parser.add_argument("--model", help="checkpoint that answers queries: a folder or a hub name")
    parser.add_argument("--server", metavar="URL", help="OpenAI-compatible server that does")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other ROS parameter, for example lifting.cluster=false; repeatable",
    )
    parser.add_argument("--use-sim-time", action="store_true", help="follow /clock")
    parser.add_argument("--log-level", default="info", help="debug, info, warn or error")
    add_config_arguments(parser, FeedConfig, title="camera")


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    from ..feed_config import FeedConfig
    from ..ros.runner import run_nodes
    from ..ros.scene_r1_node import composed_nodes

    if args.params_file:
        _check_params_file(args.params_file)
    values = {name: str(value) for name, value in given(args, FeedConfig).items()}
    short = {"transformers.model": args.model, "openai.base_url": args.server}
    values |= {name: value for name, value in short.items() if value}
    extra = []
    for item in args.param:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise ConfigError(f"--param {item!r}: needs NAME=VALUE.")
        values[name] = value
        extra.append(name)

    def nodes() -> list[SceneNode]:
        made = composed_nodes()
        for name in extra:  # ROS ignores what no node declares; a slip of the pen should be told
            if not any(node.has_parameter(name.rpartition(":")[2]) for node in made):
                raise ConfigError(f"--param {name}: no node has this parameter{_near(name, made)}")
        return made

    return run_nodes(nodes, ros_arguments(args, values))


def _near(name: str, nodes: list[SceneNode]) -> str:
    known = {item for node in nodes for item in node.get_parameters_by_prefix("")}
    close = difflib.get_close_matches(name, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else "; `ros2 param list` names them."


def _check_params_file(path: str) -> None:
    """ROS accepts a file without parameters in silence; here it is refused."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--params-file {path} cannot be read: {error}.") from error
    if not isinstance(content, dict) or "ros__parameters" not in str(content):
        raise ConfigError(
            f"--params-file {path}: holds no ros__parameters; config/scene_r1.yaml is an example."
        )


def ros_arguments(args: argparse.Namespace, values: dict[str, str]) -> list[str]:
    """The ``--ros-args`` that carry these settings to the nodes."""
    ros = ["--ros-args", "-r", f"__ns:=/{args.namespace.strip('/')}"]
    ros += ["--log-level", args.log_level]
    if args.params_file:
        ros += ["--params-file", args.params_file]
    if args.use_sim_time:
        ros += ["-p", "use_sim_time:=true"]
    for name, value in values.items():
        ros += ["-p", f"{name}:={value if value else repr('')}"]
    return ros
