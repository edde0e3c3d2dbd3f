"""Which tracker runs: SAM 2, geometry, or whichever can."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..config import Config, Settings, option
from ..errors import CheckpointError
from .geometric import GeometricTracker, GeometricTrackerConfig
from .sam2 import Sam2Config, Sam2Tracker
from .sam2.checkpoints import any_checkpoint, find_checkpoint
from .track import Tracker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackerConfig(Config):
    """Choice of the tracker."""

    tracker: str = option(
        "auto",
        "Tracker: SAM 2, geometry alone, or auto, which takes SAM 2 when a checkpoint is there.",
        choices=("auto", "sam2", "geometric"),
    )


@dataclass(frozen=True)
class TrackerChoice:
    """What :func:`choose_tracker` decided: ``name`` sam2 or geometric, ``reason`` for people."""

    name: str
    reason: str
    sam2: Sam2Config


def choose_tracker(
    config: TrackerConfig | None = None, sam2: Sam2Config | None = None
) -> TrackerChoice:
    """Decide without loading anything.

    Raises:
        CheckpointError: if ``tracker = sam2`` and its checkpoint is absent.
    """
    config, sam2 = config or TrackerConfig(), sam2 or Sam2Config()
    if config.tracker == "geometric":
        return TrackerChoice("geometric", "tracker: geometric, as set.", sam2)
    if config.tracker == "sam2":
        if sam2.download:
            return TrackerChoice("sam2", f"tracker: sam2 with {sam2.checkpoint}, as set.", sam2)
        path = find_checkpoint(sam2.checkpoint)
        return TrackerChoice("sam2", f"tracker: sam2 with {path}, as set.", sam2)
    if sam2.checkpoint:
        try:
            path = find_checkpoint(sam2.checkpoint)
        except CheckpointError as error:
            reason = f"tracker: geometric, because the SAM 2 checkpoint is absent: {error}"
            return TrackerChoice("geometric", reason, sam2)
        return TrackerChoice("sam2", f"tracker: sam2, because {path} is there.", sam2)
    found = any_checkpoint()
    if found is None:
        reason = "tracker: geometric, because no SAM 2 checkpoint is on this machine."
        return TrackerChoice("geometric", reason, sam2)
    reason = f"tracker: sam2, because {found} is there."
    return TrackerChoice("sam2", reason, sam2.replace(checkpoint=str(found)))


def make_tracker(
    config: TrackerConfig | None = None,
    sam2: Sam2Config | None = None,
    geometric: GeometricTrackerConfig | None = None,
) -> Tracker:
    """The tracker of :func:`choose_tracker`, with the reason logged.

    SAM 2's model is loaded at its first track.

    Raises:
        CheckpointError: if ``tracker = sam2`` and its checkpoint is absent.
    """
    choice = choose_tracker(config, sam2)
    logger.info("%s", choice.reason)
    fallback = GeometricTracker(geometric)
    if choice.name == "geometric":
        return fallback
    return Sam2Tracker(choice.sam2, fallback=fallback)


SECTIONS: tuple[tuple[str, type[Config]], ...] = (
    ("", TrackerConfig),
    ("geometric", GeometricTrackerConfig),
    ("sam2", Sam2Config),
)
"""Every section of settings that a tracker needs, with its prefix."""


def tracker_from(settings: Settings) -> Tracker:
    """The tracker that the settings of :data:`SECTIONS` describe; raises as make_tracker."""
    return make_tracker(
        settings("", TrackerConfig),
        settings("sam2", Sam2Config),
        settings("geometric", GeometricTrackerConfig),
    )
