"""Several queries over one recording as one HTML page: each answer beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..errors import RequestError
from ..frames import RgbdFrame, WindowSnapshot
from ..geometry import BoxXyxy
from ..overlay_image import draw_box
from ..pipeline import PipelineResult
from . import pictures, plots
from .drawing import FOUND_COLOR, TRUTH_COLOR
from .page import PageExtras, template
from .truth import Truth

_WIDTH = 640


@dataclass(frozen=True)
class Line:
    """One line of the table: what it is, what was said, what is true, how well they agree."""

    what: str
    said: str
    truth: str
    overlap: str


@dataclass(frozen=True, eq=False)
class QueryCard:
    """One query as the page shows it.

    ``right`` is None where the truth is not known. ``true_view`` is a frame that shows the object
    best, with its true box; it is drawn where no answer is. ``link`` leads to a report of its own.
    """

    query: str
    verdict: str
    right: bool | None
    lines: Sequence[Line]
    rationale: str = ""
    remark: str = ""
    seconds: float | None = None
    result: PipelineResult | None = None
    truth: Truth | None = None
    true_box: BoxXyxy | None = None
    true_view: tuple[RgbdFrame, BoxXyxy] | None = None
    link: str = ""


@dataclass(frozen=True)
class _Picture:
    url: str
    caption: str


def write_queries_page(
    path: Path, window: WindowSnapshot, cards: Sequence[QueryCard], summary: str, extras: PageExtras
) -> None:
    """Write the page; text from users and models is escaped, and nothing is loaded from elsewhere.

    Raises:
        RequestError: if ``path`` cannot be written.
    """
    page = template("queries.html.jinja").render(
        cards=[{"card": card, "pictures": _pictures(window, card)} for card in cards],
        summary=summary,
        extras=extras,
        found_color=plots.hex_color(FOUND_COLOR),
        truth_color=plots.hex_color(TRUTH_COLOR),
        window_text=f"{len(window.frames)} frames, {window.seconds:.1f} s",
        version=__version__,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"the report cannot be written to {path}: {error}.") from error


def _pictures(window: WindowSnapshot, card: QueryCard) -> list[_Picture]:
    result = card.result
    if result is None or not result.grounding.found:
        if card.true_view is None:
            return []
        frame, box = card.true_view
        image = draw_box(frame.color, box, TRUTH_COLOR)
        at = window.time_of(frame)
        return [_Picture(pictures.data_url(image, _WIDTH), f"{at:.1f} s: where it is")]
    frame = window.at(result.grounding.anchor_stamp_ns)
    image = pictures.masked_picture(frame, result.track)
    if card.true_box is not None:
        image = draw_box(image, card.true_box, TRUTH_COLOR)
    image = draw_box(image, result.grounding.box_xyxy, FOUND_COLOR, result.grounding.label)
    caption = f"{window.time_of(frame):.1f} s: box and mask"
    shown = [_Picture(pictures.data_url(image, _WIDTH), caption)]
    if result.lifted is not None:
        seen = pictures.seen_frames(window, result.track)
        for other in pictures.different_views(seen, result.lifted.box, 1):
            image = pictures.boxed_picture(other, result.lifted.box, card.truth)
            caption = f"{window.time_of(other):.1f} s: box in 3D"
            shown.append(_Picture(pictures.data_url(image, _WIDTH), caption))
    return shown
