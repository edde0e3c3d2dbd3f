"""What becomes of a grounding on its way through a message."""

from __future__ import annotations

import dataclasses

import pytest
from scene_r1_msgs.msg import Box2D

from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.ros.conversions import grounding_from_msg, grounding_to_msg

FOUND = Grounding(
    "the mug", True, 3, (2, 5), (1.0, 2.0, 3.0, 4.0), "mug", "when", "where", 0.5, candidates=1
)


@pytest.mark.parametrize("prompt", [None, (0.0, 1.0, 4.0, 5.0)])
def test_a_grounding_comes_back_as_it_was_sent(prompt):
    sent = dataclasses.replace(FOUND, prompt_xyxy=prompt)
    msg = grounding_to_msg(sent, "query-1", "camera")
    assert msg.prompt.x_max == sent.prompt[2]
    assert grounding_from_msg(msg) == sent


def test_who_fills_in_the_box_alone_has_it_for_a_prompt():
    msg = grounding_to_msg(dataclasses.replace(FOUND, prompt_xyxy=(0.0, 1.0, 4.0, 5.0)), "q", "c")
    msg.prompt = Box2D()
    assert grounding_from_msg(msg) == FOUND
