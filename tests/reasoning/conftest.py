"""Tiny checkpoints, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random Qwen2.5-VL and Qwen3-VL checkpoints by family."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "qwen2_5_vl": tiny_models.build_qwen2_5_vl(root / "tiny-qwen2.5-vl"),
        "qwen3_vl": tiny_models.build_qwen3_vl(root / "tiny-qwen3-vl"),
    }
