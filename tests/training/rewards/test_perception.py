"""The 3D reward: tracked and lifted by the robot's own pipeline, then compared in 3D."""

from __future__ import annotations

import json

import pytest
from scannet_scenes import write_scannet
from scene_r1_training.data.labels_visibility import VisibilityConfig
from scene_r1_training.data.prepare_labels import LabelTask, label_scene
from scene_r1_training.data.prepare_scene import PrepareConfig, SceneTask, prepare_scene
from scene_r1_training.examples.scenes import load_scene
from scene_r1_training.rewards.perception import perception_reward

SCENE = "scene0000_00"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("perception")
    root, out = write_scannet(folder / "root"), folder / "prepared"
    prepare_scene(SceneTask(root, SCENE, out, PrepareConfig(stride=1)))
    label_scene(LabelTask(out, SCENE, VisibilityConfig()))
    return out


def reward_of(data, box, label="chair") -> float:
    scene = load_scene(data, SCENE)
    number = best(scene)
    stamp = dict(zip(scene.numbers, scene.stamps_ns, strict=True))[number]
    answer = json.dumps({"bbox_2d": [round(v) for v in box], "label": label})
    sizes = [[scene.image_size]]
    (value,) = perception_reward(data)(
        [f"<think>I see it.</think><answer>{answer}</answer>"],
        scene_id=[SCENE], object_ids=[[1]], stamps_ns=[[stamp]], image_sizes=sizes,
        model_sizes=sizes, box_frame=["resized_pixels"],
    )  # fmt: skip
    return value


def best(scene) -> int:
    return max(scene.views[1], key=lambda n: scene.views[1][n]["pixels"])


def test_the_true_box_is_lifted_onto_the_object(data):
    scene = load_scene(data, SCENE)
    assert reward_of(data, scene.box([1], best(scene))) > 0.5


def test_a_box_beside_it_and_one_without_object_earn_little(data):
    scene = load_scene(data, SCENE)
    true = reward_of(data, scene.box([1], best(scene)))
    assert reward_of(data, (0, 0, 12, 12)) < 0.1
    assert reward_of(data, (0, 0, *scene.image_size)) < true


def test_rows_without_target_or_answer_are_told_apart(data):
    columns = {
        "scene_id": [SCENE, SCENE], "object_ids": [[], [1]], "stamps_ns": [[0], [0]],
        "image_sizes": [[(160, 120)]] * 2, "model_sizes": [[(160, 120)]] * 2,
        "box_frame": ["unit"] * 2,
    }  # fmt: skip
    assert perception_reward(data)(["", "<answer>not found</answer>"], **columns) == [None, 0.0]
