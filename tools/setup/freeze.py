"""Print requirements/constraints.txt: every package of this environment with its exact version.

``./dev exec python tools/setup/freeze.py > requirements/constraints.txt`` after a pin in
requirements/*.txt has changed and ``./dev setup`` has installed it. Left out are packages that do
not come from an index: this project and what colcon or the ROS wheels put there as egg-info.
"""

from __future__ import annotations

from importlib.metadata import Distribution, distributions
from pathlib import Path

HEADER = """\
# Every package with its exact version, what the other files require included, so that two
# set-ups are the same. Written by tools/setup/freeze.py; edit the other files instead.
"""
OF_THE_VENV = {"pip", "scene-r1-ros"}


def from_index(dist: Distribution) -> bool:
    """Whether pip installed ``dist`` as a release, not from a source tree."""
    folder = Path(str(getattr(dist, "_path", "")))
    if folder.suffix != ".dist-info" or "dir_info" in (dist.read_text("direct_url.json") or ""):
        return False
    return dist.name.lower().replace("_", "-") not in OF_THE_VENV


def main() -> None:
    """Write the pins to standard output; a local version such as ``+cpu`` is left off."""
    pins = {f"{d.name}=={d.version.split('+')[0]}" for d in distributions() if from_index(d)}
    print(HEADER + "\n".join(sorted(pins, key=str.lower)))


if __name__ == "__main__":
    main()
