"""Chains of thought: what each filter stops, what a model costs, and that a stop loses nothing."""

from __future__ import annotations

import json

import pytest
from bad_server import serving
from scene_r1_training.cot.filters import why_rejected
from scene_r1_training.cot.make import make_chains
from scene_r1_training.cot.settings import CotConfig
from scene_r1_training.examples.chains import examples_from_chains
from scene_r1_training.examples.errors import TrainingError
from training_rooms import build_prepared, chains, write_chains

from scene_r1_ros.errors import ConfigError, ModelAbsentError

GOOD = (
    "I am looking for the red box. At 1.0 s a red box comes into view. I see the red box last at "
    "2.5 s."
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return build_prepared(tmp_path_factory.mktemp("cot") / "data")


@pytest.fixture
def example(data, tmp_path):
    path = write_chains(tmp_path / "one.jsonl", scenes=1)
    return examples_from_chains(data, [path])[0]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def make(data, out, **options):
    return make_chains(data, out, say=lambda text: None, **options)


@pytest.mark.parametrize(
    ("think", "answer", "reason"),
    [
        (GOOD, "1.0 to 2.5", ""),
        (GOOD, "1.0s to 2.5s", "format"),
        ("A red box is there.", "1.0 to 2.5", "length: 5 words"),
        ("word " * 400, "1.0 to 2.5", "length: 400 words"),
        (GOOD.replace(". ", " and "), "1.0 to 2.5", "steps: 1"),
        (GOOD, "0.0 to 0.5", "gold: span IoU 0.00"),
        (GOOD, "not found", "gold: not found, but it is there"),
        (GOOD + " Now I am done. The time is clear to me.", "1.0 to 2.5", "final step"),
    ],
)
def test_each_filter_says_what_it_stops(example, think, answer, reason):
    from dataclasses import replace

    labelled = replace(example, label="red box")
    text = f"<think>{think}</think><answer>{answer}</answer>"
    found = why_rejected(text, labelled, CotConfig())
    assert found.startswith(reason) if reason else found == ""


def test_chains_of_scene_graphs_are_held_against_the_labels(data, tmp_path):
    records = chains()
    wrong = {**records[0], "completion": records[0]["completion"].replace("1.0 to", "0.5 to")}
    silent = {
        **records[2],
        "completion": "<think>The question is about a box on the left side. It is a box that "
        "stands there, and so the answer is a colored one of them.</think><answer>green</answer>",
    }
    path = tmp_path / "candidates.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in [*records, wrong, silent]))
    report = make(data, tmp_path / "kept.jsonl", chains=str(path), assignments=["cot.span_iou=0.9"])
    assert report.kept == 4
    assert report.rejected == {"gold": 1, "final step": 1}
    kept = tmp_path / "kept.jsonl"
    assert [r["stage"] for r in lines(kept)[1:]] == ["temporal", "image", "answer", "temporal"]
    rejected = lines(tmp_path / "kept.rejected.jsonl")[1:]
    assert all(r["reason"] and r["completion"] for r in rejected)
    # what is kept is what sft reads
    assert len(examples_from_chains(data, [kept])) == 4


class Model:
    """A server's model that answers by the query; ``again`` is what it says without images."""

    def __init__(self, again: str | None = None) -> None:
        self.asked = 0
        self.again = again

    def __call__(self, handler) -> None:
        self.asked += 1
        body = handler.server.requests[-1][3]
        text = json.dumps(body["messages"])
        if "Somebody looked and reasoned" in text:
            handler.completion(f"<answer>{self.again or 'green'}</answer>")
        else:
            handler.completion(
                "<think>The question is about the box on the left. I see a green box there. So the "
                "answer is green.</think><answer>green</answer>"
            )


QA = ("data.stages=answer", "data.max_frames=3", "data.min_frames=2", "cot.price_in=1000000")


def test_a_model_writes_answers_again_and_is_paid(data, tmp_path):
    model = Model()
    with serving(model) as server:
        report = make(data, tmp_path / "k.jsonl", server=server.url, model="good", assignments=QA)
    assert report.kept == 2
    assert model.asked == 2 * 2 + 0
    assert report.cost.tokens_in == 4 * 7
    assert report.price == pytest.approx(28.0)
    assert lines(tmp_path / "k.jsonl")[1]["tokens_out"] == 6


def test_what_the_reasoning_alone_does_not_give_is_rejected(data, tmp_path):
    with serving(Model(again="blue")) as server:
        report = make(data, tmp_path / "k.jsonl", server=server.url, model="good", assignments=QA)
    assert report.kept == 0
    assert report.rejected == {"re-answer": 2}


def test_a_run_that_stopped_goes_on_without_paying_twice(data, tmp_path):
    model, out = Model(), tmp_path / "k.jsonl"
    with serving(model) as server:
        options = {"server": server.url, "model": "good"}
        first = make(data, out, assignments=[*QA, "cot.max_cost=10"], **options)
        assert first.kept == 1
        assert "cost reached 14" in first.stopped
        with out.open("a") as file:
            file.write('{"key": "cut off in the')  # as a kill leaves it
        second = make(data, out, assignments=QA, **options)
    assert (second.kept, second.done_before) == (1, 1)
    assert second.cost.tokens_in == 4 * 7
    assert model.asked == 4
    assert len(lines(out)) == 3


def test_a_failing_server_costs_nothing_and_is_asked_again(data, tmp_path):
    out = tmp_path / "k.jsonl"
    with serving(lambda handler: handler.json(400, {"error": {"message": "no"}})) as server:
        report = make(data, out, server=server.url, model="good", assignments=[
            *QA, "data.limit=1"])  # fmt: skip
    assert (report.kept, report.failed) == (0, 1)
    with serving(Model()) as server:
        again = make(data, out, server=server.url, model="good", assignments=[
            *QA, "data.limit=1"])  # fmt: skip
    assert again.kept == 1


def test_wrong_use_is_said(data, tmp_path):
    out = tmp_path / "k.jsonl"
    with pytest.raises(ConfigError, match="either --chains"):
        make(data, out)
    with pytest.raises(ConfigError, match=r"cot\.nonsense"):
        make(data, out, chains="x", assignments=["cot.nonsense=1"])
    with pytest.raises(ModelAbsentError):
        make(data, out, server="http://127.0.0.1:9/v1", model="good")
    path = write_chains(tmp_path / "c.jsonl")
    make(data, out, chains=str(path))
    with pytest.raises(TrainingError, match="other settings"):
        make(data, out, chains=str(path), assignments=["cot.min_words=3"])
