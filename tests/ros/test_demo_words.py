"""The demonstration in words, over real DDS, with a server that knows the truth or does not."""

import json

import pytest
from bad_server import serving
from demo_processes import command, marked_processes
from truthful_server import Truth, list_models

from scene_r1_ros.demo import annotated_objects, choose_queries
from scene_r1_ros.recordings import open_recording
from scene_r1_ros.synthetic import demo_recording

pytestmark = pytest.mark.timeout(300)  # its processes start slowly on a busy machine


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A synthetic room that offers three objects to be asked for."""
    return demo_recording(tmp_path_factory.mktemp("room") / "room", seconds=8.0, fps=2.0)


@pytest.fixture(scope="module")
def shown(room, tmp_path_factory):
    """Asked: one that the model knows, one that it fails at, one that it mistakes, one of none."""
    out = tmp_path_factory.mktemp("words") / "out"
    with open_recording(room) as recording:
        camera = recording.intrinsics
        queries = choose_queries(annotated_objects(room), camera.width, camera.height)
        known, fails, mistaken, _absent = queries
        script = {known.text: known.target, fails.text: "???", mistaken.text: known.target}
        truth = Truth(recording, script)
    with serving(truth, list_models) as server:
        demo = command(
            "demo", "--source", room, "--server", server.url, "--out", out, "--rate", 4,
            "--picture", out / "picture.png", "--json",
        )  # fmt: skip
        printed, said = demo.communicate(timeout=200)
    assert demo.returncode == 0, said
    return {
        "record": json.loads(printed.splitlines()[-1]),
        "said": said,
        "out": out,
        "queries": queries,
        "left": marked_processes(),
    }


def test_a_right_answer_stands_beside_the_truth(shown):
    first, query = shown["record"]["queries"][0], shown["queries"][0]
    assert (first["query"], first["verdict"], first["right"]) == (query.text, "found", True)
    assert first["rationale"] == "It is seen then.\nThere."
    assert first["truth"]["center"] == list(query.target.box.center)
    assert first["box_iou"] > 0.9
    assert first["span_iou"] > 0.5
    assert first["iou"] > 0.25
    assert first["object"]["object_id"]


def test_an_answer_that_cannot_be_used_is_a_failed_query_and_the_rest_goes_on(shown):
    second = shown["record"]["queries"][1]
    assert (second["verdict"], second["right"]) == ("failed", False)
    assert "could not be used" in second["error"]
    assert len(shown["record"]["queries"]) == 4


def test_a_mistaken_object_is_shown_as_wrong(shown):
    third = shown["record"]["queries"][2]
    assert (third["verdict"], third["right"]) == ("found", False), third.get("error")
    assert third["iou"] < 0.25
    assert third["box_iou"] < 0.5


def test_what_is_not_there_and_not_found_is_right(shown):
    fourth = shown["record"]["queries"][3]
    assert fourth["absent"]
    assert (fourth["verdict"], fourth["right"], fourth["truth"]) == ("not found", True, None)
    assert (shown["record"]["right"], shown["record"]["judged"]) == (2, 4)


def test_every_query_is_printed_with_answer_and_truth(shown):
    first, second, third, fourth = shown["queries"]
    for line in (
        f"1  {first.text}: right", f"2  {second.text}: failed", f"3  {third.text}: wrong",
        f"4  {fourth.text}: right", "why     It is seen then.", "3D IoU 0.", "2 of 4 right",
    ):  # fmt: skip
        assert line in shown["said"]


def test_report_has_every_query_and_leads_to_a_report_of_each_answer(shown):
    page = (shown["out"] / "report.html").read_text()
    for query in shown["queries"]:
        assert query.text in page
    assert page.count("data:image/jpeg") >= 5
    assert (shown["out"] / "query_1" / "object.ply").is_file()
    assert 'href="query_1/report.html"' in page
    assert not (shown["out"] / "query_2").exists()
    assert json.loads((shown["out"] / "queries.json").read_text())["right"] == 2
    assert (shown["out"] / "picture.png").is_file()


def test_nothing_is_left_running(shown):
    assert shown["left"] == []


@pytest.mark.parametrize(("arguments", "words"), [
    (["--query", "sofa", "--prompt", "box"], "--query is for words, but a box is the prompt"),
    (["--model", "a", "--server", "b"], "one of them answers, not both"),
])  # fmt: skip
def test_contradicting_flags_are_refused(arguments, words):
    demo = command("demo", *arguments)
    _, said = demo.communicate(timeout=90)
    assert demo.returncode == 2
    assert words in said
