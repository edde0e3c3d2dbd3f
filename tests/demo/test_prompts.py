"""Which object the demonstration asks about, and what is known about it."""

import json

import pytest
from report_builders import ROOM, room_recording

from scene_r1_ros.demo import choose_prompt, truth_of
from scene_r1_ros.errors import NoSuchFrameError, RecordingFormatError, RequestError
from scene_r1_ros.recordings import open_recording


@pytest.fixture
def room(tmp_path):
    return room_recording(tmp_path / "room")


def test_given_box_is_used_as_it_is(room):
    folder, number, box = room
    prompt = choose_prompt(open_recording(folder), number, box, "thing")
    assert (prompt.frame, prompt.box, prompt.label) == (number, box, "thing")


def test_frame_that_is_not_there_is_named(room):
    with pytest.raises(NoSuchFrameError, match="no frame 99"):
        choose_prompt(open_recording(room[0]), 99, (0, 0, 5, 5))


def test_without_annotations_the_needed_flags_are_told(room):
    with pytest.raises(RequestError, match=r"--frame I --box X0 Y0 X1 Y1.*160 x 120.*boxes2d_"):
        choose_prompt(open_recording(room[0]))


def test_best_detected_box_is_used_and_named(room):
    folder = room[0]
    boxes = {"2": [{"xywh": [10, 20, 30, 40], "score": 0.4}], "3": [],
             "4": [{"xywh": [1, 2, 3, 4], "score": 0.9}]}  # fmt: skip
    (folder / "boxes2d_yolo.json").write_text(json.dumps(boxes))
    prompt = choose_prompt(open_recording(folder))
    assert (prompt.frame, prompt.box, prompt.origin) == (4, (1, 2, 4, 6), "boxes2d_yolo.json")
    assert prompt.label == ""  # the folder knows of two objects; which one is not said


def test_malformed_boxes_name_their_file(room):
    (room[0] / "boxes2d_x.json").write_text('{"0": [{"score": 1}]}')
    with pytest.raises(RecordingFormatError, match=r"boxes2d_x\.json"):
        choose_prompt(open_recording(room[0]))


def test_of_annotated_objects_one_on_the_floor_seen_whole_and_often_is_chosen(room):
    def item(label, boxes, **more):
        frames = [{"index": i, "box": list(box), "pixels": 900} for i, box in boxes]
        box = {"center": [0, 0, 0], "size": [1, 1, 1], "yaw": 0.0}
        return {"label": label, "box": box, "frames": frames, **more}

    inside, cut = (20, 20, 60, 60), (0, 20, 60, 60)
    objects = [
        item("window", [(i, inside) for i in range(5)], mounted=True),
        item("cut", [(i, cut) for i in range(9)]),
        item("table", [(i, inside) for i in range(3)], support=None),
        item("vase", [(i, inside) for i in range(4)], support=3),
    ]
    (room[0] / "objects.json").write_text(json.dumps({"objects": objects}))
    prompt = choose_prompt(open_recording(room[0]))
    assert (prompt.label, prompt.origin, prompt.box) == ("table", "objects.json", inside)


def test_truth_is_the_object_that_the_box_means(room):
    folder, number, box = room
    frame = open_recording(folder).frame(number)
    truth = truth_of(folder, frame, box, number)
    assert truth.label == "red"
    assert truth.iou(ROOM.boxes["red"][0]) == pytest.approx(1.0)
    assert truth_of(folder, frame, (0.0, 0.0, 8.0, 8.0), number) is None
    (folder / "objects3d.json").unlink()
    assert truth_of(folder, frame, box, number) is None
