"""Examples: true of their frames, prompted as the robot prompts, refused when they are wrong."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
from scene_r1_training.data.labels_schema import _META_KEY
from scene_r1_training.examples.chains import examples_from_chains
from scene_r1_training.examples.errors import TrainingError
from scene_r1_training.examples.labelled import examples_from_labels
from scene_r1_training.examples.render import ModelView, Renderer, rows_dataset
from scene_r1_training.examples.settings import DataConfig
from tiny_models import build_qwen2_5_vl, build_qwen3_vl
from training_rooms import chains

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.reasoning.messages import to_chat
from scene_r1_ros.reasoning.prompts import TimedImage, temporal_prompt

CONFIG = DataConfig(min_frames=3, max_frames=4, views=2, repeats=6, empty_share=0.3)
QWEN = ModelView("resized_pixels", 28, 3136, 1_000_000)


def from_records(work, tmp_path, *records):
    path = tmp_path / "chains.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return examples_from_chains(work / "data", [path])


def changed(number: int, **changes) -> dict:
    return {**chains()[number], **changes}


class TestFromLabels:
    def test_spans_are_those_in_which_the_shown_frames_show_the_target(self, work):
        for example in examples_from_labels(work / "data", "temporal", CONFIG):
            seen = [f.seconds for f in example.frames if 2 <= f.number <= 5]
            if "green" in example.query:
                seen = [f.seconds for f in example.frames]
            if "blue" in example.query or not example.spans:
                assert example.spans == ()
                continue
            (span,) = example.spans
            assert span[0] == min(seen)
            assert span[1] == max(seen)

    def test_some_clips_do_not_show_a_target_that_the_scene_shows(self, work):
        config = CONFIG.replace(repeats=20, empty_share=0.9, min_frames=2, max_frames=2)
        reds = [
            e for e in examples_from_labels(work / "data", "temporal", config) if "red" in e.query
        ]
        assert {e.found for e in reds} == {True, False}

    def test_views_carry_the_box_of_the_target_or_none(self, work):
        for example in examples_from_labels(work / "data", "image", CONFIG):
            for frame, box in zip(example.frames, example.boxes, strict=True):
                there = "green" in example.query or (
                    "red" in example.query and 2 <= frame.number <= 5
                )
                assert (box is not None) == there

    def test_the_same_seed_draws_the_same(self, work):
        one, two = (examples_from_labels(work / "data", "image", CONFIG) for _ in range(2))
        other = examples_from_labels(work / "data", "image", CONFIG.replace(seed=1))
        assert one == two
        assert one != other

    def test_labels_of_another_version_are_refused(self, work, tmp_path):
        import pyarrow.parquet as pq

        data = tmp_path / "data"
        shutil.copytree(work / "data", data)
        path = data / "labels" / "annotations.parquet"
        table = pq.read_table(path)
        note = json.dumps({"version": 99, "table": "annotations", "provenance": {}})
        pq.write_table(table.replace_schema_metadata({_META_KEY: note.encode()}), path)
        with pytest.raises(RecordingFormatError, match="schema version 99"):
            examples_from_labels(data, "image", CONFIG)


class TestFromChains:
    def test_every_stage_is_read_with_its_truth(self, work):
        found = examples_from_chains(work / "data", [work / "chains.jsonl"])
        assert [e.stage for e in found[:4]] == ["temporal", "image", "answer", "temporal"]
        assert found[0].spans == ((1.0, 2.5),)
        assert found[1].boxes == ((8.0, 8.0, 36.0, 36.0),)
        assert found[2].answers == ("green",)
        assert not found[3].found

    @pytest.mark.parametrize(
        ("record", "message"),
        [
            (changed(0, completion="<think>a</think><answer> </answer>"), "answer is empty"),
            (changed(0, completion="<think>a</think><answer>1.0 to 9.0</answer>"), "outside the v"),
            (changed(0, completion="<think>a</think><answer>soon</answer>"), "no span"),
            (changed(0, frames=[0, 77]), "has no frame 77"),
            (changed(0, stage=9), "stage 9"),
            ({"scene_id": "room0"}, "lacks completion"),
            ({"format": "scene_r1_chains", "version": 7}, "version 7"),
            (changed(1, completion='<think>a</think><answer>{"bbox_2d": [900, 900, 950, 950], '
                     '"label": "cup"}</answer>'), "does not lie in an image of 112 x 84"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said(self, work, tmp_path, record, message):
        with pytest.raises(TrainingError, match=message):
            from_records(work, tmp_path, record)

    def test_a_missing_scene_is_named(self, work, tmp_path):
        with pytest.raises(TrainingError, match="scene room9"):
            from_records(work, tmp_path, changed(0, scene_id="room9"))

    def test_an_image_that_went_missing_is_named(self, work, tmp_path):
        data = tmp_path / "data"
        shutil.copytree(work / "data", data)
        example = examples_from_chains(data, [work / "chains.jsonl"])[0]
        example.frames[2].path.unlink()
        with pytest.raises(TrainingError, match=r"color/2\.jpg cannot be used"):
            Renderer(CONFIG, QWEN).row(example)


class TestRendering:
    def test_the_prompt_is_the_robots_own(self, work):
        example = examples_from_chains(work / "data", [work / "chains.jsonl"])[0]
        row = Renderer(CONFIG, QWEN).row(example)
        frames = [TimedImage(None, frame.seconds) for frame in example.frames]
        assert row["prompt"] == to_chat(temporal_prompt(example.query, frames, CONFIG.style))
        assert len(row["images"]) == len(frames)

    @pytest.mark.parametrize(
        ("build", "family"), [(build_qwen2_5_vl, "qwen2_5_vl"), (build_qwen3_vl, "qwen3_vl")]
    )
    def test_boxes_are_said_in_what_the_processor_really_makes_of_the_image(
        self, work, tmp_path, build, family
    ):
        from transformers import AutoProcessor

        processor = AutoProcessor.from_pretrained(build(tmp_path / family))
        view = ModelView.of(processor, family)
        renderer = Renderer(CONFIG, view)
        example = examples_from_chains(work / "data", [work / "chains.jsonl"])[1]
        row = renderer.row(example)
        pixels = processor.image_processor(row["images"], return_tensors="pt")
        _, rows, columns = pixels["image_grid_thw"][0].tolist()
        patch = processor.image_processor.patch_size
        assert row["model_sizes"] == [(columns * patch, rows * patch)]
        said = json.loads(renderer.completion(example).split("<answer>")[1].split("</answer>")[0])
        width, height = (1000, 1000) if family == "qwen3_vl" else row["model_sizes"][0]
        expected = [8 * width / 112, 8 * height / 84, 36 * width / 112, 36 * height / 84]
        assert said["bbox_2d"] == [round(v) for v in expected]

    def test_what_is_said_earns_the_full_reward(self, work):
        from scene_r1_training.rewards.box import box_iou_reward

        example = examples_from_chains(work / "data", [work / "chains.jsonl"])[1]
        renderer = Renderer(CONFIG, ModelView("thousandths", 32, 4096, 1_000_000))
        row = renderer.row(example)
        columns = {k: [v] for k, v in row.items() if k not in ("completion", "images", "prompt")}
        assert box_iou_reward([row["completion"]], **columns)[0] > 0.95


def test_rows_of_many_examples_are_made_without_pickling_any(work):
    class Unpicklable(list):
        def __reduce_ex__(self, protocol):
            raise AssertionError("examples were pickled")

    examples = Unpicklable(examples_from_labels(work / "data", "image", CONFIG))
    rows = rows_dataset(examples, Renderer(CONFIG, QWEN))
    assert len(rows) == len(examples)
    assert rows[1]["key"] == examples[1].key
    with pytest.raises(TypeError, match="start workers with the method fork"):
        pickle.loads(pickle.dumps(rows.format["format_kwargs"]["transform"]))


def test_boxes_that_are_said_are_converted_and_others_left():
    import doctest

    from scene_r1_training.examples import said_boxes

    result = doctest.testmod(said_boxes)
    assert (result.failed, result.attempted) == (0, 1)
    text = 'in [1, 2] is {"bbox_2d": [?]} and {"bbox_2d" : [5, 6]}'
    kept = said_boxes.with_boxes(text, lambda said: None if "?" in said else [7])
    assert kept == 'in [1, 2] is {"bbox_2d": [?]} and {"bbox_2d" : [7]}'
