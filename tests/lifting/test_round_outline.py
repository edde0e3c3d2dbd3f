"""A round outline is known whole from an arc; nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.lifting.round_outline import round_outline

Y, X = np.mgrid[:120, :120]


def disc(radius=45.0, x=62.0, y=58.0):
    return np.hypot(X - x, Y - y) <= radius


def hidden(*parts):
    """Cells of which nothing is known: rectangles (x0, y0, x1, y1)."""
    out = np.zeros((120, 120), dtype=bool)
    for x0, y0, x1, y1 in parts:
        out[y0:y1, x0:x1] = True
    return out


@pytest.mark.parametrize(
    "covered",
    [(), ((62, 0, 120, 120),), ((0, 70, 120, 120),), ((40, 40, 90, 120), (90, 0, 120, 60))],
)
def test_a_disc_is_known_from_what_is_seen_of_it(covered):
    unknown = hidden(*covered)
    circle = round_outline(disc() & ~unknown, ~disc() & ~unknown)
    assert circle is not None
    assert circle.center == pytest.approx((62, 58), abs=1.0)
    assert circle.radius == pytest.approx(45, abs=1.0)


def test_a_ragged_outline_with_a_cabinet_on_it_is_a_disc():
    rng = np.random.default_rng(0)
    far = np.hypot(X - 62, Y - 58)
    there = far <= 45 + rng.normal(0, 0.8, far.shape)
    cabinet = hidden((30, 92, 95, 120))  # its foot is seen where the disc goes on
    circle = round_outline(there & ~cabinet, ~there | cabinet)
    assert circle is not None
    assert circle.radius == pytest.approx(45, abs=1.5)


@pytest.mark.parametrize("covered", [(), ((62, 0, 120, 120),), ((0, 0, 60, 60),)])
@pytest.mark.parametrize("half", [(45, 45), (50, 30)])
def test_a_rectangle_is_none(covered, half):
    there = (np.abs(X - 60) <= half[0]) & (np.abs(Y - 60) <= half[1])
    unknown = hidden(*covered)
    assert round_outline(there & ~unknown, ~there & ~unknown) is None


def test_a_short_arc_or_no_outline_at_all_is_none():
    unknown = hidden((0, 30, 120, 120))
    assert round_outline(disc() & ~unknown, ~disc() & ~unknown) is None
    assert round_outline(disc(), np.zeros((120, 120), dtype=bool)) is None
