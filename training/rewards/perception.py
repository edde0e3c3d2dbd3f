"""3D perception: the answered box is tracked and lifted as on the robot, then compared in 3D.

    iou3d = |P n T| / |P u T| of axis-aligned boxes in the scene's aligned frame

as 3D-R1's perception reward (arXiv 2507.23478, section 3.3) does with boxes that its model says
directly; here they come out of the same tracking and lifting code that the nodes run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.geometry import BoxXyxy
from scene_r1_ros.lifting import lift
from scene_r1_ros.pipeline import Pipeline
from scene_r1_ros.reasoning.model_frames import BoxFrame
from scene_r1_ros.reasoning.sampling import Size
from scene_r1_ros.recordings.folder import FolderRecording

from ..data.prepare_scene import prepared_folder
from ..evaluation.boxes import aabb_iou
from ..evaluation.truth import SceneTruth, load_truth
from .box import answered_box
from .texts import Completion, Rewards, texts


def perception_reward(
    data: Path, tracker: str = "geometric", max_frames: int = 40
) -> Callable[..., Rewards]:
    """The reward over the prepared data set ``data``; None for rows without a target.

    It needs the columns of :func:`~.box.box_iou_reward` and ``scene_id``, ``object_ids`` and
    ``stamps_ns`` (of each view). ``max_frames`` of a scene are tracked. A prompt takes a second
    or so: use it with few completions, or to choose between checkpoints. What cannot be tracked
    or lifted earns 0. Its example that runs is in the test of this file.
    """

    def reward(
        completions: Sequence[Completion],
        scene_id: Sequence[str],
        object_ids: Sequence[Sequence[int]],
        stamps_ns: Sequence[Sequence[int]],
        image_sizes: Sequence[Sequence[Size]],
        model_sizes: Sequence[Sequence[Size]],
        box_frame: Sequence[BoxFrame],
        **columns: Any,
    ) -> Rewards:
        out: Rewards = []
        for i, text in enumerate(texts(completions)):
            if not object_ids[i]:
                out.append(None)
                continue
            box = answered_box(text, image_sizes[i], model_sizes[i], box_frame[i])
            if box is None:
                out.append(0.0)
                continue
            view, pixels = box
            out.append(_iou(scene_id[i], int(stamps_ns[i][view]), pixels, object_ids[i]))
        return out

    def _iou(scene: str, stamp_ns: int, box: BoxXyxy, ids: Sequence[int]) -> float:
        truth = _truth(data, scene)
        boxes = [truth.boxes[number] for number in ids if number in truth.boxes]
        try:
            window = _window(data, scene, max_frames, stamp_ns)
            result = _pipeline(tracker).from_box(window, stamp_ns, box)
        except SceneR1Error:
            return 0.0
        if result.lifted is None:
            return 0.0
        lifted = truth.aligned_box(result.lifted)
        return max((aabb_iou(lifted, box) for box in boxes), default=0.0)

    reward.__name__ = "perception_reward"
    return reward


@functools.lru_cache(maxsize=64)
def _truth(data: Path, scene_id: str) -> SceneTruth:
    return load_truth(data, scene_id, need_views=False)


@functools.lru_cache(maxsize=8)
def _window(data: Path, scene_id: str, max_frames: int, stamp_ns: int) -> WindowSnapshot:
    """Evenly chosen frames of the scene, the one at ``stamp_ns`` always among them."""
    with FolderRecording(prepared_folder(data, scene_id)) as recording:
        stamps = recording.stamps_ns.tolist()
        stride = -(-len(stamps) // max_frames)
        chosen = sorted({*range(0, len(stamps), stride), stamps.index(stamp_ns)})
        return WindowSnapshot.of([recording.frame(i) for i in chosen])


@functools.lru_cache(maxsize=2)
def _pipeline(tracker: str) -> Pipeline:
    from scene_r1_ros.tracking.backends import TrackerConfig, make_tracker

    return Pipeline(make_tracker(TrackerConfig(tracker=tracker)), lambda w, t, c: lift(w, t, c))
