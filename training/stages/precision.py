"""In which precision a device had better compute."""

from __future__ import annotations


def chosen_precision(choice: str) -> str:
    """``float32``, ``bf16`` or ``fp16`` of a setting that may be ``auto`` or ``fast``.

    ``auto`` is bf16 on a GPU and float32 on a CPU, whose runs are the same wherever they are made.
    ``fast`` is bf16 also on a CPU that multiplies in it; on one that does not, bf16 is many times
    slower than float32.
    """
    import torch

    if choice not in ("auto", "fast"):
        return choice
    if torch.cuda.is_available() or (choice == "fast" and _cpu_multiplies_in_bf16()):
        return "bf16"
    return "float32"


def _cpu_multiplies_in_bf16() -> bool:
    """Whether the processor has AVX512-BF16 or AMX (torch asks it only by these names)."""
    import torch

    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)
