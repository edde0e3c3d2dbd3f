"""Colours out of descriptions: only the one that is said of the thing itself."""

from __future__ import annotations

import pytest
from scene_r1_training.examples.colors import color_named


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("this is a red chair. it is next to the white desk.", "red"),
        ("look for the grey sofa", "gray"),
        ("Brown wooden table", "brown"),
        ("of these, find the black box that is farthest from the lamp", "black"),
        ("the largest blue sofa.", "blue"),
        ("all the pink pillows", "pink"),
        ("the cabinet closest to the orange desk", ""),
        ("this is a plant. it is left of the white tv", ""),
        ("a redwood table", ""),
        ("", ""),
    ],
)
def test_color_is_that_of_what_is_described(text, color):
    assert color_named(text) == color
