"""A small network that draws the mask of a boxed object from colour and depth."""

from .crops import MaskPrompt
from .model import MaskNetwork, load_mask_network, mask_network_folder

__all__ = ["MaskNetwork", "MaskPrompt", "load_mask_network", "mask_network_folder"]
