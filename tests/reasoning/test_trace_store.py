"""Every query leaves a trace that can be read, opened and trusted, and the disk stays bounded."""

from __future__ import annotations

import argparse
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from box_room import BoxRoom
from scripted_backend import ScriptedBackend, reply

from scene_r1_ros.cli import report
from scene_r1_ros.errors import RequestError, UnparsableAnswerError
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig
from scene_r1_ros.reasoning.trace_store import TraceConfig, TraceStore

WINDOW = BoxRoom().walk(frames=3)
FOUND = [reply("0 to 9"), reply('{"view": 2, "bbox_2d": [10, 20, 60, 80], "label": "box"}')]
NASTY = "<script>alert('x')</script> & \"red\" box"


def store_in(folder: Path, **limits) -> TraceStore:
    return TraceStore(TraceConfig(folder=str(folder), **limits))


def reasoner(store: TraceStore, script: list[str]) -> TwoStageReasoner:
    config = ReasonerConfig(verify_views=0)
    return TwoStageReasoner(ScriptedBackend(script), config, traces=store)


def ask(store: TraceStore, query_id: str, script: list[str] = FOUND, query: str = "box") -> None:
    reasoner(store, script).ground_traced(WINDOW, query, query_id=query_id)


def test_a_trace_holds_what_was_shown_said_and_chosen(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    ask(store, "q1")
    record = store.load("q1")
    assert [c["stage"] for c in record["calls"]] == ["temporal", "image"]
    assert record["calls"][0]["raw"] == FOUND[0]
    assert record["calls"][1]["boxes"] == [
        {"image": 1, "box": [10 / 160, 20 / 120, 60 / 160, 80 / 120], "label": "box"}
    ]
    assert record["result"]["found"]
    assert record["settings"]["verify_views"] == 0
    keys = {
        p["image"] for c in record["calls"] for t in c["prompt"] for p in t["parts"] if "image" in p
    }
    assert {f"{key}.jpg" for key in keys} <= {p.name for p in (tmp_path / "q1").iterdir()}


def test_the_page_stands_alone_and_escapes_what_people_and_models_wrote(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    said = [reply("0 to 9", "<img src=x onerror=alert(1)>"), *FOUND[1:]]
    ask(store, "q1", said, NASTY)
    page = store.page_of("q1").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert page.count("data:image/jpeg;base64,") >= 5


def test_a_failed_query_leaves_its_trace_too(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    with pytest.raises(UnparsableAnswerError):
        ask(store, "q1", ["", ""])
    record = store.load("q1")
    assert record["error"]["type"] == "UnparsableAnswerError"
    assert record["error"]["code"] == UnparsableAnswerError.code
    assert len(record["calls"]) == 2
    assert "UnparsableAnswerError" in store.page_of("q1").read_text()


def test_the_list_is_newest_first_and_says_how_each_ended(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    ask(store, "a")
    ask(store, "b", [reply("not found")])
    ask(store, "c", [reply("ambiguous: 3")])
    reasoner(store, [reply("0 to 9"), reply("two")]).answer_traced(
        WINDOW, "how many?", query_id="d"
    )
    for age, name in enumerate("dcba"):
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "b" / "trace.json").write_text("{broken")
    found = [(s.query_id, s.outcome) for s in store.summaries()]
    assert found == [("d", "answered"), ("c", "ambiguous (3)"), ("a", "found")]
    assert "two" in store.page_of("d").read_text()


def test_the_oldest_are_deleted_beyond_the_limit_in_number(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_traces=2)
    for i in range(4):
        ask(store, f"q{i}")
        os.utime(tmp_path / f"q{i}", (1000 + i, 1000 + i))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["q2", "q3"]


def test_the_oldest_are_deleted_beyond_the_limit_in_bytes(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_megabytes=1.0)
    ask(store, "old")
    (tmp_path / "old" / "000.jpg").write_bytes(bytes(1_100_000))
    os.utime(tmp_path / "old", (1000, 1000))
    ask(store, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_what_another_process_is_writing_is_neither_listed_nor_deleted(tmp_path: Path) -> None:
    store = store_in(tmp_path, max_traces=1)
    ask(store, "q1")
    half = tmp_path / ".writing-elsewhere"
    half.mkdir()
    (half / "trace.json").write_bytes((tmp_path / "q1" / "trace.json").read_bytes())
    os.utime(half, (0, 0))
    ask(store, "q2")
    assert half.is_dir()
    assert [s.query_id for s in store.summaries()] == ["q2"]


def test_stores_of_one_folder_do_not_trip_over_each_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def several(name: str) -> None:
        for i in range(12):
            ask(store_in(tmp_path, max_traces=2), f"{name}{i}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(several, "abcd"))
    assert not [r for r in caplog.records if "cannot be written" in r.message]
    assert len(store_in(tmp_path).summaries()) <= 2 + 3  # others may have come meanwhile


def test_an_id_cannot_leave_the_folder_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for bad in ("../x", "/etc", "", "a/b", ".hidden"):
        with pytest.raises(RequestError, match="is no query id"):
            store.path_of(bad)
    with pytest.raises(RequestError, match="is no query id"):
        ask(store, "../evil")
    ask(store, "q1")
    with pytest.raises(RequestError, match=r"no trace of query q9 .* the newest are q1"):
        store.path_of("q9")


def test_a_folder_that_cannot_be_written_costs_the_record_not_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    found, _ = reasoner(store_in(blocked), FOUND).ground_traced(WINDOW, "box")
    assert found.found
    assert "cannot be written" in caplog.text


def test_records_can_be_switched_off(tmp_path: Path) -> None:
    ask(store_in(tmp_path / "traces", enabled=False), "q1")
    assert list(tmp_path.iterdir()) == []


def run_report(folder: Path, *argv: str) -> int:
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    return report.run(parser.parse_args(["--traces", str(folder), *argv]))


def test_the_report_command_lists_and_finds_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_in(tmp_path)
    ask(store, "q1")
    assert run_report(tmp_path) == 0
    assert capsys.readouterr().out.split() == ["q1", "found", "box"]
    (tmp_path / "q1" / "index.html").unlink()
    assert run_report(tmp_path, "latest", "--no-open") == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.read_text().startswith("<!doctype html>")
    assert run_report(tmp_path, "q1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["query_id"] == "q1"
    with pytest.raises(RequestError, match="no trace"):
        run_report(tmp_path, "q2")
