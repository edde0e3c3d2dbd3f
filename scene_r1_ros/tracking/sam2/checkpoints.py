"""Finding and reading SAM 2 checkpoints: by path or by name, in either form."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CheckpointError
from .convert import to_package
from .models import ALL_MODELS, MODEL_NAMES, ModelSpec, find_spec

if TYPE_CHECKING:
    from torch import Tensor

FOLDER_VARIABLE = "SCENE_R1_CHECKPOINTS"
_FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")


def checkpoint_folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for by name: ``$SCENE_R1_CHECKPOINTS``, then the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    own = os.environ.get(FOLDER_VARIABLE)
    return (*([Path(own).expanduser()] if own else []), cache / "scene_r1" / "checkpoints")


def find_checkpoint(name_or_path: str, *, download: bool = False) -> Path:
    """The checkpoint's file (``.pt``) or folder on this machine.

    A name is looked for in :func:`checkpoint_folders`, then in the Hugging Face cache; with
    ``download`` it is fetched from the model's official repository there.

    Raises:
        CheckpointError: saying where it was looked for and how to get it.
    """
    if not name_or_path:
        raise CheckpointError(
            "no SAM 2 checkpoint is set: give a path or one of "
            f"{', '.join(MODEL_NAMES)}, or use tracker = geometric, which needs none."
        )
    path = Path(name_or_path).expanduser()
    if path.exists():
        return path
    spec = find_spec(name_or_path)
    if spec is None:
        raise CheckpointError(
            f"SAM 2 checkpoint {name_or_path!r} does not exist and is no model's name; known are "
            f"{', '.join(MODEL_NAMES)}."
        )
    found = next(_local_copies(spec), None)
    if found is not None:
        return found
    if download:
        return _download(spec)
    raise CheckpointError(
        f"the checkpoint of {spec.name} is not on this machine (looked in "
        f"{', '.join(str(folder) for folder in checkpoint_folders())} and the Hugging Face "
        f"cache). Get it with: mkdir -p {checkpoint_folders()[0]} && curl -L -o "
        f"{checkpoint_folders()[0] / (spec.name + '.pt')} {spec.url}"
    )


def any_checkpoint() -> Path | None:
    """A checkpoint that lies where names are looked for, 2.1 before 2, small before large."""
    return next((path for spec in ALL_MODELS for path in _local_copies(spec)), None)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights in the release's naming, on the CPU, from a ``.pt`` file or a folder.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds something else.
    """
    import torch

    if path.is_dir():
        return to_package(_read_folder(path))
    try:
        if path.suffix == ".safetensors":
            return to_package(_read_safetensors(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is no plain checkpoint of tensors ({_first_line(error)}); download it again "
            "from the official release."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({_first_line(error)}); it is damaged or was "
            "cut off: download it again."
        ) from error
    weights = content.get("model") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(value, torch.Tensor) for value in weights.values()
    ):
        raise CheckpointError(
            f"{path} holds no SAM 2 weights: a release's .pt has one entry 'model' of tensors."
        )
    return weights


def _read_folder(folder: Path) -> dict[str, Tensor]:
    file = next((folder / name for name in _FOLDER_FILES if (folder / name).is_file()), None)
    if file is None:
        held = ", ".join(sorted(item.name for item in folder.iterdir())[:5]) or "nothing"
        raise CheckpointError(
            f"{folder} is no checkpoint folder: it has neither {' nor '.join(_FOLDER_FILES)} "
            f"(it holds {held})."
        )
    if file.suffix == ".safetensors":
        return _read_safetensors(file)
    import torch

    try:
        content: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{file} is damaged ({_first_line(error)}).") from error
    return content


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{file} cannot be read ({_first_line(error)}); it is damaged or was cut off: "
            "download or convert it again."
        ) from error


def _local_copies(spec: ModelSpec) -> Iterator[Path]:
    names = (f"{spec.name}.pt", spec.name, spec.name.replace("_", "-"))
    for folder in checkpoint_folders():
        yield from (folder / name for name in names if (folder / name).exists())
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return
    for file in (f"{spec.name}.pt", "model.safetensors"):
        cached = try_to_load_from_cache(spec.hub_id, file)
        if isinstance(cached, str):
            yield Path(cached)


def _download(spec: ModelSpec) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(spec.hub_id, f"{spec.name}.pt"))
    except Exception as error:  # the hub client raises its own and several HTTP libraries' errors
        raise CheckpointError(
            f"downloading {spec.name} from {spec.hub_id} failed ({_first_line(error)}); fetch "
            f"{spec.url} by hand and give its path."
        ) from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]
