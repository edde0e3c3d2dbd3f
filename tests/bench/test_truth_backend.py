"""The stand-in for a model answers as the recording's truth says."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.bench.truth_backend import TruthBackend
from scene_r1_ros.control import Control
from scene_r1_ros.demo.annotations import AnnotatedObject, SeenIn
from scene_r1_ros.errors import BackendError
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.reasoning.backends import Limits
from scene_r1_ros.reasoning.messages import Message, Picture
from scene_r1_ros.reasoning.prompts import TimedImage, image_prompt, temporal_prompt

IMAGE = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture
def backend():
    seen = (SeenIn(1, (8, 8, 16, 16), 40), SeenIn(2, (16, 12, 32, 36), 90), SeenIn(3, (0,) * 4, 2))
    item = AnnotatedObject("mug", Box3D((0, 0, 0), (1, 1, 1)), True, seen)
    return TruthBackend(item, {0: 0.0, 1: 0.2, 2: 0.4, 3: 0.6}, (64, 48))


def says(backend, messages):
    return backend.generate(messages, Control(), Limits()).text.split("<answer>")[1]


def frames(*seconds):
    return [TimedImage(IMAGE, value) for value in seconds]


def test_it_names_the_span_in_which_the_object_shows_well(backend):
    assert says(backend, temporal_prompt("mug", frames(0.0, 0.2, 0.4))).startswith("0.2 to 0.4<")


def test_it_boxes_the_object_in_its_largest_view(backend):
    answer = says(backend, image_prompt("mug", frames(0.2, 0.4)))
    assert '"view": 2' in answer
    assert '"bbox_2d": [0.25, 0.25, 0.5, 0.75]' in answer


def test_it_finds_nothing_where_the_object_is_not(backend):
    assert says(backend, image_prompt("mug", frames(0.0))).startswith("not found")


def test_a_picture_without_a_time_is_an_error(backend):
    with pytest.raises(BackendError, match="does not say its time"):
        says(backend, (Message("user", (Picture(IMAGE, "a mug"),)),))
