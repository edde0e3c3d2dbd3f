"""Box IoU in pixels of the original image, whatever frame the model answers in.

    iou = |A n B| / |A u B|        (VLM-R1, arXiv 2504.07615: its accuracy reward for grounding)

A row may show several views; the box counts in the view that the answer names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scene_r1_ros.geometry import BoxXyxy, box_iou
from scene_r1_ros.reasoning.model_frames import BoxFrame, box_to_image
from scene_r1_ros.reasoning.parsing import is_not_found, parse_boxes
from scene_r1_ros.reasoning.sampling import Size

from .texts import Completion, Rewards, only_answer, texts


def box_iou_reward(
    completions: Sequence[Completion],
    boxes: Sequence[Sequence[BoxXyxy | None]],
    image_sizes: Sequence[Sequence[Size]],
    model_sizes: Sequence[Sequence[Size]],
    box_frame: Sequence[BoxFrame],
    **columns: Any,
) -> Rewards:
    """IoU with the true box of the view that was chosen; None if no view has one.

    ``boxes`` are the true boxes of each view in original pixels (None: not in this view),
    ``image_sizes`` the views' original sizes, ``model_sizes`` those that the model saw. An answer
    with more than one box earns 0: the robot would call it ambiguous.

    >>> text = '<think>there</think><answer>{"bbox_2d": [0, 0, 50, 50], "label": "cup"}</answer>'
    >>> box_iou_reward([text], boxes=[[(0, 0, 100, 200)]], image_sizes=[[(200, 200)]],
    ...                model_sizes=[[(100, 100)]], box_frame=["resized_pixels"])
    [0.5]
    """
    rows = zip(texts(completions), boxes, image_sizes, model_sizes, box_frame, strict=True)
    rewards: Rewards = []
    for text, truths, sizes, seen, frame in rows:
        if not any(truth is not None for truth in truths):
            rewards.append(None)
            continue
        answered = answered_box(text, sizes, seen, frame)
        truth = None if answered is None else truths[answered[0]]
        if answered is None or truth is None:
            rewards.append(0.0)
        else:
            rewards.append(box_iou(answered[1], (truth[0], truth[1], truth[2], truth[3])))
    return rewards


def answered_box(
    text: str, image_sizes: Sequence[Size], model_sizes: Sequence[Size], frame: BoxFrame
) -> tuple[int, BoxXyxy] | None:
    """(view from 0, box in its original pixels) of the completion's only answer, or None."""
    answer = only_answer(text)
    if answer is None or is_not_found(answer):
        return None
    found = parse_boxes(answer)
    if len(found) != 1:
        return None
    view = found[0].view if found[0].view is not None and len(image_sizes) > 1 else 1
    if not 1 <= view <= len(image_sizes):
        return None
    width, height = image_sizes[view - 1]
    x0, y0, x1, y1 = box_to_image(
        found[0].box, frame, (model_sizes[view - 1][0], model_sizes[view - 1][1]), (width, height)
    )
    box = (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
    return (view - 1, box) if box[0] < box[2] and box[1] < box[3] else None
