"""Where the files that ship beside the code are: launch, config, checkpoints.

In a source tree (or an editable installation) they stand beside the package; after
``colcon build`` they are in the package's share folder, found through ``AMENT_PREFIX_PATH``, after
an ordinary ``pip install`` in that of the Python environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .errors import ConfigError

PACKAGE = "scene_r1_ros"


def share_directories() -> list[Path]:
    """Folders that may hold shipped files, best first."""
    places = [Path(__file__).resolve().parent.parent]
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    places += [Path(prefix) / "share" / PACKAGE for prefix in prefixes if prefix]
    return list(dict.fromkeys(places))


def shipped(relative: str) -> Path:
    """The shipped file or folder ``relative``, such as ``config/scene_r1.yaml``.

    Raises:
        ConfigError: naming the places that were searched.
    """
    places = share_directories()
    for place in places:
        if (place / relative).exists():
            return place / relative
    searched = ", ".join(str(place) for place in places)
    raise ConfigError(
        f"{relative} is not installed; searched {searched}. Is the workspace's setup file sourced?"
    )


def config_file(name: str) -> Path:
    """A file of the config folder; raises as :func:`shipped`."""
    return shipped(f"config/{name}")
