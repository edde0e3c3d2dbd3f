"""From words to the 3D object on a real recording: the model scripted, everything else real."""

from __future__ import annotations

import json
import re

import pytest
import tum_cabinet
from scripted_backend import ScriptedBackend, reply, stage_of

from scene_r1_ros.control import Control
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy, box3d_iou
from scene_r1_ros.lifting import lift
from scene_r1_ros.pipeline import Pipeline
from scene_r1_ros.reasoning.box_lift import agreement, lift_with, median_depth_box
from scene_r1_ros.reasoning.messages import Conversation, pictures
from scene_r1_ros.reasoning.model_frames import box_to_model
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.tracking import GeometricTracker

pytestmark = pytest.mark.skipif(not tum_cabinet.CLIP.is_dir(), reason="the real clip is not here")


def clip() -> WindowSnapshot:
    """Every third frame: enough to see the object all round, and quick."""
    return WindowSnapshot.of(tum_cabinet.window().frames[::3])


def detected(stamp_ns: int) -> BoxXyxy | None:
    return tum_cabinet.detected_boxes().get(tum_cabinet.window().index_of(stamp_ns))


def detector(messages: Conversation) -> str:
    """Answers with what the detector found in the frames it is shown, in thousandths."""
    window = clip()
    if stage_of(messages) == "temporal":
        return reply(f"0.0 to {window.seconds:.1f}")
    for number, picture in enumerate(pictures(messages), start=1):
        seconds = float(re.search(r"t = ([\d.]+)", picture.caption)[1])
        frame = window.nearest(window.start_ns + round(seconds * 1e9))
        found = detected(frame.stamp_ns)
        if found is not None:
            said = box_to_model(found, "thousandths", (1, 1), (640, 480))
            return reply(json.dumps({"view": number, "bbox_2d": said, "label": "cabinet"}))
    return reply("not found")


def test_the_chain_ends_where_the_box_prompt_ends() -> None:
    window = clip()
    reasoner = TwoStageReasoner(ScriptedBackend(detector, "thousandths"))
    pipeline = Pipeline(GeometricTracker(), lambda w, t, c: lift(w, t, c), reasoner)
    asked = pipeline.from_query(window, "the cabinet", Control())
    anchor = asked.grounding.anchor_stamp_ns
    prompted = pipeline.from_box(window, anchor, detected(anchor), "cabinet")
    assert asked.grounding.box_xyxy == pytest.approx(detected(anchor))
    assert box3d_iou(asked.lifted.box, prompted.lifted.box) > 0.99
    assert box3d_iou(asked.lifted.box, tum_cabinet.measured_cabinet()) > 0.7


def test_a_finer_lift_of_one_view_agrees_with_the_quick_one() -> None:
    window = clip()
    stamp_ns = window.frames[0].stamp_ns
    fine = lift_with(GeometricTracker(), lambda w, t, c: lift(w, t, c))
    quick = median_depth_box(window, stamp_ns, detected(stamp_ns))
    assert agreement(fine(window, stamp_ns, detected(stamp_ns)), quick) > 0.8
    assert fine(window, stamp_ns, (0.0, 0.0, 2.0, 2.0)) is None
