"""From masks, depth and poses to an object in 3D."""

from .lifted import LiftedObject

__all__ = ["LiftedObject"]
