"""The vocabulary of a new small model: what it reads and says in as few tokens as possible.

A token is a fixed phrase of the prompts and answers (so that the rules cost one token each), a
whole number up to 999, a word with the blank before it, or a sign. Decoding gives back what was
encoded. Words that no given text holds are unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from scene_r1_ros.reasoning import prompts

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
UNKNOWN = "[UNK]"
BOX_OPENS, BOX_GOES_ON, BOX_CLOSES = '{"bbox_2d": [', ", ", '], "label": "'
"""What stands before, between and after the four numbers of a box, a token each."""
PHRASES = (
    *(prompts.SYSTEM, prompts.TEMPORAL, prompts.IMAGE, prompts.IMAGE_SINGLE, prompts.ANSWER),
    *(BOX_OPENS, BOX_CLOSES, '"}', 'Query: "', 'Question: "', "t = "),
    *("<think>", "</think>", "<answer>", "</answer>", "bbox_2d"),
)
NUMBERS = tuple(str(n) for n in range(1000))
SPLIT = "|".join(
    (
        *(re.escape(phrase) for phrase in sorted(PHRASES, key=len, reverse=True)),
        r", (?=[0-9])",
        r"[1-9][0-9]{0,2}|0",
        r" ?[^\W\d_]+",
        r"\s|[^\w\s]|_",
    )
)
_SIGNS = " \n<>/{}[]()\":,.;!?'-_=+%‹›"
_OWN_WORDS = ("system", "user", "assistant", "view", "label")


def vocabulary(texts: Iterable[str], min_count: int = 1) -> list[str]:
    """Phrases, numbers, signs, and the words of ``texts``, each with and without a blank before
    it, most frequent first; words seen less than ``min_count`` times are left out."""
    known = Counter(part for text in texts for part in re.findall(SPLIT, text))
    counts: Counter[str] = Counter()
    for part, count in known.items():
        counts[part.removeprefix(" ") if len(part) > 1 else part] += count
    fixed = dict.fromkeys([*PHRASES, BOX_GOES_ON, *NUMBERS, *_SIGNS])
    for word in _OWN_WORDS:
        fixed[word] = fixed[f" {word}"] = None
    for word, count in counts.most_common():
        if count >= min_count and word not in fixed:
            fixed[word] = None
            if re.fullmatch(r"[^\W\d_]+", word):
                fixed[f" {word}"] = None
    return list(fixed)


def texts_of(chains: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]) -> list[str]:
    """Everything that chains and annotations say."""
    found = [f"{record['query']} {record['completion']}" for record in chains]
    found += [f"{row['text']} {row['label']} {' '.join(row['answers'])}" for row in annotations]
    return found


def tokenizer_of(words: Sequence[str]) -> Any:
    """A fast tokenizer of transformers over ``words``, split as :data:`SPLIT` says."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ordered = list(dict.fromkeys([UNKNOWN, *SPECIAL, *words]))
    numbers = {word: i for i, word in enumerate(ordered)}
    core = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    core.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token=UNKNOWN,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=list(SPECIAL),
        model_max_length=8192,
    )
    tokenizer.image_token, tokenizer.video_token = "<|image_pad|>", "<|video_pad|>"
    return tokenizer
