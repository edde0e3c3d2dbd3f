"""The parameter file that ships: every parameter with its default, limits and meaning.

``python -m scene_r1_ros.ros.parameter_file > config/scene_r1.yaml`` writes it anew.
"""

from __future__ import annotations

import json
import textwrap

from ..config import Config
from . import grounding_node, lifting_node, tracking_node
from .node_base import NodeConfig
from .parameters import Sections, parameter_name

_HEADING = """\
# Every parameter with its default. Each node takes those that concern it; camera and window
# settings are read by the node that fills the window (all of them when they run as separate
# processes). `ros2 param describe NODE NAME` tells the same at run time.
"""


def sections() -> Sections:
    """The settings of all nodes, each once."""
    found: list[tuple[str, type[Config]]] = [("", NodeConfig)]
    for module in (grounding_node, tracking_node, lifting_node):
        found += [section for section in module.SECTIONS if section not in found]
    return found


def parameter_file() -> str:
    """The YAML text."""
    lines = [_HEADING + "/**:", "  ros__parameters:"]
    for prefix, section in sections():
        title = (section.__doc__ or "").split("\n")[0]
        lines += ["", f"    # -- {title}"]
        for spec in section.options():
            lines += textwrap.wrap(
                spec.describe(), 94, initial_indent="    # ", subsequent_indent="    # "
            )
            name = parameter_name(prefix, spec)
            lines.append(f"    {name}: {json.dumps(spec.default)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(parameter_file(), end="")
