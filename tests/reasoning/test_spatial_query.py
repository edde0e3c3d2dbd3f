"""What a sentence says of a place or a size, and what it leaves to the model."""

from __future__ import annotations

import time

import pytest

from scene_r1_ros.reasoning.spatial_query import SpatialQuery, parse_spatial


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("the red chair closest to the door", ("red chair", "closest", "door")),
        ("This is a ball. It is the one nearest to the cabinet.", ("ball", "closest", "cabinet")),
        ("of these, find the box that is nearest the bed", ("box", "closest", "bed")),
        ("look for the bed furthest away from the desk", ("bed", "farthest", "desk")),
        ("the rug is between the sofa and a white door", ("rug", "between", "sofa", "white door")),
        ("Where is the mug on the table?", ("mug", "on", "table")),
        ("is there a book inside the basket?", ("book", "in", "basket")),
        ("lamp that hangs on the wall above the desk", ("lamp", "above", "desk")),
        ("the shoes under my desk", ("shoes", "under", "desk")),
        ("bring me the cup right next to the sink", ("cup", "next_to", "sink")),
        ("the plant in front of the window", ("plant", "in_front", "window")),
        ("the box behind the sofa in the room", ("box", "behind", "sofa")),
        ("the lamp to the left of the bed when you face it", ("lamp", "left", "bed")),
        ("which chair is the closest to the door?", ("chair", "closest", "door")),
        ("could you please bring me the cup on the table", ("cup", "on", "table")),
        ("the towel hanging on the door", ("towel", "in", "door")),
        ("the trash can next to the floor lamp", ("trash can", "next_to", "floor lamp")),
        ("brown desk. it is placed next to the window", ("brown desk", "next_to", "window")),
        # the landmark's own words stay together, and so do the target's
        ("the mug on the table next to the window", ("mug on the table", "next_to", "window")),
        # what is said of floors and walls picks nothing
        ("the book on the floor closest to the bed", ("book on the floor", "closest", "bed")),
    ],
)  # fmt: skip
def test_one_relation_is_read(words, expected):
    target, relation, *landmarks = expected
    assert parse_spatial(words) == SpatialQuery(target, relation, tuple(landmarks))


@pytest.mark.parametrize(
    ("words", "viewpoint"),
    [
        ("the box on the right side of the stove as seen from the door.", "door"),
        ("box right of the stove when you stand at the blue door and look at it", "blue door"),
        ("seen from the door, the box right of the stove", "door"),
        ("standing at the blue door, the box right of the stove", "blue door"),
        ("the box is to the right of the stove, if you are facing it.", None),
        ("the box right of the stove as you look straight at its front", None),
    ],
)
def test_left_and_right_are_seen_from_somewhere(words, viewpoint):
    assert parse_spatial(words) == SpatialQuery("box", "right", ("stove",), viewpoint)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("find the biggest green cushion of this room.", ("green cushion", "largest")),
        ("this is the smallest kettle in the room", ("kettle", "smallest")),
        ("which is the tallest bookshelf?", ("bookshelf", "tallest")),
    ],
)
def test_a_superlative_has_no_landmark(words, expected):
    assert parse_spatial(words) == SpatialQuery(*expected)


@pytest.mark.parametrize(
    "words",
    [
        "the red chair",
        "look for the brown door.",
        "the chair on the left",
        "the chair next to it",
        "where's the nearest chair?",
        "the cup closest to the camera",
        "the book in the room",
        "the largest box next to the bed",  # two relations: which of them first?
        "the lamp left of the bed and right of the window",
        "next to the door",
        "the table with the largest lamp",  # whose lamp is large is not the lamp
        "the chair by the largest window",
        "the second largest table",
        "the largest of the chairs",
        "the highest shelf",  # of place, not of size
        "the chair not next to the table",
        "a chair but not the one under the desk",
        "the chair closest to the door but not the red one",
        "the chair second closest to the door",
        "this is a chair. there is a table on the left of the chair.",
        "the monitor is on the desk. the chair is in front of it.",
        "black office chair. it has wheels. it is next to the desk",
        "the chair left of the desk, away from the door",
        "the lamp left of the bed facing the window",
        "seen from the bed, the box right of the stove, seen from the door",
        "turn on the lamp",
        "what is on the table",
        "put the cup on the table",
        "the clock on the white wall",
        "the bin in the corner by the door",
        "the chair between the table and the wall",
        "",
        "?!",
    ],
)
def test_all_else_is_left_to_the_model(words):
    assert parse_spatial(words) is None


def test_a_query_names_its_things_and_says_itself_shortly():
    query = SpatialQuery("box", "in_front", ("stove",), "door")
    assert query.things == ("box", "stove", "door")
    assert query.said == "in front: stove"
    assert SpatialQuery("box", "largest").said == "largest"


@pytest.mark.parametrize(
    "words",
    [
        "the " + "box next to the " * 40,
        "on in left of the " * 40,
        "a" * 500,
        "on the " + "a " * 250,
    ],
)
def test_long_and_odd_words_take_no_time(words):
    started = time.perf_counter()
    assert parse_spatial(words[:500]) is None
    assert time.perf_counter() - started < 0.5
