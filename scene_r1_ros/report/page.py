"""A result as one HTML page that needs nothing else: pictures inside, nothing loaded."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..frames import RgbdFrame, WindowSnapshot
from ..pipeline import PipelineResult
from . import pictures, plots
from .drawing import FOUND_COLOR, TRUTH_COLOR
from .truth import Truth

if TYPE_CHECKING:
    import jinja2

STRIP_FRAMES = 12
VIEW_FRAMES = 4


@dataclass(frozen=True)
class PageExtras:
    """What only the caller knows: the recording's name, the command, the settings by section."""

    source: str = ""
    command: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def render_page(
    window: WindowSnapshot,
    result: PipelineResult,
    record: Mapping[str, Any],
    truth: Truth | None,
    extras: PageExtras,
) -> str:
    """The page's HTML. Text from users and models is escaped; nothing is loaded from elsewhere."""
    return template("page.html.jinja").render(
        r=record,
        truth=truth,
        title=_title(record),
        extras=extras,
        numbers=_numbers(record),
        anchor=_anchor(window, result),
        timeline=_timeline(window, result),
        strip=_strip(window, result),
        views=_views(window, result, truth),
        plot=_plot(window, result, truth),
        stages=_stages(record.get("seconds") or {}),
        found_color=plots.hex_color(FOUND_COLOR),
        truth_color=plots.hex_color(TRUTH_COLOR),
        window_text=f"{len(window.frames)} frames, {window.seconds:.1f} s",
        version=__version__,
    )


@functools.cache
def template(name: str) -> jinja2.Template:
    """A template of this folder; what is put into it is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _title(record: Mapping[str, Any]) -> str:
    return str(record.get("query") or record.get("label") or "the object in the box")


def _numbers(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures at the top: value, what it is, and a remark."""
    item = record.get("object")
    if not item:
        return []
    x, y, z = item["center"]
    sx, sy, sz = item["size"]
    shown = [
        (
            "size",
            f"{sx:.2f} × {sy:.2f} × {sz:.2f}",
            f"metres, yaw {math.degrees(item['yaw']):.1f}°",
        ),
        ("centre", f"{x:.2f}, {y:.2f}, {z:.2f}", f"metres in {item.get('frame_id') or 'the map'}"),
        ("seen in", f"{item['views']} views", f"{item['points']} points"),
    ]
    if record.get("iou") is not None:
        shown.append(("overlap with the truth", f"{record['iou']:.2f}", "3D IoU, 1 = the same"))
    else:
        shown.append(("confidence", f"{item['confidence']:.2f}", "0 to 1"))
    total = (record.get("seconds") or {}).get("total")
    if total is not None:
        shown.append(("answered in", f"{total:.2f} s", "all stages"))
    return [{"what": what, "value": value, "note": note} for what, value, note in shown]


def _anchor(window: WindowSnapshot, result: PipelineResult) -> dict[str, str] | None:
    if not result.grounding.found:
        return None
    image = pictures.anchor_picture(window, result.grounding, result.track)
    frame = window.at(result.grounding.anchor_stamp_ns)
    return {"url": pictures.data_url(image, 960), "time": f"{window.time_of(frame):.1f} s"}


def _timeline(window: WindowSnapshot, result: PipelineResult) -> dict[str, Any]:
    """Marks in per cent of the window: frames with a mask, and the anchor."""
    length = max(window.seconds, 1e-9)

    def place(frame: RgbdFrame) -> float:
        return round(100.0 * window.time_of(frame) / length, 2)

    seen = pictures.seen_frames(window, result.track)
    width = round(max(0.4, 115.0 / max(1, len(window.frames))), 2)
    anchor = None
    if result.grounding.found:
        anchor = place(window.at(result.grounding.anchor_stamp_ns))
    return {
        "seen": [place(frame) for frame in seen],
        "width": width,
        "anchor": anchor,
        "end": f"{window.seconds:.1f} s",
        "span": [window.time_of(frame) for frame in (seen[0], seen[-1])] if seen else None,
        "text": f"{len(seen)} of {len(window.frames)} frames show it",
    }


def _strip(window: WindowSnapshot, result: PipelineResult) -> list[dict[str, str]]:
    frames = pictures.evenly(pictures.seen_frames(window, result.track), STRIP_FRAMES)
    return [
        {
            "url": pictures.data_url(pictures.masked_picture(frame, result.track), 360),
            "caption": f"{window.time_of(frame):.1f} s",
        }
        for frame in frames
    ]


def _views(
    window: WindowSnapshot, result: PipelineResult, truth: Truth | None
) -> list[dict[str, str]]:
    if result.lifted is None:
        return []
    box = result.lifted.box
    seen = pictures.seen_frames(window, result.track)
    return [
        {
            "url": pictures.data_url(pictures.boxed_picture(frame, box, truth), 640),
            "caption": f"{window.time_of(frame):.1f} s",
        }
        for frame in pictures.different_views(seen, box, VIEW_FRAMES)
    ]


def _plot(window: WindowSnapshot, result: PipelineResult, truth: Truth | None) -> str | None:
    """The three plots; None without matplotlib, which is not among what a robot needs."""
    if result.lifted is None:
        return None
    seen = pictures.seen_frames(window, result.track)
    cameras = np.array([frame.T_world_camera[:3, 3] for frame in seen]).reshape(-1, 3)
    try:
        return plots.views_plot(result.lifted, truth, cameras)
    except ModuleNotFoundError:
        return None


def _stages(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    total = max(seconds.get("total", 0.0), 1e-9)
    return [
        {"name": name, "seconds": value, "share": round(min(100.0, 100.0 * value / total), 1)}
        for name, value in seconds.items()
        if value or name == "total"
    ]
