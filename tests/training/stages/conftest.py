from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import build_qwen2_5_vl
from training_rooms import build_prepared, write_chains


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, chains and a tiny model; runs go into folders beside them."""
    folder = tmp_path_factory.mktemp("training")
    build_prepared(folder / "data")
    write_chains(folder / "chains.jsonl")
    build_qwen2_5_vl(folder / "tiny")
    return folder


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
