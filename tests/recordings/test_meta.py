"""meta.json: anything that a person or a program may have written there."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scene_r1_ros.errors import RecordingFormatError
from scene_r1_ros.recordings.meta import read_meta

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {}, optional={"index": JSON, "timestamp": JSON, "stamp_ns": JSON, "pose": JSON}
)
META = st.fixed_dictionaries(
    {}, optional={"depth_scale": JSON, "frames": JSON | st.lists(ENTRY, max_size=4), "name": JSON}
)
NUMBERS = [0, 2, 5]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(META | JSON)
def test_any_json_is_either_understood_or_refused_by_name(tmp_path, meta):
    path = tmp_path / "meta.json"
    path.write_text(json.dumps(meta))
    try:
        understood = read_meta(path, NUMBERS)
    except RecordingFormatError:
        with pytest.raises(RecordingFormatError, match=r"meta\.json"):
            read_meta(path, NUMBERS)
        return
    assert understood.depth_scale > 0
    stamps = [understood.stamp_ns(n) for n in NUMBERS]
    assert all(isinstance(stamp, int) for stamp in stamps)
    assert not understood.stamps_ns or set(NUMBERS) <= set(understood.stamps_ns)


@given(st.lists(st.floats(0, 1e9), min_size=3, max_size=3), st.permutations(NUMBERS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_go_to_the_frames_that_their_index_names(tmp_path, seconds, order):
    path = tmp_path / "meta.json"
    entries = [{"index": n, "timestamp": t} for n, t in zip(order, seconds, strict=True)]
    path.write_text(json.dumps({"frames": entries}))
    meta = read_meta(path, NUMBERS)
    for n, t in zip(order, seconds, strict=True):
        assert abs(meta.stamp_ns(n) - t * 1e9) <= 128  # a float near 1e9 s is 1e-7 s fine
