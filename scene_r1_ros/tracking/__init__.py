"""From a box in one frame to masks through the window."""

from .geometric import GeometricTracker, GeometricTrackerConfig
from .track import FrameMask, MaskTrack, Tracker

__all__ = ["FrameMask", "GeometricTracker", "GeometricTrackerConfig", "MaskTrack", "Tracker"]
