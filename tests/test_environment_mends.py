"""What ./dev setup mends in the environment, and that it costs nothing elsewhere."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).resolve().parents[1] / "tools" / "setup"


def run(code: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torchvision_is_importable_and_honest_about_its_native_operators() -> None:
    pytest.importorskip("torch")
    said = run(
        """
import torch, torchvision
from torchvision.transforms.v2.functional import resize
assert resize(torch.rand(3, 8, 8), [16, 16]).shape == (3, 16, 16)
boxes, scores = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10]]), torch.tensor([0.9, 0.8])
try:
    print(torchvision.ops.nms(boxes, scores, 0.5).tolist())
except RuntimeError as error:
    print(error)
"""
    )
    assert "[0]" in said or "Couldn't load custom C++ ops" in said


def test_an_interpreter_without_torchvision_does_not_pay_for_it() -> None:
    assert run("import sys; print('torch' in sys.modules)").strip() == "False"


def test_cmake_paths_are_mended_and_mending_again_changes_nothing() -> None:
    spec = importlib.util.spec_from_file_location("mend", SETUP / "mend_ros_cmake.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    foreign = (
        'INCLUDES "/build/cp311/include/python3.11;'
        '/build/cp311/lib/python3.11/site-packages/numpy/_core/include" '
        '"${_IMPORT_PREFIX}/include/std_msgs"'
    )
    mended = module.mend(foreign, "/here/include/python3.11", "/env/site-packages/numpy/include")
    assert mended == (
        'INCLUDES "/here/include/python3.11;/env/site-packages/numpy/include" '
        '"${_IMPORT_PREFIX}/include/std_msgs"'
    )
    assert module.mend(mended, "/here/include/python3.11", "/env/site-packages/numpy/include") == (
        mended
    )
