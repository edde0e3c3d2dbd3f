"""Which precision a run computes in."""

import pytest
import torch
from scene_r1_training.stages.precision import chosen_precision


@pytest.fixture
def cpu(monkeypatch):
    """A machine without a GPU, whose processor has some instructions."""

    def has(amx: bool = False, avx512_bf16: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)

    return has


def test_fast_is_bf16_where_the_processor_multiplies_in_it(cpu):
    cpu(amx=True)
    assert chosen_precision("fast") == "bf16"
    cpu(avx512_bf16=True)
    assert chosen_precision("fast") == "bf16"
    cpu()
    assert chosen_precision("fast") == "float32"


def test_auto_is_the_same_on_every_processor(cpu):
    cpu(amx=True, avx512_bf16=True)
    assert chosen_precision("auto") == "float32"


def test_on_a_gpu_both_are_bf16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert {chosen_precision("auto"), chosen_precision("fast")} == {"bf16"}


@pytest.mark.parametrize("named", ["float32", "bf16", "fp16"])
def test_what_is_named_is_taken(named):
    assert chosen_precision(named) == named
