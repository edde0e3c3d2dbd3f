"""``scene-r1 train``: settings from file and flags, the dry run, and a whole stage."""

from __future__ import annotations

import json

import pytest
import yaml
from tiny_models import build_qwen2_5_vl
from training_rooms import build_prepared, write_chains

from scene_r1_ros.cli.main import main


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train_command")
    build_prepared(folder / "data")
    write_chains(folder / "chains.jsonl")
    build_qwen2_5_vl(folder / "tiny")
    values = {
        "model": {"checkpoint": str(folder / "tiny")},
        "data": {"path": str(folder / "data"), "max_image_tokens": 32, "max_frames": 6},
        "optim": {"batch_size": 2, "steps": 50},
        "run": {"tensorboard": False, "samples": 0},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(values))
    return folder


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_flags_win_over_the_file_and_the_result_is_one_json_object(work, capsys):
    out = work / "run"
    assert main([
        "train", "sft", "--config", str(work / "run.yaml"), "--chains", str(work / "chains.jsonl"),
        "--out", str(out), "--steps", "2", "--set", "optim.rate=0.001", "--json",
    ]) == 0  # fmt: skip
    result = last_json(capsys)
    assert result["steps"] == 2
    assert result["examples"] == 8
    assert json.loads((out / "settings.json").read_text())["settings"]["optim"]["rate"] == 0.001
    assert (out / "final" / "config.json").is_file()


def test_a_dry_run_shows_prompts_memory_and_time_and_writes_nothing(work, capsys):
    out = work / "dry"
    assert main([
        "train", "grpo-image", "--config", str(work / "run.yaml"), "--out", str(out), "--dry-run",
        "--json",
    ]) == 0  # fmt: skip
    result = last_json(capsys)
    assert not out.exists()
    assert "Query:" in result["prompts"][0]["text"]
    assert result["prompts"][0]["images"][0]["original"] == [112, 84]
    memory = result["memory_bytes"]
    assert memory["weights"] == 4 * result["parameters"]
    assert memory["reference"] == memory["weights"]
    assert memory["total"] == pytest.approx(sum(v for k, v in memory.items() if k != "total"))
    assert result["seconds"]["total"] > 0


def test_the_tokens_that_a_dry_run_counts_are_those_of_the_processor(work, capsys):
    from transformers import AutoProcessor

    main(["train", "grpo-image", "--config", str(work / "run.yaml"), "--dry-run", "--json",
          "--out", str(work / "dry")])  # fmt: skip
    prompt = last_json(capsys)["prompts"][0]
    processor = AutoProcessor.from_pretrained(work / "tiny")
    from PIL import Image

    images = [Image.new("RGB", tuple(i["sent"])) for i in prompt["images"]]
    real = processor(text=[prompt["text"]], images=images)["input_ids"][0]
    assert prompt["tokens"] == len(real)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "optim.speed=1"], "SECTION.NAME=VALUE"),
        (["--set", "optim.rate=fast"], "needs a float"),
        (["--data", "/nowhere"], "is no folder"),
        (["--model", ""], "no model is configured"),
    ],
)
def test_wrong_arguments_are_said_in_a_sentence(work, capsys, arguments, message):
    status = main([
        "train", "grpo-qa", "--config", str(work / "run.yaml"), "--out", str(work / "wrong"),
        "--set", "grpo.generations=2", *arguments,
    ])  # fmt: skip
    assert status in (1, 2)
    assert message in capsys.readouterr().err


def test_every_setting_is_listed(capsys):
    assert main(["train", "sft", "--list-settings"]) == 0
    text = capsys.readouterr().out
    assert "grpo.kl=0.04" in text
    assert "data.max_frames=16" in text


def test_a_new_model_knows_the_words_and_gives_every_answer_back_as_it_was(work, capsys):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    out = work / "new"
    assert main([
        "train", "new-model", "--data", str(work / "data"), "--chains", str(work / "chains.jsonl"),
        "--out", str(out), "--set", "width=64", "--set", "layers=2", "--json",
    ]) == 0  # fmt: skip
    assert last_json(capsys)["bytes"] < 4e6
    model = AutoModelForImageTextToText.from_pretrained(out)
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    tokenizer = AutoProcessor.from_pretrained(out).tokenizer
    for line in (work / "chains.jsonl").read_text().splitlines():
        said = json.loads(line)["completion"]
        ids = tokenizer(said)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == said
    assert tokenizer.unk_token_id in tokenizer("a zebra")["input_ids"]
    assert main([
        "train", "sft", "--config", str(work / "run.yaml"), "--chains", str(work / "chains.jsonl"),
        "--model", str(out), "--out", str(work / "from_new"), "--steps", "1",
    ]) == 0  # fmt: skip
