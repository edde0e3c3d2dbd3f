"""What a stream said since a jump of the clock."""

from __future__ import annotations

from scene_r1_ros.ros.recent_stream import RecentStream


def test_only_what_came_after_the_jump_is_kept_in_its_order():
    stream = RecentStream()
    for stamp in (1, 2, 60, 100, 3, 5, 4):  # 1 and 2 are of the time before, like 60 and 100
        stream.add(stamp, f"at {stamp}")
    assert stream.restart(50) == [(3, "at 3"), (5, "at 5"), (4, "at 4")]
    assert stream.restart(4) == []  # another jump at once: 4 was the last, and of before it


def test_a_stream_that_did_not_jump_yet_has_nothing_new():
    stream = RecentStream()
    stream.add(100, "old")
    assert stream.restart(50) == []


def test_memory_is_bounded():
    stream = RecentStream()
    for stamp in range(10_000):
        stream.add(stamp, None)
    assert len(stream.restart(20_000)) <= 256
