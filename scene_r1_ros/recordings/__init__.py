"""Recordings of RGB-D cameras with poses, read as one stream of frames whatever their format."""

from .bag_topics import BagOptions
from .base import FrameSkippedError, Recording, SkipLog, SkippedFrame
from .detect import open_recording
from .folder_writer import write_folder
from .mcap_writer import McapOptions, write_mcap
from .registration import DepthRegistration, register_depth
from .sens import SensReader
from .sens_format import ColorCompression, DepthCompression
from .sens_writer import SensOptions, SensWriter

__all__ = [
    "BagOptions",
    "ColorCompression",
    "DepthCompression",
    "DepthRegistration",
    "FrameSkippedError",
    "McapOptions",
    "Recording",
    "SensOptions",
    "SensReader",
    "SensWriter",
    "SkipLog",
    "SkippedFrame",
    "open_recording",
    "register_depth",
    "write_folder",
    "write_mcap",
]
