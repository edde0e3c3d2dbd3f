"""Words that a checkpoint has never seen."""

import pytest

from scene_r1_ros.reasoning.vocabulary import (
    checkpoint_unknown_words,
    unknown_sentence,
    unknown_words,
)

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def tokenizer():
    """Knows "the", "blue", "sofa"."""
    ids = {word: i for i, word in enumerate(("[UNK]", "the", "blue", "sofa"))}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return made


def test_each_unknown_word_is_named_once_in_order(tokenizer):
    words = unknown_words(tokenizer, "the zebra behind the blue zebra")
    assert words == ("zebra", "behind")


def test_signs_are_no_words(tokenizer):
    assert unknown_words(tokenizer, "the blue sofa, please!") == ("please",)


def test_a_tokenizer_that_spells_knows_every_word():
    spelling = tokenizers.Tokenizer(tokenizers.models.BPE())
    assert unknown_words(spelling, "zebra") == ()


def test_a_checkpoint_is_asked_by_its_folder(tokenizer, tmp_path):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert checkpoint_unknown_words(tmp_path, "the pink sofa") == ("pink",)


def test_a_name_or_a_damaged_folder_has_nothing_to_say(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    assert checkpoint_unknown_words(tmp_path, "zebra") == ()
    assert checkpoint_unknown_words("Qwen/Qwen2.5-VL-3B-Instruct", "zebra") == ()


def test_sentence_names_the_words():
    assert unknown_sentence(()) == ""
    assert unknown_sentence(("zebra",)) == "the model does not know the word 'zebra'"
    assert unknown_sentence(("a", "b", "c")).endswith("the words 'a', 'b' and 'c'")
