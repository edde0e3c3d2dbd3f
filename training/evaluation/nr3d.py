"""Nr3D (ReferIt3D, Achlioptas et al., ECCV 2020): accuracy, easy/hard, view-dependent or not.

Easy: the scene shows at most two objects of the target's class (the count in ``stimulus_id``).
View-dependent: the utterance's tokens hold one of ten words. Both as in the release's
``analysis/utterances.py`` and ``analysis/deepnet_predictions.py``. The benchmark picks one of the
given objects, so its accuracy compares object ids; a method that predicts boxes is measured by
IoU, as for ScanRefer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import EvaluationError
from .rates import IOU_THRESHOLDS, Metrics, accuracy_at, mean

VIEW_WORDS = frozenset(
    ("front", "behind", "back", "right", "left", "facing", "leftmost", "rightmost", "looking")
) | {"across"}


@dataclass(frozen=True)
class Stimulus:
    """What ``stimulus_id`` says: scene, class, number of objects of it, target, distractors."""

    scene_id: str
    label: str
    count: int
    target_id: int
    distractor_ids: tuple[int, ...]

    @property
    def easy(self) -> bool:
        """At most one distractor."""
        return self.count <= 2


def parse_stimulus(text: str) -> Stimulus:
    """Read ``scene-label-count-target-d1-d2-...``.

    Raises:
        EvaluationError: if it is no stimulus id or its count contradicts its distractors.
    """
    parts = text.split("-")
    try:
        scene, label = parts[0], parts[1].replace("_", " ")
        count, target, *distractors = (int(part) for part in parts[2:] if part)
    except (IndexError, ValueError) as error:
        raise EvaluationError(
            f"stimulus_id {text!r}: needs scene-label-count-target-distractors."
        ) from error
    if len(distractors) != count - 1:
        raise EvaluationError(
            f"stimulus_id {text!r}: {count} objects but {len(distractors)} distractors."
        )
    return Stimulus(scene, label, count, target, tuple(distractors))


def is_view_dependent(tokens: Iterable[str]) -> bool:
    """Whether a token is one of the ten words of view; whole tokens, in the case they have."""
    return not VIEW_WORDS.isdisjoint(tokens)


def nr3d_metrics(
    easy: Mapping[str, bool],
    view_dependent: Mapping[str, bool],
    ious: Mapping[str, float] | None = None,
    correct: Mapping[str, bool] | None = None,
) -> Metrics:
    """Accuracies of ``correct`` (the right object was picked) and of ``ious`` (boxes), by group."""
    groups = {
        "": easy.keys(),
        "easy": [key for key, flag in easy.items() if flag],
        "hard": [key for key, flag in easy.items() if not flag],
        "view_dep": [key for key, flag in view_dependent.items() if flag],
        "view_indep": [key for key, flag in view_dependent.items() if not flag],
    }
    metrics: Metrics = {}
    for name, keys in groups.items():
        if correct is not None:
            metrics[f"{name}_acc" if name else "acc"] = mean(correct[key] for key in keys)
        if ious is not None:
            metrics |= accuracy_at([ious[key] for key in keys], IOU_THRESHOLDS, name)
        if name:
            metrics[f"{name}_n"] = len(keys)
    return metrics
