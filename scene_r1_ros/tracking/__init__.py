"""From a box in one frame to masks through the window."""

from .track import FrameMask, MaskTrack, Tracker

__all__ = ["FrameMask", "MaskTrack", "Tracker"]
