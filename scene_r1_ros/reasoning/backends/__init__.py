"""Model backends: ``transformers`` in this process, or any OpenAI-compatible server."""

from .base import Backend, Generation, Limits, LoadState, ModelStatus, OneByOne

__all__ = ["Backend", "Generation", "Limits", "LoadState", "ModelStatus", "OneByOne"]
