"""What the demonstration asks: one thing each time, or nothing that is there."""

import dataclasses

import pytest

from scene_r1_ros.demo import choose_queries, users_query
from scene_r1_ros.demo.annotations import AnnotatedObject, SeenIn
from scene_r1_ros.demo.source import SEED
from scene_r1_ros.errors import RequestError
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.synthetic.splits import split_of

BOX = Box3D((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0)


def thing(label, color, frames=3, pixels=900):
    seen = tuple(SeenIn(i, (20, 20, 60, 60), pixels) for i in range(frames))
    return AnnotatedObject(label, BOX, True, seen, color)


def asked(*objects, targets=3):
    return [query.text for query in choose_queries(objects, 160, 120, targets)]


def test_its_room_is_none_that_is_trained_on():
    assert split_of(SEED) == "test"


def test_best_shown_objects_are_asked_for_by_colour_and_kind():
    room = (thing("sofa", "blue", 2), thing("bed", "red", 9), thing("plant", "green", 4))
    assert asked(*room, targets=2)[:2] == ["the red bed", "the green plant"]


def test_each_query_is_of_another_kind():
    room = [thing("box", color, 5) for color in ("red", "blue")] + [thing("plant", "green", 2)]
    assert asked(*room)[1] == "the green plant"


@pytest.mark.parametrize("other", [
    thing("sofa", "blue", 0), thing("armchair", "blue", 0), thing("office chair", "blue", 0),
])  # fmt: skip
def test_what_could_mean_two_things_is_not_asked(other):
    room = [thing("armchair", "blue", 9), other, thing("plant", "red", 1)]
    assert asked(*room)[0] == "the red plant"


def test_what_no_frame_shows_whole_is_not_asked():
    plant = thing("plant", "red", 1)
    assert asked(thing("sofa", "blue", 0), plant)[0] == "the red plant"
    assert asked(thing("sofa", "blue", 3, pixels=20), plant)[0] == "the red plant"


def test_flat_things_and_things_on_others_are_left_out():
    rug = dataclasses.replace(
        thing("rug", "red", 9), box=dataclasses.replace(BOX, size=(2.0, 1.0, 0.01))
    )
    lamp = dataclasses.replace(thing("table lamp", "pink", 8), on_floor=False)
    assert asked(rug, lamp, thing("plant", "green", 1))[0] == "the green plant"


def test_the_last_query_means_nothing_in_the_room():
    last = choose_queries([thing("bed", "blue"), thing("sofa", "red")], 160, 120)[-1]
    assert last.absent
    assert last.target is None
    assert last.text == "the white bathtub"


def test_without_anything_fit_nothing_is_asked():
    assert asked(thing("cabinet", "")) == []
    assert asked() == []


def test_truth_of_a_users_words_is_known_if_they_name_one_object():
    room = [thing("sofa", "blue"), thing("box", "red"), thing("box", "red")]
    assert users_query("The blue sofa", room).target is room[0]
    assert users_query("the red box", room).target is None
    unsure = users_query("something to sit on", room)
    assert (unsure.target, unsure.absent) == (None, False)
    with pytest.raises(RequestError, match="holds no words"):
        users_query("  ", room)
