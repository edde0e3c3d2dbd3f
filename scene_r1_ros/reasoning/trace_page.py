"""A trace as one HTML page that needs nothing else: pictures inside, no scripts."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .voting import AGREEING

if TYPE_CHECKING:
    import jinja2

BAR_KEYS = ("score", "visibility", "sharpness", "motion", "distance", "agreement", "degree")
"""Scores in 0..1 that the page shows as bars."""

CLOSER = "closer"
"""Stage of calls whose pictures are parts of frames."""
IN_STRIPS = ("vote", "locate", CLOSER)
"""Stages that are shown as strips of pictures."""
STAGE_TITLES = {
    "temporal": "Stage 1 · when is it visible?",
    "image": "Stage 2 · which view, and where in it?",
    "verify": "Check · is it there in another view?",
    "vote": "Vote · is it in this frame, and where?",
    "locate": "Vote · is what the query names in this frame, and where?",
    CLOSER: "Vote · is it in this part of the frame, enlarged, and where?",
    "answer": "Answering the question",
}


def render_page(record: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """HTML of a trace from its JSON form and its JPEG pictures by key.

    Everything that a user or a model wrote is escaped; the page loads nothing and runs nothing.
    """
    from .trace_store import outcome_of

    images = {
        key: "data:image/jpeg;base64," + base64.b64encode(data).decode()
        for key, data in pictures.items()
    }
    return _template().render(
        t=record,
        images=images,
        outcome=outcome_of(dict(record)),
        timeline=_timeline(record),
        answer_picture=_answer_picture(record),
        strips=_strips(record),
        in_strips=IN_STRIPS,
        titles=STAGE_TITLES,
        bar_keys=BAR_KEYS,
    )


@functools.cache
def _template() -> jinja2.Template:
    import jinja2

    source = Path(__file__).with_name("trace_page.html.jinja").read_text()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)


def _timeline(record: Mapping[str, Any]) -> dict[str, Any]:
    """Marks in per cent of the window: frames seen by stage 1, the span, the anchor."""
    window = record["window"]
    start, length = window["start_ns"], max(1, window["end_ns"] - window["start_ns"])

    def place(stamp_ns: int) -> float:
        return round(100.0 * (stamp_ns - start) / length, 2)

    seen = {s for call in record["calls"] for s in call["stamps_ns"]}
    result = record["result"]
    span = result.get("span")
    shown = span and (record["kind"] == "answer" or span != [0, 0]) and tuple(span) != (0, 0)
    return {
        "seen": sorted(place(s) for s in seen),
        "span": (place(span[0]), place(span[1])) if shown else None,
        "anchor": place(result["anchor_stamp_ns"]) if result.get("found") else None,
    }


def _answer_picture(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The picture of the anchor frame with the box of the result, if the model was shown it."""
    result = record["result"]
    if not result.get("found"):
        return None
    size = record["window"].get("frame_size")
    said = result.get("prompt_xyxy") or result["box_xyxy"]
    for call in reversed(record["calls"]):
        if call["stage"] == CLOSER:
            continue
        keys = image_keys(call)
        for number, stamp in enumerate(call["stamps_ns"]):
            boxes = (b for b in call["boxes"] if b["image"] == number)
            drawn = [b for b in boxes if size is None or _is_box(b, said, size)]
            if stamp == result["anchor_stamp_ns"] and drawn and number < len(keys):
                return {"key": keys[number], "boxes": [_moved(drawn[0], result["box_xyxy"], size)]}
    alone = [call for call in record["calls"] if _of_anchor(call, result)]
    shown = [call for call in alone if call["stage"] != CLOSER]
    if shown and len(shown) < len(alone):  # what was said of its part is drawn on the whole
        box = {"image": 0, "label": result["label"]}
        return {"key": image_keys(shown[0])[0], "boxes": [_moved(box, result["box_xyxy"], size)]}
    return None


def _of_anchor(call: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a call was about the anchor frame alone."""
    return bool(call["stamps_ns"] == [result["anchor_stamp_ns"]])


def _moved(
    drawn: dict[str, Any], box: Sequence[float], size: Sequence[int] | None
) -> dict[str, Any]:
    """A drawn box, in shares of the frame, put where ``box`` is in a frame of ``size``."""
    if size is None:
        return drawn
    return drawn | {"box": [pixel / side for pixel, side in zip(box, (*size, *size), strict=True)]}


def _is_box(drawn: Mapping[str, Any], box: Sequence[float], size: Sequence[int]) -> bool:
    """Whether a drawn box, in shares of the frame, is ``box`` in pixels of a frame of ``size``."""
    pairs = zip(drawn["box"], box, (*size, *size), strict=True)
    return all(abs(share * side - pixel) < 0.5 for share, pixel, side in pairs)


def _strips(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The frames that voted, a strip for each question that they were asked."""
    asked: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for call in record["calls"]:
        if call["stage"] in IN_STRIPS:
            asked.setdefault((call["stage"], call.get("about", "")), []).append(call)
    agreement = _agreement(record)
    strips = []
    for (stage, about), calls in asked.items():
        title = f"where is {about or 'it'} in each of {len(calls)} frames?"
        if stage == CLOSER:
            title = f"where is {about or 'it'}, seen from closer? "
            title += f"Parts around small boxes: {len(calls)}"
        votes = [_vote(record, call, agreement) for call in calls]
        strips.append({"title": title, "calls": calls, "votes": votes})
    return strips


def _agreement(record: Mapping[str, Any]) -> dict[float, float]:
    """How well each frame agrees with the elected place, by seconds in the window."""
    told = (choice for choice in record["choices"] if choice["what"] == "anchor")
    return {c["time"]: c["agreement"] for choice in told for c in choice["candidates"]}


def _vote(
    record: Mapping[str, Any], call: Mapping[str, Any], agreement: Mapping[float, float]
) -> dict[str, Any]:
    """One frame's picture, box, and whether it is the elected place ("agrees"), another one
    ("elsewhere") or a thing that is not looked for ("")."""
    (stamp_ns,), (key,) = call["stamps_ns"], image_keys(call)
    time = round((stamp_ns - record["window"]["start_ns"]) * 1e-9, 3)
    anchor = record["result"].get("anchor_stamp_ns")
    place = ""
    if call["boxes"] and not call.get("about"):
        agrees = stamp_ns == anchor or agreement.get(time, 0.0) >= AGREEING
        place = "agrees" if agrees else "elsewhere"
    said = "" if call["boxes"] else " · not found" if call["usable"] else " · not usable"
    caption = f"{time:.1f} s{said}"
    return {"key": key, "boxes": call["boxes"], "place": place, "caption": caption}


def image_keys(call: Mapping[str, Any]) -> list[str]:
    """Keys of a call's pictures, in order."""
    parts = (part for turn in call["prompt"] for part in turn["parts"])
    return [part["image"] for part in parts if "image" in part]
