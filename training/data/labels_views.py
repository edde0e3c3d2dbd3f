"""The table of views of one prepared scene: every object in every frame that shows it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings import Recording

from .labels_scene import Scene
from .labels_visibility import (
    GIVEN,
    PROJECTED,
    ObjectView,
    SceneProjector,
    VisibilityConfig,
    views_of_instances,
)

InstanceImage = Callable[[int], NDArray[np.integer] | None]
FEWEST_PIXELS = 16
"""Smaller fragments are noise of projection and are not stored."""


def encode_mask(mask: NDArray[np.bool_]) -> str:
    """COCO's compressed run lengths of an (H, W) mask."""
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return str(encoded["counts"].decode("ascii"))


def decode_mask(counts: str, height: int, width: int) -> NDArray[np.bool_]:
    """The (H, W) mask of :func:`encode_mask`."""
    from pycocotools import mask as coco

    decoded = coco.decode({"size": [height, width], "counts": counts.encode("ascii")})
    return np.asarray(decoded, dtype=bool)


def instance_images(folder: Path) -> InstanceImage | None:
    """2D instance labels that came with a scene, None if there are none.

    ``instance-filt/N.png`` or ``<scene>_2d-instance-filt.zip``: object id + 1 at each pixel.
    """
    plain = folder / "instance-filt"
    archive = folder / f"{folder.name}_2d-instance-filt.zip"
    if plain.is_dir():
        return lambda number: _read_image(plain / f"{number}.png")
    if archive.is_file():
        try:
            opened = zipfile.ZipFile(archive)
        except zipfile.BadZipFile as error:
            raise RecordingFormatError(f"{archive} is no zip file: {error}.") from error
        names = {Path(name).stem: name for name in opened.namelist() if name.endswith(".png")}
        return lambda number: _read_zipped(opened, names.get(str(number)))
    return None


def _read_image(path: Path) -> NDArray[np.integer] | None:
    return _decode(path.read_bytes(), str(path)) if path.is_file() else None


def _read_zipped(archive: zipfile.ZipFile, name: str | None) -> NDArray[np.integer] | None:
    return None if name is None else _decode(archive.read(name), name)


def _decode(data: bytes, what: str) -> NDArray[np.integer]:
    from PIL import Image, UnidentifiedImageError

    try:
        image = np.asarray(Image.open(io.BytesIO(data)))
    except (UnidentifiedImageError, OSError) as error:
        raise RecordingFormatError(f"{what} is no readable image: {error}.") from error
    if image.ndim != 2:
        raise RecordingFormatError(f"{what} has {image.shape[2]} channels; instances need one.")
    return image


def view_rows(
    recording: Recording,
    scene: Scene | None,
    labels: dict[int, str],
    config: VisibilityConfig,
    given: InstanceImage | None = None,
) -> list[dict[str, Any]]:
    """Rows of the table ``views``, in order of frame and object.

    Where ``given`` has an image of a frame it is taken, else instances are projected; each row
    says which.

    Raises:
        RecordingFormatError: if there is neither a scene with a mesh nor any instance image.
    """
    if scene is None and given is None:
        raise RecordingFormatError(
            f"{recording.name} has no mesh with objects and no 2D instance images; labels need one."
        )
    projector = SceneProjector(scene, config) if scene is not None else None
    number_of = dict(zip(recording.stamps_ns.tolist(), recording.numbers, strict=True))
    rows: list[dict[str, Any]] = []
    for frame in recording.frames(workers=1):
        number = number_of[frame.stamp_ns]
        image = _fitted(given(number), frame.depth_m.shape) if given is not None else None
        if projector is not None:
            views = projector.views(frame, image)
        elif image is not None:
            views = views_of_instances(frame, image)
        else:
            continue
        source = PROJECTED if image is None else GIVEN
        for view in views:
            if view.pixels >= FEWEST_PIXELS:
                rows.append(
                    _row(recording.name, number, frame.stamp_ns, view, labels, config, source)
                )
    return rows


def _fitted(
    image: NDArray[np.integer] | None, shape: tuple[int, int]
) -> NDArray[np.integer] | None:
    if image is None or image.shape == shape:
        return image
    rows = (np.arange(shape[0]) + 0.5) * image.shape[0] / shape[0]
    cols = (np.arange(shape[1]) + 0.5) * image.shape[1] / shape[1]
    return image[rows.astype(int)[:, None], cols.astype(int)[None, :]]


def _row(
    scene_id: str,
    number: int,
    stamp_ns: int,
    view: ObjectView,
    labels: dict[int, str],
    config: VisibilityConfig,
    source: str,
) -> dict[str, Any]:
    return {
        "scene_id": scene_id,
        "object_id": view.object_id,
        "label": labels.get(view.object_id, ""),
        "frame": number,
        "stamp_ns": stamp_ns,
        "pixels": view.pixels,
        "percent": view.percent,
        "visible": view.visible(config),
        "truncated": view.truncated,
        "distance": view.distance,
        "box": list(view.box),
        "mask": encode_mask(view.mask),
        "height": view.mask.shape[0],
        "width": view.mask.shape[1],
        "source": source,
    }
