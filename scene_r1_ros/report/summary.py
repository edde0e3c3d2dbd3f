"""The result as one picture: the prompt, the masks, the 3D box in the images and as a cloud."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RequestError
from ..frames import RgbdFrame, WindowSnapshot
from ..pipeline import PipelineResult
from . import pictures, plots
from .drawing import EDGES, FOUND_COLOR, TRUTH_COLOR
from .truth import Truth


def write_summary(
    path: Path, window: WindowSnapshot, result: PipelineResult, truth: Truth | None = None
) -> None:
    """Write the picture (PNG, about 1500 pixels wide) to ``path``.

    Raises:
        RequestError: if nothing was found, or ``path`` cannot be written.
    """
    if result.lifted is None or result.track is None:
        raise RequestError("there is no picture of a result in which nothing was found.")
    box = result.lifted.box
    seen = pictures.seen_frames(window, result.track)
    figure = plots.new_figure((13.2, 4.15))
    grid = figure.add_gridspec(
        2, 4, width_ratios=(4.75, 2.33, 2.33, 3.4), left=0.006, right=0.985, top=0.925,
        bottom=0.01, wspace=0.03, hspace=0.03,
    )  # fmt: skip
    anchor = pictures.anchor_picture(window, result.grounding, result.track)
    _image(figure.add_subplot(grid[:, 0]), anchor, result.grounding.query or "a box in one frame")
    views = pictures.different_views(seen, box, 2)
    masked = pictures.evenly(_large([f for f in seen if f not in views], result), 2)
    for row, frame in enumerate(masked):
        title = "its masks in the others" if row == 0 else ""
        _image(
            figure.add_subplot(grid[row, 1]), pictures.masked_picture(frame, result.track), title
        )
    for row, frame in enumerate(views):
        title = "its box in 3D" if row == 0 else ""
        _image(figure.add_subplot(grid[row, 2]), pictures.boxed_picture(frame, box, truth), title)
    _cloud(figure.add_subplot(grid[:, 3], projection="3d"), result, truth)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(figure, path)
    except OSError as error:
        raise RequestError(f"the picture cannot be written to {path}: {error}.") from error


def _save(figure: Any, path: Path) -> None:
    """With 256 colours: a third of the size, and hardly to be told from all of them."""
    from PIL import Image

    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=100)
    with Image.open(pixels) as image:
        image.convert("RGB").quantize(256).save(path, "PNG", optimize=True)


def _large(frames: list[RgbdFrame], result: PipelineResult) -> list[RgbdFrame]:
    """The frames whose masks are in the larger half."""
    assert result.track is not None
    areas = {mask.stamp_ns: int(mask.mask.sum()) for mask in result.track.masks}
    middle = np.median([areas[frame.stamp_ns] for frame in frames] or [0])
    return [frame for frame in frames if areas[frame.stamp_ns] >= middle]


def _image(ax: Any, image: Any, title: str) -> None:
    ax.imshow(image)
    ax.set_axis_off()
    ax.set_title(title, color=plots.INK, fontsize=11, loc="left")


def _cloud(ax: Any, result: PipelineResult, truth: Truth | None) -> None:
    """The points and boxes in perspective, seen from where the cameras were."""
    assert result.lifted is not None
    box = result.lifted.box
    points, colors = plots.thinned(result.lifted)
    ax.scatter(*points.T, s=2, c=colors, linewidths=0, depthshade=False)
    drawn = [(box, FOUND_COLOR, 2.2, "-", "found")]
    if truth is not None:
        drawn.append((truth.box, TRUTH_COLOR, 1.4, "--", "truth"))
    for item, color, width, style, name in drawn:
        corners = item.corners()
        for number, edge in enumerate(EDGES):
            ax.plot(
                *corners[list(edge)].T, color=plots.hex_color(color), linewidth=width,
                linestyle=style, label=name if number == 0 else None,
            )  # fmt: skip
    x, y, z = box.size
    iou = f", 3D IoU {truth.iou(box):.2f}" if truth is not None else ""
    ax.set_title(f"{x:.2f} × {y:.2f} × {z:.2f} m{iou}", color=plots.INK, fontsize=11, loc="left")
    corners = np.vstack([box.corners(), truth.box.corners()]) if truth else box.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    half = float((high - low).max()) * 0.56
    for name, middle in zip("xyz", (low + high) / 2, strict=True):
        getattr(ax, f"set_{name}lim")(middle - half, middle + half)
        getattr(ax, f"set_{name}label")(f"{name} (m)", color=plots.SOFT, fontsize=8, labelpad=-4)
    ax.tick_params(colors=plots.SOFT, labelsize=7, pad=-2)
    ax.set_box_aspect((1, 1, 1), zoom=1.0)
    ax.legend(loc="upper right", fontsize=9, frameon=False)
    ax.view_init(elev=22, azim=_azimuth(result))


def _azimuth(result: PipelineResult) -> float:
    """Degrees; a little beside the direction in which the surface that was seen lies."""
    assert result.lifted is not None
    towards = result.lifted.points.mean(axis=0) - np.array(result.lifted.box.center)
    return float(np.degrees(np.arctan2(towards[1], towards[0]))) + 20.0
