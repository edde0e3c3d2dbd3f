"""Judging places by the relation that a query states, once its landmarks are found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..frames import WindowSnapshot
from ..geometry import Box3D, Float64
from .spatial_query import SpatialQuery
from .spatial_relations import DIRECTED, degrees
from .trace import QueryTrace
from .voting import Judge, Place

FOUND = 0.05
"""Confidence of a place from which on a landmark counts as found."""
NEAR_M = 0.5
"""So near to a thing nobody tells what is left of it."""


def judge_by(
    spatial: SpatialQuery,
    found: Mapping[str, Place | None],
    window: WindowSnapshot,
    trace: QueryTrace,
) -> Judge | None:
    """A judge of places by ``spatial``; None if one of the things it needs was not ``found``, or
    if left and right cannot be told.

    What is seen from no viewpoint that is named is seen from where the camera was, in the
    median: people face a thing from there too. The trace is told where the landmarks are and how
    far the relation holds for each place.
    """
    boxes: list[Box3D] = []
    for name in spatial.things[1:]:
        place = found.get(name)
        if place is None or place.confidence < FOUND:
            _note_alone(trace, spatial, f"{name!r} was not found")
            return None
        boxes.append(place.box)
    landmarks = boxes[: len(spatial.landmarks)]
    eye = boxes[-1].center[:2] if spatial.viewpoint else _camera(window)
    if spatial.relation in DIRECTED and math.dist(eye, landmarks[0].center[:2]) < NEAR_M:
        _note_alone(trace, spatial, f"{spatial.landmarks[0]!r} is where one would stand")
        return None

    def judge(places: Sequence[Place]) -> Float64:
        things = [place.box for place in places]
        presence = np.array([place.confidence for place in places])
        held = degrees(spatial.relation, things, presence, landmarks, boxes, eye)
        told = [
            {
                "center": [round(v, 2) for v in place.box.center],
                "confidence": round(place.confidence, 3),
                "degree": round(degree, 3),
            }
            for place, degree in zip(places, held.tolist(), strict=True)
        ]
        where = _where(spatial.things[1:], boxes)
        trace.add_choice("relation", spatial.said, "geometry", where, told)
        return held

    return judge


def _note_alone(trace: QueryTrace, spatial: SpatialQuery, why: str) -> None:
    alone = f"{why}, so the model's reading alone counts"
    trace.add_choice("relation", spatial.said, "geometry", alone)


def _where(names: Sequence[str], boxes: Sequence[Box3D]) -> str:
    return "; ".join(
        f"{name!r} is at ({', '.join(f'{v:.2f}' for v in box.center)}) m"
        for name, box in zip(names, boxes, strict=True)
    )


def _camera(window: WindowSnapshot) -> tuple[float, float]:
    x, y = np.median([frame.T_world_camera[:2, 3] for frame in window.frames], axis=0).tolist()
    return (x, y)
