"""Intrinsics of layouts that keep them in a small text file, or nowhere at all.

Data sets that publish one calibration for all their recordings get it only when the folder's
name says that it is one of them; anything else must bring its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import RecordingFormatError
from ..frames import CameraIntrinsics
from .text import intrinsics_from, read_text

FILE_NAMES = (
    "camera-intrinsics.txt",
    "intrinsics.txt",
    "calibration.txt",
    "intrinsic/intrinsic_color.txt",
)
NEEDS = "fx fy cx cy, or a 3 x 3 or 4 x 4 camera matrix"

# (pattern of a folder name, width, height, fx, fy, cx, cy, source)
_PUBLISHED = (
    # TUM RGB-D benchmark, "File formats": freiburg3 images are undistorted with its own
    # calibration; for the others the page recommends the driver's defaults, with which their
    # depth was registered.
    (r"freiburg3|(^|_)fr3(_|$)", 640, 480, 535.4, 539.2, 320.1, 247.6),
    (r"freiburg[12]|(^|_)fr[12](_|$)", 640, 480, 525.0, 525.0, 319.5, 239.5),
    # 7-Scenes data set page: defaults of its depth camera, used for its poses.
    (
        r"^(seq-\d+|chess|fire|heads|office|pumpkin|redkitchen|stairs)$",
        640,
        480,
        585.0,
        585.0,
        320.0,
        240.0,
    ),
)


def find_intrinsics(folders: Iterable[Path], width: int, height: int) -> CameraIntrinsics:
    """Intrinsics for images of this size from a file in one of ``folders``, or published ones.

    Raises:
        RecordingFormatError: naming the file to write, if there is neither; or if the file is
            malformed or made for another image size.
    """
    folders = list(folders)
    for folder in folders:
        for name in FILE_NAMES:
            if (folder / name).is_file():
                return _from_file(folder / name, width, height)
    for folder in folders:
        for pattern, w, h, fx, fy, cx, cy in _PUBLISHED:
            if (w, h) == (width, height) and re.search(pattern, folder.resolve().name):
                return CameraIntrinsics(w, h, fx, fy, cx, cy)
    raise RecordingFormatError(
        f"{folders[0] / FILE_NAMES[0]} is missing: this layout holds no intrinsics and the name is "
        f"not one of a data set with published ones for {width} x {height} pixels. Write {NEEDS} "
        "of the images into that file."
    )


def _from_file(path: Path, width: int, height: int) -> CameraIntrinsics:
    words = read_text(path, NEEDS).replace(",", " ").split()
    try:
        values = np.array([float(word) for word in words])
    except ValueError as error:
        raise RecordingFormatError(f"{path} is unreadable ({error}); it needs {NEEDS}.") from None
    if values.size == 4:
        K = np.array([[values[0], 0, values[2]], [0, values[1], values[3]], [0, 0, 1.0]])
    elif values.size in (9, 16):
        K = values.reshape(3, 3) if values.size == 9 else values.reshape(4, 4)
    else:
        raise RecordingFormatError(f"{path} holds {values.size} numbers; it needs {NEEDS}.")
    return intrinsics_from(K, width, height, str(path))
