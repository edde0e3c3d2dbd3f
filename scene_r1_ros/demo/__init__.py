"""What the demonstration shows: a recording, an object in it, and the truth about it."""

from .annotations import truth_of
from .prompts import Prompt, choose_prompt
from .source import DemoSource, demo_source

__all__ = ["DemoSource", "Prompt", "choose_prompt", "demo_source", "truth_of"]
