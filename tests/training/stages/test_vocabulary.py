"""The vocabulary of new models: few tokens, nothing lost, unknown words unknown."""

from __future__ import annotations

import pytest
import torch
from scene_r1_training.stages.new_model import NewModelConfig, new_model
from scene_r1_training.stages.soft_boxes import SoftBoxes
from scene_r1_training.stages.vocabulary import UNKNOWN, tokenizer_of, vocabulary

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning import prompts

TEXT = "the red chair, a trash can is to the right at 3 s"
SAID = '<think>A red chair.</think><answer>{"bbox_2d": [4, 27, 166, 73], "label": "chair"}</answer>'


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_of(vocabulary([TEXT, SAID]))


def pieces(tokenizer, text):
    return [tokenizer.decode([i]) for i in tokenizer(text)["input_ids"]]


@pytest.mark.parametrize("text", [TEXT, SAID, "t = 12.5 s\nchair", "0.0 to 8.0", "view 1: 1000"])
def test_decoding_gives_back_what_was_encoded(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_rules_cost_a_token_each_and_numbers_one(tokenizer):
    assert len(pieces(tokenizer, prompts.TEMPORAL)) == 1
    assert pieces(tokenizer, "[166, 7]") == ["[", "166", ", ", "7", "]"]
    assert pieces(tokenizer, "red chair") == ["red", " chair"]


def test_words_that_were_never_given_are_unknown(tokenizer):
    assert pieces(tokenizer, "a zebra")[-1] == UNKNOWN


def test_words_and_numbers_that_mean_the_same_begin_alike(tmp_path):
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    new_model(tmp_path / "new", [TEXT], NewModelConfig(width=64, layers=1, vision_layers=1))
    ids = AutoTokenizer.from_pretrained(tmp_path / "new").get_vocab()
    weight = AutoModelForImageTextToText.from_pretrained(
        tmp_path / "new"
    ).get_input_embeddings().weight  # fmt: skip
    assert torch.equal(weight[ids["chair"]], weight[ids[" chair"]])
    near = torch.cosine_similarity(weight[ids["100"]], weight[ids["101"]], dim=0)
    far = torch.cosine_similarity(weight[ids["100"]], weight[ids["400"]], dim=0)
    assert near > 0.7 > far


def test_coordinates_are_the_numbers_between_the_brackets(tokenizer):
    soft = SoftBoxes(tokenizer, 2.0)
    labels = torch.tensor([tokenizer("At 12 s 3 chair" + SAID)["input_ids"]])
    found = labels[soft.where(labels)]
    assert tokenizer.convert_ids_to_tokens(found.tolist()) == ["4", "27", "166", "73"]


def test_a_near_number_costs_less_than_a_far_one(tokenizer):
    soft = SoftBoxes(tokenizer, 2.0)
    labels = torch.tensor([tokenizer(SAID)["input_ids"]])
    at = soft.where(labels)
    known = tokenizer.get_vocab()

    def loss(answer):
        hidden = torch.zeros(1, labels.shape[1], len(known))
        for place, number in zip(at[0].nonzero().flatten().tolist(), answer, strict=True):
            hidden[0, place - 1, known[str(number)]] = 5.0
        return float(soft.loss(hidden, torch.nn.Identity(), labels, at))

    right = loss([4, 27, 166, 73])
    assert right < loss([5, 28, 165, 72]) < loss([60, 90, 200, 140])


def test_soft_labels_need_numbers_of_one_token():
    spelled = tokenizer_of(list("0123456789"))
    with pytest.raises(ConfigError, match=r"aux\.soft_boxes needs a tokenizer"):
        SoftBoxes(spelled, 2.0)
