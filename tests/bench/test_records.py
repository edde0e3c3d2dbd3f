"""Rows, ratios and timing of the benchmarks."""

from __future__ import annotations

import math

import pytest

from scene_r1_ros.bench import timing
from scene_r1_ros.bench.records import BenchResult, Row, machine, machine_text
from scene_r1_ros.bench.timing import interleaved
from scene_r1_ros.control import Control
from scene_r1_ros.errors import CancelledError, SceneR1Error


def test_the_ratio_is_ours_by_the_alternative():
    assert Row("time", "ms", 2.0, 8.0, "other").ratio == 0.25


@pytest.mark.parametrize("alternative", [None, 0.0])
def test_without_an_alternative_to_divide_by_there_is_no_ratio(alternative):
    assert Row("time", "ms", 2.0, alternative).ratio is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(SceneR1Error, match="benchmark row 'time' measured"):
        Row("time", "ms", value, 1.0)


def test_a_result_survives_its_json():
    result = BenchResult("x", (Row("a", "ms", 1.0, 2.0, "b", "higher"),), ("note",), {"n": 3})
    assert BenchResult.from_json(result.to_json()) == result


def test_the_machine_line_says_what_the_record_holds():
    values = machine()
    assert values["cores"] >= 1
    for key in ("cpu", "python", "rmw"):
        assert values[key] in machine_text(values)


def test_both_ways_run_in_turns_and_take_turns_at_being_first():
    calls = []
    interleaved(lambda: calls.append("a"), lambda: calls.append("b"), repeats=4, warm_up=2)
    turns = ["".join(calls[i : i + 2]) for i in range(0, len(calls), 2)]
    assert turns == ["ba", "ab"] * 3


def test_medians_leave_the_warm_up_out(monkeypatch):
    monkeypatch.setattr(timing, "_timed", lambda work: timing.Timing(*work()))
    ours = iter([(99.0, 99.0), (1.0, 5.0), (2.0, 3.0), (9.0, 4.0)])
    theirs = iter([(0.0, 0.0)] + [(7.0, 6.0)] * 3)
    medians = interleaved(lambda: next(ours), lambda: next(theirs), repeats=3, warm_up=1)
    assert medians == (timing.Timing(wall=2.0, cpu=4.0), timing.Timing(wall=7.0, cpu=6.0))


def test_timing_ends_when_it_is_cancelled():
    control = Control()
    with pytest.raises(CancelledError):
        interleaved(control.cancel, lambda: None, repeats=1000, control=control)
