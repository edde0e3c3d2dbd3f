"""What a completion earns, and that tricks earn what they deserve."""

from __future__ import annotations

import doctest
import importlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_r1_training.rewards.abstention import abstention_reward
from scene_r1_training.rewards.answer import exact_reward, f1_reward, numeric_reward
from scene_r1_training.rewards.box import box_iou_reward
from scene_r1_training.rewards.choose import rewards_of
from scene_r1_training.rewards.form import format_reward
from scene_r1_training.rewards.length import length_reward
from scene_r1_training.rewards.semantic import local_encoder, semantic_reward
from scene_r1_training.rewards.shuffled import shuffled_reward
from scene_r1_training.rewards.temporal import temporal_giou_reward, temporal_iou_reward

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.model_frames import box_frame_of, box_to_model, qwen_size

FILES = (
    *("texts", "form", "temporal", "box", "abstention", "answer", "length", "shuffled"),
    *("semantic", "choose"),
)


def reply(answer: str, think: str = "I see it.") -> str:
    return f"<think>{think}</think><answer>{answer}</answer>"


def tiou(text: str, spans=((2.0, 4.0),), seconds: float = 10.0):
    return temporal_iou_reward([text], spans=[list(spans)], seconds=[seconds])[0]


def biou(text: str, boxes=((10.0, 10.0, 30.0, 30.0),), size=(100, 80)):
    sizes = [[size] * len(boxes)]
    return box_iou_reward(
        [text],
        boxes=[list(boxes)],
        image_sizes=sizes,
        model_sizes=sizes,
        box_frame=["resized_pixels"],
    )[0]


def box_text(box, view: int | None = None, label: str = "cup") -> str:
    value = {"view": view} if view else {}
    return reply(json.dumps({**value, "bbox_2d": list(box), "label": label}))


@pytest.mark.parametrize("name", FILES)
def test_every_example_in_the_documentation_runs(name):
    module = importlib.import_module(f"scene_r1_training.rewards.{name}")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


class TestFormat:
    def one(self, text: str, stage: str = "temporal", views: int = 1):
        return format_reward([text], stage=[stage], views=[views])[0]

    def test_the_form_asked_for_earns_the_reward_at_each_stage(self):
        assert self.one(reply("1.0 to 2.5")) == 1.0
        assert self.one(reply("not found")) == 1.0
        assert self.one(box_text((1, 2, 3, 4)), "image") == 1.0
        assert self.one(box_text((1, 2, 3, 4), view=2), "image", views=3) == 1.0
        assert self.one(reply("two chairs"), "answer") == 1.0

    @pytest.mark.parametrize(
        "text",
        [
            "1.0 to 2.5",
            "<answer>1.0 to 2.5</answer>",
            "<think></think><answer>1.0 to 2.5</answer>",
            "<think>...</think><answer>1.0 to 2.5</answer>",
            reply("1.0 to 2.5") + " there",
            reply("1.0 to 2.5") * 2,
            "<think>a</think>" + reply("1.0 to 2.5"),
            "<think>a<think>b</think></think><answer>1.0 to 2.5</answer>",
            "<answer>1.0 to 2.5</answer><think>late</think>",
            reply("1.0s to 2.5s"),
            reply("2.5 to 1.0"),
            reply("1.0 to 2.5, 3.0 to 4.0"),
        ],
    )
    def test_what_only_a_tolerant_reader_accepts_earns_nothing(self, text):
        assert self.one(text) == 0.0

    def test_a_box_must_be_exact_json_and_name_a_view_that_is_there(self):
        assert self.one(box_text((3, 2, 1, 4)), "image") == 0.0
        assert self.one(box_text((1, 2, 3, 4)), "image", views=3) == 0.0
        assert self.one(box_text((1, 2, 3, 4), view=4), "image", views=3) == 0.0
        assert self.one(reply("[1, 2, 3, 4]"), "image") == 0.0
        assert self.one(reply("```json\n{}\n```"), "image") == 0.0

    def test_a_page_is_no_answer_in_few_words(self):
        assert self.one(reply("word " * 60), "answer") == 0.0


class TestTemporal:
    def test_it_is_overlap_over_union_with_the_best_true_span(self):
        assert tiou(reply("2.0 to 4.0")) == 1.0
        assert tiou(reply("3.0 to 5.0")) == pytest.approx(1 / 3)
        assert tiou(reply("7.0 to 8.0"), spans=((2.0, 4.0), (7.0, 9.0))) == 0.5

    def test_the_whole_video_earns_only_its_share(self):
        assert tiou(reply("0.0 to 10.0")) == pytest.approx(0.2)
        assert tiou(reply("0.0 to 9999.0")) == pytest.approx(0.2)

    def test_tricks_earn_nothing(self):
        two = reply("0.0 to 1.0") + "<answer>2.0 to 4.0</answer>"
        inside = "<think><answer>2.0 to 4.0</answer></think>"
        for text in (two, "2.0 to 4.0", inside, "<answer></answer>", reply("not found"), ""):
            assert tiou(text) == 0.0

    def test_a_list_of_spans_counts_as_its_first(self):
        assert tiou(reply("8.0 to 9.0, 2.0 to 4.0")) == 0.0

    def test_repeated_reasoning_neither_helps_nor_hurts_accuracy(self):
        assert tiou("<think>a</think><think>b</think><answer>2.0 to 4.0</answer>") == 1.0

    def test_a_row_without_target_is_left_to_abstention(self):
        assert tiou(reply("2.0 to 4.0"), spans=()) is None

    @given(st.tuples(st.floats(0, 9), st.floats(0, 9)), st.tuples(st.floats(0, 9), st.floats(0, 9)))
    @settings(max_examples=50, deadline=None)
    def test_the_hull_variant_is_the_iou_where_spans_meet_and_negative_where_not(self, a, b):
        a, b = (tuple(round(v, 1) for v in sorted(s)) for s in (a, b))
        text = reply(f"{a[0]:.1f} to {a[1]:.1f}")
        giou = temporal_giou_reward([text], spans=[[b]], seconds=[10.0])[0]
        iou = tiou(text, spans=(b,))
        assert -1.0 <= giou <= iou
        if a[1] >= b[0] and b[1] >= a[0]:
            assert giou == pytest.approx(iou)
        else:
            assert giou < 0.0

    def test_the_hull_variant_prefers_the_nearer_miss(self):
        near, far = (
            temporal_giou_reward([reply(s)], spans=[[(2.0, 4.0)]], seconds=[10.0])[0]
            for s in ("4.5 to 5.0", "9.0 to 9.5")
        )
        nothing = temporal_giou_reward(["?"], spans=[[(2.0, 4.0)]], seconds=[10.0])[0]
        assert nothing < far < near < 0.0


class TestBox:
    def test_the_true_box_earns_one_and_the_whole_image_its_share(self):
        assert biou(box_text((10, 10, 30, 30))) == 1.0
        assert biou(box_text((0, 0, 100, 80))) == pytest.approx(400 / 8000)
        assert biou(box_text((-900, -900, 9000, 9000))) == pytest.approx(400 / 8000)

    def test_several_boxes_earn_nothing_even_if_one_is_right(self):
        boxes = [{"bbox_2d": b, "label": "cup"} for b in ([10, 10, 30, 30], [50, 50, 60, 60])]
        assert biou(reply(json.dumps(boxes))) == 0.0

    def test_two_answers_or_none_earn_nothing(self):
        good = '{"bbox_2d": [10, 10, 30, 30], "label": "cup"}'
        assert biou(reply(good) + f"<answer>{good}</answer>") == 0.0
        assert biou(good) == 0.0
        assert biou(reply("not found")) == 0.0

    def test_the_box_counts_in_the_view_that_was_named(self):
        boxes = (None, (10.0, 10.0, 30.0, 30.0))
        assert biou(box_text((10, 10, 30, 30), view=2), boxes) == 1.0
        assert biou(box_text((10, 10, 30, 30), view=1), boxes) == 0.0
        assert biou(box_text((10, 10, 30, 30), view=3), boxes) == 0.0

    @pytest.mark.parametrize(
        ("family", "factor"), [("qwen2_5_vl", 28), ("qwen3_vl", 32), ("qwen2_vl", 28)]
    )
    def test_each_family_answers_in_its_own_frame(self, family, factor):
        frame, image = box_frame_of(family), (640, 480)
        seen = qwen_size(image, factor, 3136, 200_000)
        truth = (100.0, 50.0, 300.0, 400.0)
        said = [round(v) for v in box_to_model(truth, frame, seen, image)]
        reward = box_iou_reward(
            [box_text(said)], boxes=[[truth]], image_sizes=[[image]],
            model_sizes=[[seen]], box_frame=[frame],
        )[0]  # fmt: skip
        assert reward > 0.97
        wrong = "unit" if frame != "unit" else "thousandths"
        other = box_iou_reward(
            [box_text(said)], boxes=[[truth]], image_sizes=[[image]],
            model_sizes=[[seen]], box_frame=[wrong],
        )[0]  # fmt: skip
        assert other < 0.5


class TestAbstention:
    def test_only_rows_without_target_count_and_only_a_clear_no_earns(self):
        texts = [reply("not found"), reply("1.0 to 2.0"), "", "not found", reply("not found")]
        rewards = abstention_reward(texts, found=[False, False, False, False, True])
        assert rewards == [1.0, 0.0, 0.0, 0.0, None]

    def test_always_saying_no_loses_every_row_with_a_target(self):
        assert tiou(reply("not found")) == 0.0
        assert biou(reply("not found")) == 0.0


class TestAnswers:
    def test_normal_forms_are_equal_and_two_answers_are_none(self):
        assert exact_reward([reply("The Red chair!")], answers=[["red chair"]]) == [1.0]
        double = reply("red") + "<answer>blue</answer>"
        assert exact_reward([double], answers=[["red"]]) == [0.0]

    def test_listing_every_color_earns_little(self):
        text = reply("red green blue white black")
        assert exact_reward([text], answers=[["red"]]) == [0.0]
        assert f1_reward([text], answers=[["red"]])[0] == pytest.approx(1 / 3)

    def test_numbers_earn_by_how_near_they_are_and_several_earn_nothing(self):
        said = ["4", "5", "40", "3 or 4 or 5", "many"]
        rewards = numeric_reward([reply(s) for s in said], answers=[["4"]] * 5)
        assert rewards[0] == 1.0
        assert 0.0 < rewards[1] < 1.0
        assert rewards[2:] == [0.0, 0.0, 0.0]
        assert numeric_reward([reply("4")], answers=[["red"]]) == [None]

    def test_semantic_similarity_takes_any_local_encoder(self, tmp_path):
        from tiny_models import build_text_model

        reward = semantic_reward(local_encoder(build_text_model(tmp_path / "encoder")))
        same, other, empty = reward(
            [reply("the red chair"), reply("not table"), ""], answers=[["the red chair"]] * 3
        )
        assert same == pytest.approx(1.0)
        assert other < same
        assert empty == 0.0

    def test_an_encoder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ConfigError, match="text encoder"):
            local_encoder(tmp_path / "nothing")


class TestBonuses:
    def test_length_only_rewards_right_answers_of_the_wanted_length(self):
        bonus = length_reward([exact_reward], low=3, high=6)
        rows = [
            reply("red", "a b c d"), reply("blue", "a b c d"), reply("red", "a"),
            reply("red", "a " * 50), "<think>a b c d</think>red",
        ]  # fmt: skip
        assert bonus(rows, answers=[["red"]] * 5) == [1.0, 0.0, 0.0, 0.0, 0.0]

    def test_order_must_matter_for_the_shuffled_bonus(self):
        bonus = shuffled_reward([exact_reward])
        right, wrong = reply("red"), reply("blue")
        columns = {"group": [0, 0, 1, 1], "answers": [["red"]] * 4}
        rewards = bonus(
            [right, wrong, right, right],
            shuffled_completions=[right, right, wrong, wrong],
            **columns,
        )
        assert rewards == [0.0, 0.0, 1.0, 1.0]
        assert bonus([right] * 4, **columns) == [None] * 4


def test_unknown_rewards_and_bad_weights_are_named():
    with pytest.raises(ConfigError, match="no reward 'nice'"):
        rewards_of("nice=1", "image")
    with pytest.raises(ConfigError, match="name=weight"):
        rewards_of("format=much", "image")
    with pytest.raises(ConfigError, match="needs an encoder"):
        rewards_of("semantic=1", "answer")


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_at_all_gets_a_finite_reward(text):
    for wrapped in (text, f"<think>x</think><answer>{text}</answer>"):
        scores = [
            tiou(wrapped), biou(wrapped), exact_reward([wrapped], answers=[["a"]])[0],
            *(format_reward([wrapped], stage=[s])[0] for s in ("temporal", "image", "answer")),
        ]  # fmt: skip
        assert all(s is not None and np.isfinite(s) and 0.0 <= s <= 1.0 for s in scores)
