"""Which room belongs to which split, decided by its seed alone, and what is held out.

This is the one place where the splits are declared. A room of the training range never holds
one of ``HELD_OUT_PAIRS``; rooms of the other ranges may, so that an evaluation can tell what was
learnt from what was memorised.
"""

from __future__ import annotations

from ..errors import ConfigError

TRAIN_SEEDS = range(1_000_000)
VAL_SEEDS = range(1_000_000, 1_100_000)
TEST_SEEDS = range(2_000_000, 2_100_000)

SPLITS: dict[str, range] = {"train": TRAIN_SEEDS, "val": VAL_SEEDS, "test": TEST_SEEDS}

HELD_OUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("chair", "blue"),
        ("office chair", "red"),
        ("armchair", "green"),
        ("sofa", "orange"),
        ("table", "white"),
        ("cabinet", "yellow"),
        ("dresser", "blue"),
        ("bed", "purple"),
        ("pillow", "red"),
        ("box", "green"),
        ("mug", "yellow"),
        ("book", "purple"),
        ("ball", "blue"),
        ("trash can", "red"),
        ("plant", "orange"),
        ("backpack", "yellow"),
    }
)
"""(kind, colour) pairs that no training room shows."""


def split_of(seed: int) -> str:
    """``"train"``, ``"val"`` or ``"test"``.

    Raises:
        ConfigError: if no split owns the seed.
    """
    for name, seeds in SPLITS.items():
        if seed in seeds:
            return name
    owned = ", ".join(f"{name} {s.start} to {s.stop - 1}" for name, s in SPLITS.items())
    raise ConfigError(f"seed {seed} belongs to no split; seeds are {owned}.")


def allowed_colors(kind: str, colors: tuple[str, ...], seed: int) -> tuple[str, ...]:
    """``colors`` without those held out from the room of this seed."""
    if split_of(seed) != "train":
        return colors
    return tuple(color for color in colors if (kind, color) not in HELD_OUT_PAIRS)
