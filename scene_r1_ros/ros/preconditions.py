"""Why is there no output? The chain from the camera to an answer, link by link.

Each check looks at facts gathered from the graph and the feed and gives one
:class:`Precondition` with its numbers and the command that mends it. Their order is the order in
which they depend on each other, so the first that is unmet is the one to look at.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..errors import WindowEmptyError
from ..frames import VideoWindow
from ..reasoning.backends import LoadState, ModelStatus
from .feed_stats import FeedCounts

RECENT = 3.0
"""Seconds in which a live camera must have said something."""

_FLAGS = {"color": "color", "depth": "depth", "camera_info": "camera-info", "pose": "pose"}
_ABOVE = "mend what is reported above"


STILL_LOADING = "still loading"


class Level(enum.IntEnum):
    """As diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Precondition:
    """One link: whether it holds, with the numbers, and the command that mends it."""

    name: str
    level: Level
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class TopicFacts:
    """What the graph knows about one input topic."""

    publishers: int
    mismatched_qos: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that the checks look at; ``now`` is on the clock of :func:`time.monotonic`."""

    now: float
    active: bool
    node: str
    counts: FeedCounts | None
    topics: dict[str, TopicFacts]
    slop: float
    fixed_frame: str
    window: VideoWindow
    missing_nodes: tuple[str, ...] = ()
    model: ModelStatus = field(default_factory=lambda: ModelStatus(LoadState.READY, 1.0))
    waiting: int = 0
    places: int = 1


def check(facts: Facts) -> list[Precondition]:
    """Every precondition in the order in which they depend on each other.

    What stops new frames is an error while the window is empty, and a warning once there are
    frames that a query can be answered from.
    """
    feed = Level.WARN if len(facts.window) else Level.ERROR
    found = [_active(facts)]
    if facts.counts is not None:
        found += _topics(facts, facts.counts, feed)
        found.append(_synchronized(facts, facts.counts, feed))
        found.append(_pose(facts, facts.counts, feed))
    found.append(_window(facts))
    found.append(_depth(facts))
    found.append(_stages(facts))
    found.append(_model(facts.model))
    found.append(_worker(facts))
    return found


def first_unmet(found: list[Precondition]) -> Precondition | None:
    """The first error; without one everything is there that a query needs."""
    return next((item for item in found if item.level is Level.ERROR), None)


def _active(facts: Facts) -> Precondition:
    if facts.active:
        return Precondition("node", Level.OK, f"{facts.node} is active")
    return Precondition(
        "node",
        Level.ERROR,
        f"{facts.node} is not active.",
        f"ros2 lifecycle set {facts.node} configure && ros2 lifecycle set {facts.node} activate",
    )


def _topics(facts: Facts, counts: FeedCounts, bad: Level) -> Iterator[Precondition]:
    for role, stats in counts.topics.items():
        name = f"{role} topic"
        known = facts.topics[role]
        silent = facts.now - stats.last_time
        flag = _FLAGS[role]
        if known.publishers == 0:
            others = f" Topics of its type: {', '.join(known.similar)}." if known.similar else ""
            yield Precondition(
                name,
                bad,
                f"nobody publishes {stats.topic}.{others}",
                "start the camera's driver, or `scene-r1 play DIR`; another name: "
                f"scene-r1 up --{flag}-topic {known.similar[0] if known.similar else 'TOPIC'}",
            )
        elif known.mismatched_qos and stats.received == 0:
            yield Precondition(
                name,
                bad,
                f"{stats.topic} has a publisher whose quality of service does not match: "
                f"{'; '.join(known.mismatched_qos)}.",
                f"scene-r1 up --{flag}-qos sensor_data",
            )
        elif stats.received == 0 or silent > RECENT:
            since = "ever" if stats.received == 0 else f"for {silent:.0f} s"
            yield Precondition(
                name,
                bad,
                f"no message on {stats.topic} {since}; publishers: {known.publishers}.",
                f"ros2 topic hz {stats.topic}",
            )
        elif role in counts.last_dropped and _current(facts, counts, role):
            problem = counts.last_problem[role]
            yield Precondition(
                name,
                bad,
                f"{problem} {counts.dropped[role]} frames dropped for it.",
                f"ros2 topic echo --once --no-arr {stats.topic}",
            )
        else:
            yield Precondition(name, Level.OK, f"{stats.topic}: {stats.received} messages")
    if "size" in counts.last_dropped and _current(facts, counts, "size"):
        yield Precondition(
            "image size",
            bad,
            f"{counts.last_problem['size']} {counts.dropped['size']} frames dropped for it.",
            "scene-r1 up --depth-topic TOPIC with the depth that is registered to colour",
        )


def _synchronized(facts: Facts, counts: FeedCounts, bad: Level) -> Precondition:
    if facts.now - counts.last_synchronized <= RECENT and counts.synchronized:
        return Precondition("synchronisation", Level.OK, f"{counts.synchronized} sets of messages")
    roles = [role for role in ("color", "depth", "camera_info") if role in counts.topics]
    heard = [role for role in roles if facts.now - counts.topics[role].last_time <= RECENT]
    if len(heard) < len(roles):
        text = f"waits for {', '.join(role for role in roles if role not in heard)}."
        return Precondition("synchronisation", bad, text, _ABOVE)
    base = counts.topics["color"].last_stamp_ns
    differences = ", ".join(
        f"{role} {(counts.topics[role].last_stamp_ns - base) / 1e6:+.1f} ms" for role in roles[1:]
    )
    largest = max(abs(counts.topics[role].last_stamp_ns - base) for role in roles[1:]) / 1e9
    if largest > 1.0:
        remedy = "synchronise the clocks of the machines that publish these topics"
    else:
        remedy = f"scene-r1 up --sync-slop {max(0.05, 1.5 * largest):.2f}"
    return Precondition(
        "synchronisation",
        bad,
        f"no set of messages within sync_slop = {facts.slop * 1e3:g} ms; newest stamps differ from "
        f"colour by: {differences}.",
        remedy,
    )


def _pose(facts: Facts, counts: FeedCounts, bad: Level) -> Precondition:
    if "pose" in counts.last_dropped and _current(facts, counts, "pose"):
        return Precondition(
            "camera pose",
            bad,
            f"{counts.last_problem['pose'].removeprefix('pose: ')} {counts.dropped['pose']} frames "
            "dropped for it.",
            "ros2 run tf2_tools view_frames; then `scene-r1 up --fixed-frame FRAME`, or "
            "--pose-timeout SECONDS if the pose is only late",
        )
    text = f"known in {facts.fixed_frame} for {counts.accepted} frames"
    if counts.accepted == 0:
        return Precondition("camera pose", bad, "no frame has come this far.", _ABOVE)
    return Precondition("camera pose", Level.OK, text)


def _window(facts: Facts) -> Precondition:
    try:
        snapshot = facts.window.snapshot()
    except WindowEmptyError:
        return Precondition("window", Level.ERROR, "no frame in the window.", _ABOVE)
    text = (
        f"{len(snapshot.frames)} frames over {snapshot.seconds:.1f} s, "
        f"{facts.window.nbytes / 1e6:.0f} MB"
    )
    if len(snapshot.frames) < 2:
        return Precondition(
            "window",
            Level.WARN,
            f"{text}: too short to look back.",
            "let the camera run, and move it",
        )
    return Precondition("window", Level.OK, text)


def _depth(facts: Facts) -> Precondition:
    try:
        frames = facts.window.snapshot().frames[-3:]
    except WindowEmptyError:
        return Precondition("depth", Level.WARN, "not known without a frame.")
    share = max(float(np.isfinite(frame.depth_m[::4, ::4]).mean()) for frame in frames)
    if share < 0.01:
        return Precondition(
            "depth",
            Level.ERROR,
            f"{100 * share:.1f} % of the newest depth images' pixels hold a reading.",
            "look at the depth image in RViz: lens covered, too close, or all beyond max_depth",
        )
    return Precondition("depth", Level.OK, f"{100 * share:.0f} % of the pixels hold a reading")


def _stages(facts: Facts) -> Precondition:
    if not facts.missing_nodes:
        return Precondition("stages", Level.OK, "tracking and lifting are there")
    names = " and ".join(facts.missing_nodes)
    return Precondition(
        "stages",
        Level.ERROR,
        f"{names} is not there.",
        f"ros2 run scene_r1_ros {facts.missing_nodes[0]}_node, or everything with `scene-r1 up`",
    )


def _model(model: ModelStatus) -> Precondition:
    if model.state is LoadState.READY:
        return Precondition("model", Level.OK, model.text or "ready")
    if model.state is LoadState.FAILED:
        return Precondition(
            "model",
            Level.ERROR,
            model.text,
            "scene-r1 up --model FOLDER_OR_NAME, or --server URL; `scene-r1 box` works without one",
        )
    return Precondition(
        "model",
        Level.ERROR,
        f"{STILL_LOADING}, {100 * model.fraction:.0f} %: {model.text}.",
        "wait; `scene-r1 doctor` tells when it is there",
    )


def _worker(facts: Facts) -> Precondition:
    text = f"{facts.waiting} of {facts.places} places taken"
    if facts.waiting >= facts.places:
        return Precondition(
            "worker",
            Level.ERROR,
            f"{text}; more queries are answered BUSY.",
            "wait, or cancel a query",
        )
    return Precondition("worker", Level.OK, text)


def _current(facts: Facts, counts: FeedCounts, problem: str) -> bool:
    """Whether a problem is recent and no good frame came after it."""
    at = counts.last_dropped[problem]
    return facts.now - at <= RECENT and at > counts.last_accepted
