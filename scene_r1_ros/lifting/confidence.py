"""How likely a lifted box is right: the chance that it and the true box overlap by half or more.

Three things that lifting knows decide about it:

* ``thin``: the box's shortest side over the noise of one reading at the box's distance. Two
  centimetres of error halve a picture's overlap and are nothing to a sofa.
* ``whole``: the largest solid angle in which the object was seen without the image's border
  cutting it.
* ``around``: the largest angle between two directions from which it was seen.

    confidence = 1 / (1 + exp(-(a + b ln thin + c ln whole + d around)))

The weights are a logistic regression on objects of synthetic rooms that were tracked from a true
box, in all their frames and in few (``python -m scene_r1_training.evaluation.confidence_fit``).
So the number holds for rooms and sensors like those; that the right thing was tracked at all is
for the grounding's own confidence to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Box3D
from ..tracking.depth_surface import depth_noise
from .views import ObjectView

WEIGHTS = (2.096, 0.116, 0.286, 1.175)
"""a, b, c, d of the formula above."""
_SMALLEST = 1e-4
"""Solid angle in steradian from which on it counts: a thumbnail at two metres."""


@dataclass(frozen=True)
class BoxEvidence:
    """What speaks for a box: ``thin`` (no unit), ``whole`` in steradian, ``around`` in radians."""

    thin: float
    whole: float
    around: float

    @property
    def terms(self) -> tuple[float, float, float, float]:
        """What the weights are multiplied with."""
        return 1.0, float(np.log(self.thin)), float(np.log(self.whole)), self.around

    @property
    def confidence(self) -> float:
        """The chance, 0 to 1."""
        return float(1 / (1 + np.exp(-np.dot(WEIGHTS, self.terms))))


def box_evidence(box: Box3D, views: Sequence[ObjectView]) -> BoxEvidence:
    """What the ``views`` that a box was lifted from say about it; there must be one."""
    cameras = np.array([view.frame.T_world_camera[:3, 3] for view in views])
    to_cameras = cameras - np.asarray(box.center)
    distances = np.linalg.norm(to_cameras, axis=1)
    directions = to_cameras / np.maximum(distances, 1e-6)[:, None]
    widest = np.clip((directions @ directions.T).min(), -1.0, 1.0)
    noise = float(depth_noise(np.median(distances)))
    whole = max((_solid_angle(view) for view in views if not _is_cut(view.mask)), default=0.0)
    return BoxEvidence(
        max(min(box.size), 1e-3) / noise, max(whole, _SMALLEST), float(np.arccos(widest))
    )


def _solid_angle(view: ObjectView) -> float:
    camera = view.frame.intrinsics
    return float(view.mask.sum()) / (camera.fx * camera.fy)


def _is_cut(mask: NDArray[np.bool_], margin: int = 2) -> bool:
    """Whether more than a corner of the mask lies at the image's border."""
    inner = mask[margin:-margin, margin:-margin]
    at_border = int(mask.sum()) - int(inner.sum())
    return at_border > 0.2 * np.sqrt(mask.sum())
