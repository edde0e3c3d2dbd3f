"""From masks, depth and poses to an object in 3D."""

from .config import LiftConfig
from .lift import lift
from .lifted import LiftedObject

__all__ = ["LiftConfig", "LiftedObject", "lift"]
