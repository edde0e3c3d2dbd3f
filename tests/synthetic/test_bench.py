"""The rendering benchmark measures both ways, after checking that they show the same."""

from __future__ import annotations

from scene_r1_ros.bench.synth import run
from scene_r1_ros.control import Control


def test_bench_gives_rates_for_both_sizes() -> None:
    result = run(True, Control()).to_json()
    rates = {r["what"]: r for r in result["rows"] if r["unit"] == "frames/s"}
    assert {"320x240", "640x480"} <= set(rates)
    assert all(row["ours"] > 0 for row in rates.values())
    compared = [row for row in rates.values() if row["alternative"]]
    assert compared or any("No alternative here" in note for note in result["notes"])
