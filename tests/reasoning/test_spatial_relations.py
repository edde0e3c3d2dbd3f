"""Relations between rough boxes, against cases that people would agree on."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.geometry import Box3D
from scene_r1_ros.reasoning.spatial_query import PHRASES, SUPERLATIVES
from scene_r1_ros.reasoning.spatial_relations import degree, degrees, gap, selected

EYE = (0.0, -3.0)
"""Looks along y at what is at the origin: left is -x."""


def box(x: float, y: float, z: float = 0.3, side: float = 0.4) -> Box3D:
    return Box3D((x, y, z), (side, side, side))


TABLE = Box3D((0.0, 0.0, 0.35), (1.2, 0.8, 0.7))


@pytest.mark.parametrize(
    ("relation", "holds", "fails"),
    [
        ("left", box(-1.2, 0), box(1.2, 0)),
        ("right", box(1.2, 0), box(-1.2, 0)),
        ("behind", box(0, 1.2), box(0, -1.2)),
        ("in_front", box(0, -1.2), box(0, 1.2)),
        ("next_to", box(1.0, 0), box(3.0, 0)),
        ("on", box(0.2, 0.1, 0.8, 0.2), box(0.2, 0.1, 0.1, 0.2)),
        ("on", box(0.2, 0.1, 0.8, 0.2), box(2.0, 0.1, 0.8, 0.2)),
        ("in", box(0.2, 0.1, 0.4, 0.2), box(2.0, 0.1, 0.4, 0.2)),
        ("in", box(0.2, 0.1, 0.4, 0.2), box(0.2, 0.1, 1.6, 0.2)),
        ("above", box(0.0, 0.5, 1.6), box(2.0, 0.5, 1.6)),
        ("under", box(0.2, 0.1, 0.1, 0.2), box(0.2, 0.1, 0.8, 0.2)),
        ("left", box(-1.2, 0), box(-1.0, 4.0)),  # far behind is no longer beside
    ],
)
def test_what_holds_has_a_high_degree_and_what_does_not_a_low_one(relation, holds, fails):
    assert degree(relation, holds, [TABLE], EYE) > 0.7
    assert degree(relation, fails, [TABLE], EYE) < 0.2


def test_left_changes_sides_with_the_viewer():
    assert degree("left", box(-1.2, 0), [TABLE], (0.0, 3.0)) < 0.2


def test_between_is_the_middle_of_the_way():
    ends = [box(-2, 0), box(2, 0)]
    assert degree("between", box(0.1, 0.1), ends, EYE) > 0.8
    assert degree("between", box(0.0, 2.5), ends, EYE) < 0.1
    assert degree("between", box(2.8, 0.0), ends, EYE) < 0.1
    assert degree("between", box(0.0, 0.0), [box(0, 0), box(0.1, 0)], EYE) == 0.0


@pytest.mark.parametrize(("relation", "first"), [("closest", 0), ("farthest", 2)])
def test_the_nearest_and_the_farthest_are_picked(relation, first):
    things = [box(1, 0), box(2.5, 0), box(4, 0)]
    held = selected(relation, things, TABLE, np.ones(3))
    assert held.argmax() == first
    assert held[first] > 0.9
    assert np.delete(held, first).max() < 0.1


def test_what_is_hardly_there_takes_little_from_what_is():
    things = [box(1, 0), box(3, 0)]
    held = selected("closest", things, TABLE, np.array([0.05, 0.9]))
    assert held[1] > 0.9


@pytest.mark.parametrize(("relation", "first"), [("largest", 2), ("smallest", 0), ("tallest", 2)])
def test_sizes_are_compared_by_their_ratio(relation, first):
    things = [box(0, 0, side=s) for s in (0.2, 0.4, 0.8)]
    assert selected(relation, things, None, np.ones(3)).argmax() == first


def test_a_landmark_is_not_what_is_looked_for():
    things = [TABLE, box(1.0, 0)]
    held = degrees("next_to", things, np.ones(2), [TABLE], [TABLE], EYE)
    assert held[0] < 0.01
    assert held[1] > 0.7
    # nor does it stand in the way of what is closest to it
    assert degrees("closest", things, np.ones(2), [TABLE], [TABLE], EYE)[1] > 0.9
    assert degrees("closest", [], np.zeros(0), [TABLE], [TABLE], EYE).shape == (0,)


@pytest.mark.parametrize(
    ("relation", "thing"),
    [("on", Box3D((0.0, 0.0, 0.75), (0.1, 0.1, 0.1))), ("under", box(0.0, 0.0, 0.15, 0.3))],
)
def test_what_lies_at_the_middle_of_a_larger_landmark_is_not_the_landmark(relation, thing):
    (held,) = degrees(relation, [thing], np.ones(1), [TABLE], [TABLE], EYE)
    assert held > 0.6


def test_flat_things_are_compared_by_their_faces():
    wide, noisy = Box3D((0, 0, 1), (1.0, 0.03, 0.6)), Box3D((2, 0, 1), (0.5, 0.15, 0.4))
    assert selected("largest", [wide, noisy], None, np.ones(2)).argmax() == 0


def test_every_relation_that_is_read_can_be_judged():
    for relation in [*PHRASES, *SUPERLATIVES.values()]:
        landmarks = [TABLE, box(3, 0)] if relation == "between" else [TABLE]
        held = degrees(relation, [box(1, 0), box(2, 1)], np.ones(2), landmarks, landmarks, EYE)
        assert held.shape == (2,)
        assert ((held >= 0) & (held <= 1)).all()


def test_gaps_are_from_side_to_side():
    assert gap(box(0, 0), box(1, 0)) == pytest.approx(0.6)
    assert gap(box(0, 0), box(0.2, 0)) == 0.0
    assert gap(box(0, 0, 0.2), box(1, 0, 3.0), flat=True) == pytest.approx(0.6)
