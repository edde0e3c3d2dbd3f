"""Questions answered: ScanQA, SQA3D, VSI-Bench and captions against hand-worked values."""

import math
import shutil

import numpy as np
import pytest
from scene_r1_training.evaluation.answers import (
    exact_match,
    normalize_answer,
    normalized_match,
    refine_answer,
    refined_match,
)
from scene_r1_training.evaluation.calibration import calibration
from scene_r1_training.evaluation.caption import caption_metrics, gated_captions
from scene_r1_training.evaluation.captions import caption_scores
from scene_r1_training.evaluation.errors import EvaluationError
from scene_r1_training.evaluation.scanqa import question_class, scanqa_metrics
from scene_r1_training.evaluation.spans import best_span_iou, span_iou
from scene_r1_training.evaluation.sqa3d import question_type, sqa3d_metrics
from scene_r1_training.evaluation.vsi import (
    choice_score,
    first_word,
    mean_relative_accuracy,
    vsi_metrics,
    vsi_score,
)

# -- exact match


def test_raw_match_is_string_equality():
    assert exact_match("chair", ["chair", "table"])
    assert not exact_match("Chair", ["chair"])
    assert not exact_match("a chair", ["chair"])


def test_normalised_match_forgives_case_articles_punctuation_and_spaces():
    assert normalized_match("The  chair.", ["chair"])
    assert not normalized_match("chairs", ["chair"])
    assert normalize_answer("An apple, a day") == "apple day"
    assert normalize_answer("theatre") == "theatre"  # articles are whole words


def test_unicode_forms_of_one_letter_are_one():
    assert normalized_match("cafe\u0301", ["café"])
    assert normalized_match("ｃｈａｉｒ", ["chair"])


def test_an_empty_prediction_is_never_right():
    assert refined_match("", ["chair"]) == (False, False)
    assert refined_match(" . ", ["chair"]) == (False, False)
    assert not normalized_match("the", ["a"])


def test_refined_match_takes_containment_without_spaces_either_way():
    assert refined_match("on the left side", ["left"]) == (False, True)
    assert refined_match("left", ["on left side"]) == (False, True)
    assert refined_match("book shelf", ["bookshelf"]) == (False, True)
    assert refined_match("right", ["left"]) == (False, False)


def test_refined_match_does_not_hang_on_the_order_of_answers():
    assert refined_match("left", ["left side", "left"]) == (True, True)


def test_refined_form_spells_numbers_and_mends_spelling():
    assert refine_answer("2 chairs") == "two chairs"
    assert refine_answer("Behine the tv") == "behind TV"
    assert refine_answer("none") == "zero"
    assert refine_answer("3 oclock") == "three o'clock"
    assert refine_answer("chair2") == "chair"


# -- SQA3D


def test_question_types_go_by_the_first_word():
    questions = ["What is it?", " is it?", "How many?", "Can I?", "Which one?", "Where?", ""]
    kinds = ["what", "is", "how", "can", "which", "others", "others"]
    assert [question_type(q) for q in questions] == kinds


def test_sqa3d_by_type():
    metrics = sqa3d_metrics(
        {"1": "The Left", "2": "yes", "3": "two"},
        {"1": ["left"], "2": ["no"], "3": ["2"]},
        {"1": "Which side?", "2": "Is it?", "3": "How many?"},
    )
    assert metrics["em"] == pytest.approx(2 / 3)
    assert metrics["em_raw"] == 0.0
    assert metrics["which_em"] == 1.0
    assert metrics["is_em_refined"] == 0.0
    assert metrics["what_em"] is None


# -- VSI-Bench


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        ("10", "10", 1.0),
        ("9.5", "10", 1.0),  # an error of exactly 0.05 is within 1 - 0.95
        ("9", "10", 0.9),  # exactly 0.10: fails at 0.95 only
        ("8", "10", 0.7),  # exactly 0.20: binary fractions give 0.6
        ("7", "10", 0.5),  # exactly 0.30
        ("5", "10", 0.1),  # exactly 0.50: passes at 0.50 alone
        ("4.99", "10", 0.0),
        ("20", "10", 0.0),
        ("nan", "10", 0.0),
        ("inf", "10", 0.0),
        ("five", "10", 0.0),
        ("0", "0", 1.0),
        ("0.1", "0", 0.0),
    ],
)
def test_mean_relative_accuracy_is_exact_at_its_thresholds(predicted, true, expected):
    assert mean_relative_accuracy(predicted, true) == expected


def test_the_usual_floating_point_form_loses_a_tie():
    usual = (abs(8 - 10) / 10 <= 1 - np.linspace(0.5, 0.95, 10)).mean()
    assert usual == pytest.approx(0.6)
    assert mean_relative_accuracy(8, 10) == 0.7
    assert mean_relative_accuracy(8, 10, strict=True) == 0.6


def test_only_the_first_word_of_an_answer_is_judged():
    assert first_word("B. the chair") == "B"
    assert choice_score("b.", "B") == 1.0
    assert choice_score("The answer is B", "B") == 0.0
    assert choice_score("", "A") == 0.0
    assert vsi_score("object_counting", "4 chairs", "4") == 1.0


def test_vsi_overall_is_the_mean_over_types_with_directions_as_one():
    kinds = {
        "a": "object_rel_direction_easy",
        "b": "object_rel_direction_hard",
        "c": "object_counting",
        "d": "object_counting",
    }
    metrics = vsi_metrics({"a": 1.0, "b": 0.0, "c": 1.0, "d": 0.5}, kinds)
    assert metrics["object_rel_direction"] == 0.5
    assert metrics["overall"] == pytest.approx((0.5 + 0.75) / 2)
    assert (metrics["mca"], metrics["mra"]) == (0.5, 0.75)
    assert metrics["route_planning"] is None


# -- ScanQA and captions


def test_scanqa_counts_any_of_the_ten_answers_only_for_em_10():
    metrics, _ = scanqa_metrics(
        {"1": ["table", "chair"], "2": ["The chair."]},
        {"1": ["chair"], "2": ["chair"]},
        language=False,
    )
    assert (metrics["em_1"], metrics["em_10"]) == (0.0, 0.5)
    assert (metrics["em_1_normalized"], metrics["em_1_refined"]) == (0.5, 0.5)


def test_scanqa_question_classes():
    assert question_class("Where is the chair?") == "place"
    assert question_class("What color is it?") == "color"
    assert question_class("What is on the table?") == "object"
    assert question_class("where is it?") == "other"  # the release's test is case sensitive


def test_bleu_by_hand():
    # 3 of 4 words, 2 of 3 pairs; shorter than the reference by one: penalty exp(1 - 5/4)
    scores = caption_scores(
        {"a": ["a red chair stands there"]}, {"a": "a red chair here"}, java=False
    )
    penalty = math.exp(1 - 5 / 4)
    assert scores.metrics["bleu_1"] == pytest.approx(penalty * 3 / 4)
    assert scores.metrics["bleu_2"] == pytest.approx(penalty * math.sqrt(3 / 4 * 2 / 3))


def test_rouge_l_by_hand():
    # longest common subsequence "a chair": precision 2/2, recall 2/3, beta 1.2
    scores = caption_scores({"a": ["a red chair"]}, {"a": "a chair"}, java=False)
    p, r, b2 = 1.0, 2 / 3, 1.2**2
    assert scores.metrics["rouge_l"] == pytest.approx((1 + b2) * p * r / (r + b2 * p))


def test_cider_of_copies_is_ten_for_four_words_and_more():
    texts = {"a": "one two three four", "b": "five six seven eight"}
    scores = caption_scores({k: [t] for k, t in texts.items()}, texts, java=False)
    assert scores.metrics["cider"] == pytest.approx(10.0)


def test_without_java_meteor_is_left_out_and_the_notes_say_so():
    scores = caption_scores({"a": ["x"]}, {"a": "x"}, java=False)
    assert scores.metrics["meteor"] is None
    assert "METEOR was left out" in scores.notes[0]


@pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")
def test_java_parts_take_unicode_empty_lines_and_separators():
    references = {"a": ["A café isn't blue.", "blue"], "b": ["two"], "c": ["x ||| y z"]}
    candidates = {"a": "a CAFÉ isn\u2019t blue", "b": "", "c": "x\ny"}
    scores = caption_scores(references, candidates)
    assert scores.notes == []
    assert scores.per_key["a"]["bleu_4"] == pytest.approx(1.0)
    assert scores.per_key["a"]["meteor"] == pytest.approx(1.0)
    assert scores.per_key["b"]["meteor"] == 0.0
    plain = caption_scores(references, candidates, java=False)
    assert plain.per_key["a"]["bleu_4"] == pytest.approx(1.0)


def test_different_keys_are_refused():
    with pytest.raises(EvaluationError, match="different keys"):
        caption_scores({"a": ["x"]}, {"b": "x"})


def test_captions_below_the_iou_are_emptied_and_still_counted():
    candidates = {"a": "one two three four", "b": "five six seven eight"}
    references = {key: [text] for key, text in candidates.items()}
    ious = {"a": 0.5, "b": 0.25}
    assert gated_captions(candidates, ious, 0.5) == {"a": candidates["a"], "b": ""}
    metrics, _ = caption_metrics(references, candidates, ious, java=False)
    assert metrics["cider_25"] == pytest.approx(10.0)
    assert metrics["cider_50"] == pytest.approx(5.0)
    assert metrics["rouge_l_50"] == pytest.approx(0.5)


def test_scan2cap_words_raise_what_an_empty_caption_scores():
    references, candidates = {"a": ["one two three"]}, {"a": "one two three"}
    plain, _ = caption_metrics(references, candidates, {"a": 0.0}, java=False)
    official, notes = caption_metrics(
        references, candidates, {"a": 0.0}, scan2cap_tokens=True, java=False
    )
    assert plain["rouge_l_25"] == 0.0
    assert official["rouge_l_25"] > 0.3
    assert any("sos" in note for note in notes)


# -- spans and calibration


def test_span_overlap():
    assert span_iou((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert span_iou((0, 1), (2, 3)) == 0.0
    assert span_iou((2, 2), (2, 2)) == 1.0
    assert span_iou((2, 2), (1, 3)) == 0.0
    assert best_span_iou((5, 6), [(0, 1), (5, 7)]) == pytest.approx(0.5)
    assert best_span_iou((5, 6), []) == 0.0


def test_calibration_by_hand():
    result = calibration([0.9, 0.9, 0.1, 1.0], [True, False, False, True])
    top = result.bins[-1]
    assert (top.n, top.accuracy) == (3, pytest.approx(2 / 3))
    assert result.ece == pytest.approx((3 * abs(2.8 / 3 - 2 / 3) + 0.1) / 4)
    assert result.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0) / 4)
    assert result.auroc == pytest.approx(3.5 / 4)  # one tie


def test_calibration_of_nothing_and_of_only_right_answers():
    assert calibration([], []).ece is None
    assert calibration([0.5], [True]).auroc is None
    with pytest.raises(EvaluationError, match="outside"):
        calibration([1.5], [True])
