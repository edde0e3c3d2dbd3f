"""Walls and fronts of furniture about an object, and what of it lies near or in their planes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rgbd_scenes import Scene, Sensor, Thing, View, block, box_of

from scene_r1_ros.control import Control
from scene_r1_ros.tracking import GeometricTracker

SMALL = Sensor(width=320, height=240, seed=3)


def tracked(scene: Scene, thing: int, anchor: int = 3):
    """Share of a thing's pixels that are found, and pixels too many as a share of them."""
    window, ids = scene.render()
    stamp = window.frames[anchor].stamp_ns
    track = GeometricTracker().track(window, stamp, box_of(ids[anchor], thing), Control())
    truth = np.stack([image == thing for image in ids])
    found = np.stack(
        [
            np.zeros(image.shape, bool) if (item := track.at(frame.stamp_ns)) is None else item.mask
            for frame, image in zip(window.frames, ids, strict=True)
        ]
    )
    return (found & truth).sum() / truth.sum(), (found & ~truth).sum() / truth.sum()


def test_a_shade_in_the_plane_of_the_dresser_below_it_is_no_part_of_the_dresser():
    foot = ("box", (0.0, 0.0, 0.1), (0.12, 0.12, 0.2))
    shade = ("box", (0.0, 0.0, 0.27), (0.36, 0.3, 0.14))
    lamp = Thing("lamp", [foot, shade], (200, 60, 50)).placed(0.0, 1.0, 0.8)
    dresser = block("dresser", (1.1, 0.3, 0.8), (90, 110, 170)).placed(0.0, 1.0, 0.0)
    view = View((0.0, 1.0, 0.9), radius=2.4, height=0.35, start=-112, end=-68, frames=8)
    share, too_many = tracked(Scene("dresser", [dresser, lamp], view, sensor=SMALL), 1)
    assert share > 0.45  # the sensor sees the rest of it in no view
    assert too_many < 0.1


def test_a_far_thing_before_a_wall_does_not_take_the_wall_beside_it():
    case = block("case", (0.4, 0.3, 0.45), (60, 90, 160)).placed(0.0, 1.74, 0.0)
    view = View((0.0, 1.7, 0.4), radius=3.8, height=0.9, start=-140, end=-110, frames=8)
    noisy = replace(SMALL, noise=1.6)
    share, too_many = tracked(Scene("case", [case], view, sensor=noisy), 0)
    assert share > 0.8
    assert too_many < 0.12
