"""The live camera topics into a recording, every synchronised frame."""

from __future__ import annotations

import time
from collections.abc import Callable

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from ..errors import NotActiveError
from ..feed_config import FeedConfig
from ..frames import AddResult, RgbdFrame, VideoWindow
from ..live_recording import LiveRecording
from .end_signals import Ended
from .feed import CameraFeed
from .feed_stats import FeedCounts
from .spinning import SpinThread
from .transport import use_shared_memory_profile

_POLL = 0.1


class _RecordingWindow(VideoWindow):
    """Hands every frame on, and keeps none."""

    def __init__(self, recording: LiveRecording, on_jump: Callable[[], None]) -> None:
        super().__init__()
        self._recording = recording
        self._on_jump = on_jump

    def add(self, frame: RgbdFrame) -> AddResult:
        self._recording.add(frame)
        return AddResult.KEYFRAME

    def clear(self) -> int:
        self._on_jump()
        return 0


def record_topics(
    recording: LiveRecording,
    config: FeedConfig,
    ended: Ended,
    seconds: float = 0.0,
    patience: float = 10.0,
    on_progress: Callable[[int, float], None] = lambda frames, seconds: None,
) -> FeedCounts:
    """Record until ``ended`` is set, ``seconds`` (0 = no end) or a problem; returns the counters.

    ``on_progress`` gets (frames, seconds since the first). The caller finishes the recording.

    Raises:
        NotActiveError: if no frame has come after ``patience`` seconds, with what is missing.
    """
    use_shared_memory_profile()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Node("recorder", namespace="scene_r1")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    feed, spinner = None, None
    try:

        def jumped() -> None:
            recording.problem = "the clock jumped backwards, which one recording cannot hold"
            ended.set()

        feed = CameraFeed(node, config, _RecordingWindow(recording, jumped))
        spinner = SpinThread(executor)
        _wait(recording, feed, seconds, patience, on_progress, ended)
        _drain(feed)
        return feed.stats.counts()
    finally:
        if feed is not None:
            feed.close()
        if spinner is not None:
            spinner.close()
        node.destroy_node()
        rclpy.try_shutdown()


def _wait(
    recording: LiveRecording,
    feed: CameraFeed,
    seconds: float,
    patience: float,
    on_progress: Callable[[int, float], None],
    ended: Ended,
) -> None:
    opened, first = time.monotonic(), None
    while not ended.wait(_POLL):
        now = time.monotonic()
        if recording.frames and first is None:
            first = now
        if first is None and now - opened > patience:
            raise NotActiveError(missing(feed.stats.counts(), patience))
        on_progress(recording.frames, now - first if first is not None else 0.0)
        if recording.problem or (seconds and first is not None and now - first >= seconds):
            return


def _drain(feed: CameraFeed, patience: float = 2.0) -> None:
    """Wait until the frames that were synchronised before the end are taken in."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        counts = feed.stats.counts()
        if counts.synchronized <= counts.accepted + sum(counts.dropped.values()):
            return
        time.sleep(_POLL / 5)


def missing(counts: FeedCounts, patience: float) -> str:
    """Why no frame has come, in a sentence or two."""
    silent = [stats.topic for stats in counts.topics.values() if not stats.received]
    if silent:
        return (
            f"nothing has come on {', '.join(silent)} within {patience:g} s; is the camera "
            "running, and are these its topics? (See --color-topic and the others.)"
        )
    if not counts.synchronized:
        return (
            "colour, depth and camera info come, but never with stamps close enough to each other; "
            "raise --sync-slop."
        )
    problems = " ".join(counts.last_problem.values())
    return f"frames come, but none can be used: {problems or 'no reason was given.'}"
