"""The object's cloud from above, from the side and from the front, with its box and the truth."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D, Float64
from ..lifting import LiftedObject
from .drawing import EDGES, FOUND_COLOR, TRUTH_COLOR
from .truth import Truth

MOST_POINTS = 6000
INK, SOFT, LINE = "#1c2430", "#5f6b7a", "#dfe4ea"
_PLANES = (("from above", 0, 1), ("from the front", 0, 2), ("from the side", 1, 2))
_AXES = "xyz"


def hex_color(rgb: Sequence[int]) -> str:
    """``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def views_plot(
    lifted: LiftedObject, truth: Truth | None = None, cameras: Float64 | None = None
) -> str:
    """Three plots in one PNG, as a data URL; metres in the fixed frame.

    ``cameras`` (N, 3) are positions to draw in the view from above.
    """
    figure = new_figure((10.5, 3.7))
    axes = figure.subplots(1, 3)
    points, colors = thinned(lifted)
    for ax, (title, i, j) in zip(axes, _PLANES, strict=True):
        draw_plane(ax, points, colors, lifted.box, truth, i, j)
        ax.set_title(title, color=INK, fontsize=10)
    if cameras is not None and len(cameras):
        _hint_at_cameras(axes[0], cameras)
    figure.tight_layout()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def draw_plane(
    ax: Any,
    points: NDArray[Any],
    colors: NDArray[Any],
    box: Box3D,
    truth: Truth | None,
    i: int,
    j: int,
) -> None:
    """The cloud and the boxes along the fixed frame's axes ``i`` (right) and ``j`` (up)."""
    order = np.argsort(points[:, 3 - i - j])
    if (i, j) == (0, 2):
        order = order[::-1]  # seen from -y, what is at small y is in front
    ax.scatter(points[order, i], points[order, j], s=3, c=colors[order], linewidths=0)
    draw_box_edges(ax, box, i, j, hex_color(FOUND_COLOR), 2.0, "-")
    if truth is not None:
        draw_box_edges(ax, truth.box, i, j, hex_color(TRUTH_COLOR), 1.6, "--")
    _frame_plane(ax, [box, *([truth.box] if truth else [])], points, i, j)
    ax.set_xlabel(f"{_AXES[i]} (m)", color=SOFT, fontsize=9)
    ax.set_ylabel(f"{_AXES[j]} (m)", color=SOFT, fontsize=9)
    _plain(ax)


def draw_box_edges(
    ax: Any, box: Box3D, i: int, j: int, color: str, width: float, style: str
) -> None:
    """The box's edges in the plane of the axes ``i`` and ``j``."""
    corners = box.corners()
    for a, b in EDGES:
        ax.plot(
            corners[[a, b], i], corners[[a, b], j], color=color, linewidth=width, linestyle=style
        )


def thinned(lifted: LiftedObject) -> tuple[NDArray[Any], NDArray[Any]]:
    """At most :data:`MOST_POINTS` points (N, 3) and their colours 0..1."""
    stride = 1 + len(lifted.points) // MOST_POINTS
    return lifted.points[::stride], lifted.colors[::stride] / 255.0


def _frame_plane(ax: Any, boxes: Sequence[Box3D], points: NDArray[Any], i: int, j: int) -> None:
    """Equal, square limits around everything drawn."""
    drawn = np.vstack([points, *(box.corners() for box in boxes)])[:, [i, j]]
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    middle, half = (low + high) / 2, 0.58 * float((high - low).max())
    ax.set_xlim(middle[0] - half, middle[0] + half)
    ax.set_ylim(middle[1] - half, middle[1] + half)
    ax.set_aspect("equal", adjustable="box")


def _hint_at_cameras(ax: Any, cameras: Float64) -> None:
    """Dots at the border of the plot, on the side from which the cameras looked."""
    low = np.array([ax.get_xlim()[0], ax.get_ylim()[0]])
    high = np.array([ax.get_xlim()[1], ax.get_ylim()[1]])
    middle, half = (low + high) / 2, 0.48 * (high - low)
    way = cameras[:, :2] - middle
    share = np.minimum(1.0, 1.0 / np.maximum(np.abs(way / half).max(axis=1), 1e-9))
    x, y = (middle + way * share[:, None]).T
    ax.scatter(x, y, s=16, color=INK, alpha=0.4, linewidths=0)


def _plain(ax: Any) -> None:
    ax.grid(True, color=LINE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(colors=SOFT, labelsize=8)
    for spine in ax.spines.values():
        spine.set_color(LINE)


def new_figure(size: tuple[float, float]) -> Any:
    """A white figure of this size in inches, without any window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, facecolor="white")
    FigureCanvasAgg(figure)
    return figure
