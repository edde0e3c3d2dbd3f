"""Recordings of RGB-D cameras with poses, read as one stream of frames whatever their format."""

from .base import FrameSkippedError, Recording, SkipLog, SkippedFrame
from .detect import open_recording

__all__ = ["FrameSkippedError", "Recording", "SkipLog", "SkippedFrame", "open_recording"]
