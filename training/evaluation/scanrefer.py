"""ScanRefer (Chen et al., ECCV 2020): Acc@0.25IoU and Acc@0.5IoU, unique, multiple, overall.

Two definitions of "unique" are in use and differ for many samples:

* the released code (``lib/dataset.py``): the only *annotated* object of its benchmark class in
  the scene; objects nobody described do not count. Prefix ``unique`` / ``multiple``.
* the paper's text: the only object of its class in the scene, whether annotated or not.
  Prefix ``unique_scene`` / ``multiple_scene``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .rates import IOU_THRESHOLDS, Metrics, accuracy_at


@dataclass(frozen=True)
class Described:
    """One description: its ``key``, where it belongs and the described object's name."""

    key: str
    scene_id: str
    object_id: int
    object_name: str


def unique_among_annotated(
    samples: Iterable[Described], class_of: Callable[[str], str]
) -> dict[str, bool]:
    """Per key: is the target the only annotated object of its class in its scene?

    ``samples`` must be the whole split: objects that are left out cannot be counted.
    """
    samples = list(samples)
    annotated = {(s.scene_id, s.object_id): class_of(s.object_name) for s in samples}
    count = Counter((scene, name) for (scene, _), name in annotated.items())
    return {s.key: count[s.scene_id, class_of(s.object_name)] == 1 for s in samples}


def unique_in_scene(
    samples: Iterable[Described],
    scene_names: Mapping[str, Iterable[str]],
    class_of: Callable[[str], str],
) -> dict[str, bool]:
    """Per key: is the target the only object of its class among all objects of its scene?

    ``scene_names`` gives the name of every object of a scene, one entry an object.
    """
    count = {
        scene: Counter(class_of(name) for name in names) for scene, names in scene_names.items()
    }
    return {s.key: count[s.scene_id][class_of(s.object_name)] <= 1 for s in samples}


def scanrefer_metrics(
    ious: Mapping[str, float],
    unique: Mapping[str, bool],
    unique_scene: Mapping[str, bool] | None = None,
) -> Metrics:
    """Accuracies at ``iou >= 0.25`` and ``iou >= 0.5`` from the IoU of each key (0: no box)."""
    metrics = accuracy_at(ious.values(), IOU_THRESHOLDS)
    splits = [("", unique)] + ([("_scene", unique_scene)] if unique_scene is not None else [])
    for suffix, is_unique in splits:
        for name, wanted in (("unique", True), ("multiple", False)):
            chosen = [iou for key, iou in ious.items() if is_unique[key] is wanted]
            metrics |= accuracy_at(chosen, IOU_THRESHOLDS, f"{name}{suffix}")
            metrics[f"{name}{suffix}_n"] = len(chosen)
    return metrics
