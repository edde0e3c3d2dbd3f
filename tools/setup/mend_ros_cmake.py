"""Point the ROS wheels' exported CMake files at this environment.

The wheels' ``share/*/cmake/*.cmake`` name the Python and numpy include folders of the machine that
built them, and CMake refuses a target whose include folders do not exist. Run with the Python of
the environment to mend; running it again changes nothing.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy

PYTHON_INCLUDE = re.compile(r'/[^;"\s$]*/include/python3\.\d+(?=[;"\s)])')
NUMPY_INCLUDE = re.compile(r'/[^;"\s$]*/site-packages/numpy/(?:_core|core)/include(?=[;"\s)])')


def mend(text: str, python_include: str, numpy_include: str) -> str:
    """Return ``text`` with every absolute Python and numpy include folder replaced."""
    text = PYTHON_INCLUDE.sub(lambda _: python_include, text)
    return NUMPY_INCLUDE.sub(lambda _: numpy_include, text)


def main() -> None:
    """Mend every exported CMake file under ``sys.prefix`` and say how many changed."""
    changed = 0
    for path in sorted(Path(sys.prefix, "share").glob("*/cmake/*.cmake")):
        text = path.read_text()
        mended = mend(text, sysconfig.get_path("include"), numpy.get_include())
        if mended != text:
            path.write_text(mended)
            changed += 1
    print(f"{changed} CMake files mended")


if __name__ == "__main__":
    main()
