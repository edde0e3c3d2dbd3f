"""The session's own rules, shown with an engine that knows colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sam2_builders import GREEN, RED, Card, ColorEngine, card_frame, color_mask, iou

from scene_r1_ros.errors import BoxError, EmptyMaskError, TrackingError
from scene_r1_ros.tracking.sam2.embeddings import EmbeddingCache
from scene_r1_ros.tracking.sam2.engine import ImageEmbedding
from scene_r1_ros.tracking.sam2.prompts import Prompt
from scene_r1_ros.tracking.sam2.session import Sam2Session

CARDS = [Card(-0.4, 0, 1.5, 0.4, 0.5, RED), Card(0.4, 0, 1.5, 0.4, 0.5, GREEN)]
RED_BOX, GREEN_BOX = (25, 38, 60, 82), (100, 38, 134, 82)


@pytest.fixture
def color():
    return card_frame(CARDS, 0.0, 0).color


def test_objects_come_and_go_while_it_runs(color):
    session = Sam2Session(ColorEngine())
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    assert set(session.step(1, color)) == {1}
    session.prompt(1, color, 7, Prompt(points=[(117, 60)]))
    assert set(session.step(2, color)) == {1, 7}
    session.remove(1)
    assert session.objects == (7,)
    assert set(session.step(3, color)) == {7}
    with pytest.raises(TrackingError, match=r"no object 1; tracked are \[7\]"):
        session.remove(1)


def test_an_image_is_embedded_once_for_all_objects(color):
    engine = ColorEngine()
    session = Sam2Session(engine)
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    session.prompt(0, color, 2, Prompt(box_xyxy=GREEN_BOX))
    session.step(0, color)
    assert engine.embedded == 1


def test_memory_is_bounded_by_the_number_of_frames_kept(color):
    sizes = {}
    for kept in (6, 12):
        session = Sam2Session(ColorEngine(), memory_frames=kept)
        session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
        history = []
        for index in range(300):
            session.step(index, color)
            history.append(session.nbytes)
        assert len(set(history[30:])) == 1
        sizes[kept] = history[-1]
    assert sizes[6] < sizes[12] < 2.1 * sizes[6]


def test_prompted_frames_are_bounded_and_the_first_one_stays(color):
    session = Sam2Session(ColorEngine(), prompted_frames=3)
    for index in range(0, 40, 4):
        session.prompt(index, color, 1, Prompt(box_xyxy=RED_BOX))
    kept = [index for index in range(40) if session.is_prompted(index, 1)]
    assert kept == [0, 32, 36]


def test_a_forgotten_frame_leaves_no_memory(color):
    session = Sam2Session(ColorEngine())
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    before = session.nbytes
    session.step(1, color)
    session.forget(1, 1)
    assert session.nbytes == before


def test_frames_may_change_size(color):
    session = Sam2Session(ColorEngine())
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    larger = np.kron(color, np.ones((2, 2, 1), np.uint8))
    mask = session.step(1, larger)[1].mask
    assert mask.shape == larger.shape[:2]
    assert iou(mask, (larger == RED).all(axis=2)) > 0.85


def test_a_mask_prompt_tracks_what_it_covers(color):
    session = Sam2Session(ColorEngine())
    mask = color_mask(card_frame(CARDS, 0.0, 0), GREEN)
    session.prompt(0, color, 1, Prompt(mask=mask))
    assert iou(session.step(1, color)[1].mask, mask) > 0.85


@pytest.mark.parametrize(
    ("prompt", "error", "text"),
    [
        ({"box_xyxy": (10, 10, 10, 40)}, BoxError, "is empty"),
        ({"box_xyxy": (500, 10, 600, 40)}, BoxError, "lies outside the image of 160 x 120"),
        ({"box_xyxy": (0, 0, float("nan"), 9)}, BoxError, "four finite numbers"),
        ({"points": [(170, 3)]}, BoxError, r"point \(170, 3\) lies outside the image"),
        ({"mask": np.zeros((4, 4), bool)}, BoxError, r"needs bool \(120, 160\)"),
        ({"mask": np.zeros((120, 160), bool)}, EmptyMaskError, "no pixel of it is set"),
    ],
)
def test_prompts_that_point_nowhere_are_refused_and_leave_no_object(color, prompt, error, text):
    session = Sam2Session(ColorEngine())
    with pytest.raises(error, match=text):
        session.prompt(0, color, 1, Prompt(**prompt))
    assert session.objects == ()


def test_a_prompt_must_say_something_and_not_twice():
    with pytest.raises(BoxError, match="the prompt is empty"):
        Prompt()
    with pytest.raises(BoxError, match="not both"):
        Prompt(box_xyxy=RED_BOX, mask=np.ones((2, 2), bool))


def test_tracking_nothing_is_an_error(color):
    session = Sam2Session(ColorEngine())
    with pytest.raises(TrackingError, match="prompt one first"):
        session.step(0, color)


def test_the_embedding_cache_stays_within_its_bytes(color):
    engine = ColorEngine()
    one = engine.embed(color)
    cache = EmbeddingCache(max_bytes=3 * one.nbytes)
    for key in range(20):
        cache.put(key, one)
        assert cache.nbytes == len(cache) * one.nbytes <= 3 * one.nbytes
        assert cache.get(key, engine.device) is not None
    cache.put("large", ImageEmbedding(one.levels * 4))
    assert cache.get("large", engine.device) is None
    cache.clear()
    assert cache.nbytes == len(cache) == 0


def test_walking_again_through_a_window_larger_than_the_cache_still_finds_frames(color):
    engine = ColorEngine()
    one = engine.embed(color)
    cache = EmbeddingCache(max_bytes=10 * one.nbytes)
    for _ in range(5):
        for key in range(20):
            if cache.get(key, engine.device) is None:
                cache.put(key, one)
    assert cache.hits > 10


def test_a_second_query_over_the_same_frames_embeds_nothing():
    engine, cache = ColorEngine(), EmbeddingCache(100_000_000)
    frames = [card_frame(CARDS, 0.05 * i, i).color for i in range(5)]
    for box in (RED_BOX, GREEN_BOX):
        session = Sam2Session(engine, embeddings=cache, frame_count=5)
        session.prompt(0, frames[0], 1, Prompt(box_xyxy=box))
        for index, color in enumerate(frames):
            session.step(index, color)
    assert engine.embedded == 5


def test_unknown_objects_are_named(color):
    session = Sam2Session(ColorEngine())
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    with pytest.raises(TrackingError, match=r"no such object: \[9\]"):
        session.step(1, color, objects=[9])


def test_a_session_follows_its_engine_to_another_device(color):
    """One session may have moved the engine that another one uses too."""
    engine = ColorEngine()
    session = Sam2Session(engine)
    session.prompt(0, color, 1, Prompt(box_xyxy=RED_BOX))
    session.step(1, color)
    engine.to(torch.device("meta"))
    session._follow_engine()
    memory = session._objects[1]
    assert memory.prompted_entry(0).pointer.device.type == "meta"
    assert memory.at(1).logits.device.type == "meta"
