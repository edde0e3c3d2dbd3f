"""BLEU, CIDEr, METEOR and ROUGE-L by pycocoevalcap, the code behind every published figure.

Its tokenizer (Stanford PTB) and METEOR are Java programs. Without Java, a tokenizer in Python
takes the place of the first and METEOR is left out (None): no Python METEOR has its paraphrase
tables, so a number from one could not be compared. Notes in the result say which was used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import EvaluationError
from .rates import Metrics

_WITHOUT_JAVA = (
    "Java was not used (Debian: apt-get install default-jre-headless): words were split by a "
    "Python tokenizer instead of Stanford PTB, which can move BLEU, CIDEr and ROUGE-L slightly, "
    "and METEOR was left out."
)
_WORD = re.compile(r"n't|'(?:s|m|d|re|ve|ll)\b|\d+(?:[.,:]\d+)*|[^\W_]+(?:-[^\W_]+)*|[^\w\s]")
_SPLIT_NOT = re.compile(r"(\w+?)(n't)\b")


@dataclass(frozen=True)
class CaptionScores:
    """Corpus ``metrics`` (bleu_1..4, cider, meteor, rouge_l), ``per_key`` parts, and ``notes``."""

    metrics: Metrics
    per_key: dict[str, dict[str, float]]
    notes: list[str]


def caption_scores(
    references: Mapping[str, Sequence[str]],
    candidates: Mapping[str, str],
    tokenize: bool = True,
    java: bool | None = None,
) -> CaptionScores:
    """Score one candidate a key against its references.

    CIDEr weighs words by how many *keys* use them, so a single key scores 0 whatever it says.
    ``java`` forces or forbids the Java parts; by default they are used where Java is.

    Raises:
        EvaluationError: if the keys differ or a key has no reference.
    """
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    if references.keys() != candidates.keys():
        raise EvaluationError("candidates and references have different keys.")
    bare = [key for key, texts in references.items() if not texts]
    if bare:
        raise EvaluationError(f"no reference for {', '.join(bare[:5])}.")
    java = shutil.which("java") is not None if java is None else java
    names = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "cider", "meteor", "rouge_l")
    if not references:
        return CaptionScores(dict.fromkeys(names), {}, [])

    split = (_tokenize_java if java else _tokenize_python) if tokenize else _single_spaces
    keys = list(references)
    # both in one call: the Java tokenizer takes seconds to start
    words = split([list(references[k]) for k in keys] + [[candidates[k]] for k in keys])
    truths = dict(zip(keys, words[: len(keys)], strict=True))
    mine = dict(zip(keys, words[len(keys) :], strict=True))

    bleu, bleu_each = Bleu(4).compute_score(truths, mine, verbose=0)
    metrics: Metrics = {f"bleu_{n + 1}": float(bleu[n]) for n in range(4)}
    cider, cider_each = Cider().compute_score(truths, mine)
    rouge, rouge_each = Rouge().compute_score(truths, mine)
    metrics |= {"cider": float(cider), "meteor": None, "rouge_l": float(rouge)}
    parts = {"bleu_4": bleu_each[3], "cider": cider_each, "rouge_l": rouge_each}
    if java:
        metrics["meteor"], parts["meteor"] = _meteor(truths, mine)
    per_key = {
        key: {name: float(values[i]) for name, values in parts.items()}
        for i, key in enumerate(keys)
    }
    return CaptionScores(metrics, per_key, [] if java else [_WITHOUT_JAVA])


def _single_spaces(groups: list[list[str]]) -> list[list[str]]:
    return [[" ".join(text.split()) for text in texts] for texts in groups]


def _tokenize_python(groups: list[list[str]]) -> list[list[str]]:
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS

    def split(text: str) -> str:
        plain = text.lower().replace("\u2019", "'")
        words = _WORD.findall(_SPLIT_NOT.sub(r"\1 \2", plain))
        return " ".join(word for word in words if word not in PUNCTUATIONS)

    return [[split(text) for text in texts] for texts in groups]


def _tokenize_java(groups: list[list[str]]) -> list[list[str]]:
    """As pycocoevalcap's PTBTokenizer, but UTF-8 whatever the locale and no file in its folder."""
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = Path(ptbtokenizer.__file__).parent / ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR
    lines = [" ".join(text.split()) for texts in groups for text in texts]
    done = subprocess.run(
        [
            *("java", "-Dfile.encoding=UTF-8", "-cp", str(jar)),
            *("edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"),
            *("-encoding", "UTF-8"),
        ],
        input="\n".join(lines) + "\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found = done.stdout.split("\n")[: len(lines)]
    if done.returncode or len(found) != len(lines):
        raise EvaluationError(f"the PTB tokenizer failed: {done.stderr.strip()[-300:]}")
    drop = set(ptbtokenizer.PUNCTUATIONS)
    words = iter(" ".join(w for w in line.split() if w not in drop) for line in found)
    return [[next(words) for _ in texts] for texts in groups]


def _meteor(
    truths: Mapping[str, list[str]], mine: Mapping[str, list[str]]
) -> tuple[float, list[float]]:
    from pycocoevalcap.meteor.meteor import Meteor

    def safe(texts: list[str]) -> list[str]:  # "|||" separates the fields of its protocol
        return [text.replace("|||", " ") or " " for text in texts]

    before = os.environ.get("JAVA_TOOL_OPTIONS")
    os.environ["JAVA_TOOL_OPTIONS"] = f"{before or ''} -Dfile.encoding=UTF-8".strip()
    try:
        scorer = Meteor()
    finally:
        if before is None:
            del os.environ["JAVA_TOOL_OPTIONS"]
        else:
            os.environ["JAVA_TOOL_OPTIONS"] = before
    score, each = scorer.compute_score(
        {key: safe(texts) for key, texts in truths.items()},
        {key: safe(texts) for key, texts in mine.items()},
    )
    return float(score), [float(value) for value in each]
