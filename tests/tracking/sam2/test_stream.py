"""Live tracking: objects get lost and are found again, and never swap names."""

from __future__ import annotations

import numpy as np
import pytest
from sam2_builders import BLUE, GREEN, RED, Card, ColorEngine, card_frame, color_mask, iou

from scene_r1_ros.errors import TrackingError
from scene_r1_ros.tracking.sam2 import ObjectStatus, Prompt, Sam2Config, Sam2Stream
from scene_r1_ros.tracking.sam2.assist import Outcome

TARGET = Card(-0.4, 0, 1.5, 0.4, 0.5, RED)
SCREEN = Card(-0.0267, 0, 0.7, 0.26, 0.34, BLUE)
TWIN = Card(0.35, 0, 1.5, 0.3, 0.3, RED)
BOX = (43, 37, 79, 82)


def frame(camera_x, stamp, cards=(TARGET, SCREEN)):
    return card_frame(list(cards), camera_x, stamp)


def statuses(stream, object_id, cameras, cards=(TARGET, SCREEN), start=1):
    updates = [stream.update(frame(x, start + i, cards)) for i, x in enumerate(cameras)]
    return [update[object_id].status for update in updates]


def test_new_frames_are_tracked_as_they_come():
    stream = Sam2Stream(ColorEngine(), Sam2Config())
    assert stream.update(frame(-0.2, 0)) == {}
    stream.add(1, frame(-0.2, 0), Prompt(box_xyxy=BOX))
    for i, x in enumerate((-0.18, -0.15, -0.12)):
        seen = frame(x, i + 1)
        update = stream.update(seen)[1]
        assert update.status is ObjectStatus.TRACKED
        assert update.mask.stamp_ns == i + 1
        assert iou(update.mask.mask, color_mask(seen, RED)) > 0.8


@pytest.mark.parametrize("cards", [(TARGET, SCREEN), (TARGET, SCREEN, TWIN)])
def test_a_hidden_object_is_reported_lost_and_found_again_in_its_place(cards):
    stream = Sam2Stream(ColorEngine(), Sam2Config(lost_after=3))
    stream.add(1, frame(-0.2, 0, cards), Prompt(box_xyxy=BOX))
    cameras = [-0.1, 0.3, 0.3, 0.3, 0.3, -0.1, -0.2]
    assert statuses(stream, 1, cameras, cards) == [
        ObjectStatus.TRACKED,
        ObjectStatus.MISSED,
        ObjectStatus.MISSED,
        ObjectStatus.LOST,
        ObjectStatus.LOST,
        ObjectStatus.FOUND_AGAIN,
        ObjectStatus.TRACKED,
    ]


def test_without_geometry_a_twin_is_taken_for_the_object():
    """What the place of an object is needed for."""
    stream = Sam2Stream(ColorEngine(), Sam2Config(geometry="off"))
    cards = (TARGET, SCREEN, TWIN)
    stream.add(1, frame(-0.2, 0, cards), Prompt(box_xyxy=BOX))
    assert statuses(stream, 1, [0.3], cards) == [ObjectStatus.TRACKED]


def test_two_alike_objects_keep_their_names():
    twin = Card(0.4, 0, 1.5, 0.4, 0.5, RED)
    cards = (TARGET, twin)
    stream = Sam2Stream(ColorEngine(), Sam2Config())
    stream.add(1, frame(0.0, 0, cards), Prompt(box_xyxy=(24, 37, 60, 82)))
    stream.add(2, frame(0.0, 0, cards), Prompt(box_xyxy=(99, 37, 135, 82)))
    for i, x in enumerate((0.02, 0.05, 0.08)):
        update = stream.update(frame(x, i + 1, cards))
        left, right = (np.nonzero(update[k].mask.mask)[1].mean() for k in (1, 2))
        assert left < 80 < right


def test_when_two_objects_claim_one_mask_only_its_owner_keeps_it():
    """Without geometry nothing but the claim itself can tell."""
    stream = Sam2Stream(ColorEngine(), Sam2Config(geometry="off"))
    cards = (TARGET, Card(0.4, 0, 1.5, 0.3, 0.4, RED))
    stream.add(1, frame(0.0, 0, cards), Prompt(box_xyxy=(24, 37, 60, 82)))
    stream.add(2, frame(0.0, 0, cards), Prompt(box_xyxy=(103, 41, 130, 77)))
    update = stream.update(frame(0.02, 1, cards))
    assert [update[k].mask is not None for k in (1, 2)] == [True, False]
    assert update[2].status is ObjectStatus.MISSED


def test_memory_stays_bounded_over_a_long_stream_with_objects_coming_and_going():
    stream = Sam2Stream(ColorEngine(image_size=128), Sam2Config(image_size=128))
    sizes = []
    for i in range(400):
        now = frame(-0.2 + 0.0002 * i, 2 * i)
        if i % 50 == 0:
            stream.add(i, now, Prompt(box_xyxy=(35, 40, 77, 80)))
        if i % 50 == 40:
            stream.remove(i - 40)
        stream.update(frame(-0.2 + 0.0002 * i, 2 * i + 1))
        sizes.append(stream.nbytes)
    assert max(sizes[350:390]) == max(sizes[:50])
    assert sizes[-1] == 0


def test_a_correction_in_the_newest_frame_brings_an_object_back():
    stream = Sam2Stream(ColorEngine(), Sam2Config(lost_after=1))
    cards = (TARGET, SCREEN, Card(0.6, 0, 2.0, 0.3, 0.3, GREEN))
    stream.add(1, frame(-0.2, 0, cards), Prompt(box_xyxy=BOX))
    assert statuses(stream, 1, [0.3]) == [ObjectStatus.LOST]
    stream.add(1, frame(-0.2, 5, cards), Prompt(box_xyxy=BOX))
    assert statuses(stream, 1, [-0.15], start=6) == [ObjectStatus.TRACKED]


def test_running_out_of_gpu_memory_is_told_and_tracking_goes_on():
    engine = ColorEngine(fail_at=3)
    stream = Sam2Stream(engine, Sam2Config())
    stream.add(1, frame(-0.2, 0), Prompt(box_xyxy=BOX))
    assert statuses(stream, 1, [-0.2, -0.15, -0.1]) == [ObjectStatus.TRACKED] * 3
    assert engine.moved_to == ["cpu"]
    assert stream.notes == ["the GPU's memory ran out; tracking goes on on the CPU, more slowly"]


def test_removing_an_unknown_object_is_an_error():
    with pytest.raises(TrackingError, match="no object 4"):
        Sam2Stream(ColorEngine()).remove(4)


def test_geometry_does_not_overrule_a_prompt():
    """An object was carried elsewhere and is pointed at anew."""
    stream = Sam2Stream(ColorEngine(), Sam2Config())
    stream.add(1, frame(-0.2, 0, [TARGET]), Prompt(box_xyxy=BOX))
    moved = frame(-0.2, 1, [Card(0.3, 0, 1.5, 0.4, 0.5, RED)])
    stream.add(1, moved, Prompt(box_xyxy=(107, 37, 145, 82)))
    update = stream.update(moved)[1]
    assert update.status is ObjectStatus.TRACKED
    assert iou(update.mask.mask, color_mask(moved, RED)) > 0.8
    back = frame(-0.2, 2, [TARGET])
    assert stream.update(back)[1].outcome is Outcome.VETOED
