"""What the SAM 2 benchmark makes of its measurements."""

from __future__ import annotations

import pytest
from PIL import Image

from scene_r1_ros.bench import sam2
from scene_r1_ros.errors import SceneR1Error


def test_growth_is_the_slope_after_settling():
    memory = sam2._Memory(cuda=False)
    memory.samples = [5.0 * i for i in range(100)] + [500 + 0.1 * i for i in range(900)]
    assert memory.growth(1000) == pytest.approx(100, rel=0.05)
    memory.samples = [40.0] * 50
    assert memory.growth(1000) == 0
    assert memory.peak == 40


def test_all_ways_read_the_same_frames(tmp_path):
    sam2.write_frames(tmp_path, 3, 64, 48)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["00000.jpg", "00001.jpg", "00002.jpg"]
    assert {Image.open(file).size for file in files} == {(64, 48)}


def test_rows_compare_every_way_and_a_ratio_needs_an_alternative(monkeypatch):
    def measured(job):
        slow = 2.0 if job["way"] == "upstream" or not job.get("cache", 1) else 1.0
        keys = ("peak_mb", "seconds_a_frame", "cpu_seconds_a_frame", "first_mask_seconds")
        keys += ("load_seconds", "query_seconds")
        return {**dict.fromkeys(keys, slow), "growth_mb": slow - 1.0, "device": "cpu"}

    monkeypatch.setattr(sam2, "_measure", measured)
    result = sam2.bench_sam2(frames=2, queries=3)
    assert result["name"] == "sam2"
    assert result["random_weights"]
    ratios = {(row["what"], row["alternative_name"]): row["ratio"] for row in result["rows"]}
    assert ratios["time a frame", sam2.UPSTREAM] == 0.5
    assert ratios["time a frame", "sam2_engine = transformers"] == 1.0
    assert ratios["time a query", "no cached embeddings"] == 0.5
    assert ratios["memory growth per 1000 frames", sam2.UPSTREAM] == 0.0


def test_a_measurement_that_fails_says_why():
    with pytest.raises(SceneR1Error, match="no model 'sam9'"):
        sam2._measure({"way": "package", "task": "video", "checkpoint": "", "model": "sam9"})
