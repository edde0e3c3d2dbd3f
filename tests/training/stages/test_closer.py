"""Views shown from closer: true of the part that is shown, in its pixels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scene_r1_training.examples.chains import examples_from_chains
from scene_r1_training.examples.closer import closer, some_closer
from scene_r1_training.examples.render import ModelView, Renderer
from scene_r1_training.examples.settings import DataConfig
from scene_r1_training.stages.run import load_examples
from training_runs import settings

from scene_r1_ros.reasoning.closer_look import into_part

CONFIG = DataConfig(max_image_tokens=100_000)
QWEN = ModelView("resized_pixels", 28, 3136, 1_000_000)


@pytest.fixture
def view(work):
    """The green box at (8, 8) to (36, 36) of 112 x 84 pixels, the red one at (58, 30) beside it."""
    examples = examples_from_chains(work / "data", [work / "chains.jsonl"], ("image",))
    assert [thing.name for thing in examples[0].around[0].things] == ["red box", "green box"]
    return examples[0]


def said(example) -> list[float]:
    return json.loads(example.completion.split("<answer>")[1].split("</answer>")[0])["bbox_2d"]


def seeds():
    return (np.random.default_rng(seed) for seed in range(20))


def test_the_target_is_shown_whole_and_boxed_in_what_is_shown(view):
    parts = set()
    for rng in seeds():
        found = closer(view, rng)
        part = found.frames[0].part
        parts.add(part)
        assert part[0] <= 8
        assert part[1] <= 8
        assert part[2] - part[0] == pytest.approx(112 * 8 / 15, abs=0.5)  # 1.6 x 28 of 84 rows
        assert found.boxes[0] == pytest.approx(into_part((8, 8, 36, 36), part, (112, 84)))
        assert said(found) == pytest.approx(found.boxes[0], abs=0.01)
        assert found.key == f"{view.key}/closer"
    assert len(parts) > 3  # never twice in the same place


def test_what_is_rendered_is_the_part_with_the_box_on_the_thing(view):
    found = closer(view, np.random.default_rng(0))
    row = Renderer(CONFIG, QWEN).row(found)
    (image,) = row["images"]
    assert image.size == (112, 84)
    green = np.asarray(image, int)
    rows, columns = np.nonzero((green[..., 1] > 140) & (green[..., 0] < 90))
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert seen == pytest.approx(found.boxes[0], abs=3)  # JPEG, and the edges of the enlargement


def test_owners_and_things_are_those_of_the_part(view):
    found = closer(view, np.random.default_rng(1))
    around, box = found.around[0], found.boxes[0]
    names = [thing.name for thing in around.things]
    assert "green box" in names
    green = names.index("green box")
    rows, columns = np.nonzero(around.owners == green)
    x, y = (columns + 0.5) * 112 / 64, (rows + 0.5) * 84 / 48
    assert [x.min(), y.min(), x.max(), y.max()] == pytest.approx(box, abs=4)
    assert around.things[green].box == pytest.approx(box)


@pytest.mark.parametrize(
    "sentence",
    [
        "This view shows a red box and a table.",
        "It is left of the desk, which fits.",
        "The red one is not meant.",
        "There is a red striped box.",
    ],
)
def test_sentences_about_what_is_out_of_the_part_are_left_out_and_the_query_stays(view, sentence):
    # as synth writes it: a bare noun as the label, colours beside it
    red, green = (
        replace(thing, name="box", color=thing.name.split()[0]) for thing in view.around[0].things
    )
    desk = replace(red, name="desk", color="", object_id=7)
    around = replace(view.around[0], things=(red, green, desk))
    told = '<think>I look for "this is a box. it is left of the desk". There is a green box. '
    told += f'{sentence}</think><answer>{{"bbox_2d": [8, 8, 36, 36], "label": "box"}}</answer>'
    example = replace(view, completion=told, around=(around,), label="box")
    shown, hidden = set(), set()
    for rng in seeds():
        found = closer(example, rng)
        seen = len(found.around[0].things) == 3
        (shown if seen else hidden).add(found.completion.split("</think>")[0])
    full = told.split("</think>")[0]
    assert shown <= {full}
    assert hidden == {full.replace(f" {sentence}", "")}


def test_a_longer_name_that_holds_a_lost_one_stays(view):
    table, coffee = (
        replace(thing, name=name, color="brown")
        for thing, name in zip(view.around[0].things, ("table", "coffee table"), strict=True)
    )
    around = replace(view.around[0], things=(table, coffee))
    told = '<think>I look for "table". There is a brown coffee table. There is a table.</think>'
    told += '<answer>{"bbox_2d": [8, 8, 36, 36], "label": "coffee table"}</answer>'
    example = replace(view, completion=told, around=(around,), label="coffee table")
    found = [closer(example, rng) for rng in seeds()]
    alone = [e.completion for e in found if len(e.around[0].things) == 1]
    assert alone
    for completion in alone:
        assert completion.startswith(told.split(" There is a table.")[0] + "</think>")


def test_where_the_target_is_not_seen_some_other_thing_is_looked_at(view):
    gone = "<think>Nothing fits.</think><answer>not found</answer>"
    absent = replace(view, boxes=(None,), completion=gone, object_ids=(9,))
    for rng in seeds():
        found = closer(absent, rng)
        assert found.boxes == (None,)
        assert not found.found
        assert found.completion == gone
        assert found.around[0].things
    assert closer(replace(absent, around=(type(view.around[0])(),)), next(seeds())) is None


def test_what_is_large_stays_as_it_is(view):
    assert closer(replace(view, boxes=((0.0, 0.0, 100.0, 80.0),)), next(seeds())) is None


def test_a_share_of_single_views_is_seen_from_closer_and_the_seed_says_which(view):
    many = [replace(view, key=f"v{i}") for i in range(200)]
    clips = [replace(view, key="clip", stage="temporal")]
    shown = some_closer(many + clips, 0.4, 0)
    count = sum(e.frames[0].part is not None for e in shown)
    assert 60 <= count <= 100
    assert shown[-1] == clips[0]
    assert shown == some_closer(many + clips, 0.4, 0)
    assert shown != some_closer(many + clips, 0.4, 1)
    assert some_closer(many, 0.0, 0) == many


def test_the_setting_reaches_the_rows_of_a_run(work):
    whole = load_examples("sft", settings(work, "whole"))
    near = load_examples("sft", settings(work, "near", data={"closer": 1.0}))
    assert not any(frame.part for e in whole for frame in e.frames)
    assert sum(e.key.endswith("/closer") for e in near) == sum(e.stage == "image" for e in near)
