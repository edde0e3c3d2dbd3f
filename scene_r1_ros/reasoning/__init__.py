"""Language: which seconds of the window, which box in the image, and why."""

from .grounding import Grounding

__all__ = ["Grounding"]
