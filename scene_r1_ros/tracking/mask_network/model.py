"""A trained mask network: reading it, writing it, asking it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CheckpointError
from ...resources import shipped
from .crops import CHANNELS, Bool, CropShape, MaskPrompt, mirrored

if TYPE_CHECKING:
    from .unet import MaskUNet

SHIPPED_MASKS = "checkpoints/masks"
FORMAT = "scene_r1_mask_network"
VERSION = 1
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_BATCH = 32


class MaskNetwork:
    """Draws masks of boxed objects, with or without a mask to go out from."""

    def __init__(self, net: MaskUNet, widths: Sequence[int], shape: CropShape) -> None:
        self.net = net
        self.widths = tuple(widths)
        self.shape = shape

    @classmethod
    def new(cls, widths: Sequence[int] = (24, 48, 96, 128), seed: int = 0) -> MaskNetwork:
        """An untrained network."""
        import torch

        from .unet import MaskUNet

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(MaskUNet(len(CHANNELS), widths), widths, CropShape())

    @classmethod
    def load(cls, folder: Path) -> MaskNetwork:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: if the folder is no mask network, of another version, or damaged.
        """
        from safetensors.torch import load_file

        from .unet import MaskUNet

        about = _read_config(folder)
        net = MaskUNet(len(CHANNELS), about["widths"])
        try:
            weights = load_file(folder / _WEIGHTS)
            net.load_state_dict({name: value.float() for name, value in weights.items()})
        except Exception as error:
            raise CheckpointError(
                f"the weights of the mask network {folder} cannot be read: {error}. Copy or train "
                "it again (scene-r1 train masks), or set geometric.mask_network = none."
            ) from error
        net.eval()
        return cls(net, about["widths"], CropShape(about["size"], about["context"]))

    def save(self, folder: Path) -> None:
        """Write the network, its weights in 16 bits (what counts batches in 64)."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "format": FORMAT,
            "version": VERSION,
            "channels": CHANNELS,
            "widths": self.widths,
            "size": self.shape.size,
            "context": self.shape.context,
        }
        (folder / _CONFIG).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        weights = {
            name: (value.half() if value.is_floating_point() else value).contiguous()
            for name, value in self.net.state_dict().items()
        }
        save_file(weights, folder / _WEIGHTS)

    def masks(self, prompts: Sequence[MaskPrompt]) -> list[Bool]:
        """The mask (H, W) of every prompt; an empty one where it sees no object.

        Each is drawn from the crop and from the mirrored crop; the mean of both counts.
        """
        import torch

        out: list[Bool] = []
        self.net.eval()
        for start in range(0, len(prompts), _BATCH):
            batch = prompts[start : start + _BATCH]
            planes = np.stack([self.shape.planes(item) for item in batch])
            seen = torch.from_numpy(np.concatenate([planes, mirrored(planes)]))
            with torch.inference_mode():
                drawn = self.net(seen.contiguous(memory_format=torch.channels_last)).numpy()
            logits = (drawn[: len(batch)] + drawn[len(batch) :, :, ::-1]) / 2
            out += [
                self.shape.mask(item.box, logit, item.frame.depth_m.shape)
                for item, logit in zip(batch, logits, strict=True)
            ]
        return out


def mask_network_folder(name: str) -> Path:
    """The folder of a network by its name in settings: ``shipped``, or the folder itself."""
    return shipped(SHIPPED_MASKS) if name == "shipped" else Path(name).expanduser()


@lru_cache(maxsize=4)
def load_mask_network(folder: Path) -> MaskNetwork:
    """:meth:`MaskNetwork.load`, once for all trackers of the process."""
    return MaskNetwork.load(folder)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder} holds no mask network ({path.name}: {error}). Give a folder that scene-r1 "
            "train masks wrote, shipped, or none."
        ) from error
    found = (about.get("format"), about.get("version"), about.get("channels"))
    if found != (FORMAT, VERSION, list(CHANNELS)):
        raise CheckpointError(
            f"{path} is of {found[0]} version {found[1]} with the inputs {found[2]}; needed is "
            f"{FORMAT} version {VERSION} with {list(CHANNELS)}. Train it again (scene-r1 train "
            "masks)."
        )
    return about
