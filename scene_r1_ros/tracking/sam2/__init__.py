"""SAM 2: two engines behind one session, bounded in memory, helped and checked by geometry."""

from .config import Sam2Config
from .prompts import Prompt
from .stream import ObjectStatus, ObjectUpdate, Sam2Stream
from .tracker import ObjectPrompt, Sam2Tracker

__all__ = [
    "ObjectPrompt",
    "ObjectStatus",
    "ObjectUpdate",
    "Prompt",
    "Sam2Config",
    "Sam2Stream",
    "Sam2Tracker",
]
