"""``scene-r1 bench``: every benchmark runs and prints a valid record; how fast is not tested."""

from __future__ import annotations

import json
import math

import pytest

from scene_r1_ros.bench import catalogue
from scene_r1_ros.bench.records import BenchResult, Row
from scene_r1_ros.cli.main import main
from scene_r1_ros.errors import SceneR1Error

KEYS = {"what", "unit", "ours", "alternative", "alternative_name", "ratio"}
ROS = ("transport", "ingest", "cloud_msg", "query")
ALONE = ("lift", "window", "box")


def record_of(capfd, *args):
    status = main(["bench", *args, "--json"])
    return status, json.loads(capfd.readouterr().out.splitlines()[-1])


def check_rows(rows):
    assert rows
    for row in rows:
        assert set(row) >= KEYS
        assert math.isfinite(row["ours"])
        if row["alternative"]:
            assert row["alternative_name"]
            assert row["ratio"] == pytest.approx(row["ours"] / row["alternative"])
        else:
            assert row["ratio"] is None


@pytest.mark.parametrize("name", ALONE)
def test_a_benchmark_prints_a_record(capfd, name):
    status, record = record_of(capfd, name, "--quick")
    assert status == 0
    assert record["name"] == name
    check_rows(record["rows"])


@pytest.mark.parametrize("name", ROS)
def test_a_benchmark_over_ros_prints_a_record(capfd, monkeypatch, name):
    pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    status, record = record_of(capfd, name, "--quick")
    assert status == 0
    assert record["name"] == name
    check_rows(record["rows"])


def test_the_list_says_what_each_one_compares(capfd):
    assert main(["bench", "--list", "--json"]) == 0
    listed = json.loads(capfd.readouterr().out)["benchmarks"]
    assert set(ROS + ALONE) <= set(listed)
    assert all(listed.values())


def test_an_unknown_name_is_answered_with_those_there_are(capfd):
    assert main(["bench", "speed"]) == 2
    said = capfd.readouterr().err
    assert "no benchmark 'speed'" in said
    assert "transport" in said


def test_no_name_is_a_wrong_argument(capfd):
    assert main(["bench"]) == 2
    assert "give NAME" in capfd.readouterr().err


@pytest.fixture
def two(monkeypatch):
    """A catalogue of one benchmark that works and one that fails."""

    def good(quick, control):
        return BenchResult("good", (Row("time", "ms", 1.0, 2.0, "patience"),), ("A note.",))

    def bad(quick, control):
        raise SceneR1Error("there is nothing to measure.")

    monkeypatch.setattr(catalogue, "available", lambda: ["bad", "good"])
    monkeypatch.setattr(catalogue, "bench", {"good": good, "bad": bad}.__getitem__)


def test_all_goes_on_after_a_failure_and_reports_it(capfd, two):
    status, record = record_of(capfd, "all")
    assert status == 1
    assert record["failed"] == [{"name": "bad", "error": "there is nothing to measure."}]
    assert [row["bench"] for row in record["rows"]] == ["good"]
    check_rows(record["rows"])


def test_people_get_a_table_with_the_ratio_and_the_machine(capfd, two):
    assert main(["bench", "good"]) == 0
    shown = capfd.readouterr().out
    for part in ("0.5 ↓", "patience", "A note.", "Python"):
        assert part in shown
