"""The OpenAI client against a server that is not ours: ``transformers serve``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scene_r1_ros.control import Control
from scene_r1_ros.errors import DeadlineError, ModelAbsentError
from scene_r1_ros.reasoning.backends import Limits
from scene_r1_ros.reasoning.backends.background import wait_until_ready
from scene_r1_ros.reasoning.backends.checkpoint import TransformersConfig
from scene_r1_ros.reasoning.backends.openai_backend import OpenAIBackend, OpenAIConfig
from scene_r1_ros.reasoning.backends.transformers_backend import TransformersBackend
from scene_r1_ros.reasoning.prompts import TimedImage, temporal_prompt

pytestmark = pytest.mark.timeout(300)  # the server imports as much as we do, on shared cores

SCRIPT = Path(__file__).parents[1] / "serve_checkpoint.py"
# A size that no processor changes, so that both ways see the same pixels.
IMAGE = np.random.default_rng(0).integers(0, 255, (84, 112, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def server(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server with the tiny Qwen2.5-VL checkpoint."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    home = tmp_path_factory.mktemp("home")
    (home / "hub").mkdir()  # without it the server cannot list its models
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (home / "log.txt").open("w")
    folder = str(checkpoints["qwen2_5_vl"])
    arguments = [folder, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=log,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, home / "log.txt")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def client(server: str, model: str, **settings) -> OpenAIBackend:
    return OpenAIBackend(OpenAIConfig(base_url=server, model=model, jpeg_quality=100, **settings))


def prompt():
    return temporal_prompt("the red box", [TimedImage(IMAGE, 0.0), TimedImage(IMAGE, 0.5)])


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_says_what_the_same_checkpoint_says_here(
    server: str, checkpoints: dict[str, Path], stream: bool
) -> None:
    model = str(checkpoints["qwen2_5_vl"])
    there = client(server, model, stream=stream)
    wait_until_ready(there)
    here = TransformersBackend(TransformersConfig(model=model, device_map="cpu", offline=True))
    wait_until_ready(here)
    limits = Limits(max_new_tokens=8)
    a = there.generate(prompt(), Control.within(60), limits)
    b = here.generate(prompt(), Control.within(60), limits)
    assert a.text.strip() == b.text.strip()
    assert a.text.strip()
    assert (a.tokens_in, a.tokens_out, a.image_sizes) == (b.tokens_in, 8, b.image_sizes)


def test_a_model_that_the_server_does_not_serve_is_told_at_start_up(server: str) -> None:
    with pytest.raises(ModelAbsentError, match="Server is pinned to") as caught:
        wait_until_ready(client(server, "someone/else"))
    assert "\n" not in str(caught.value)


def test_a_deadline_frees_the_client_and_the_server_answers_on(
    server: str, checkpoints: dict[str, Path]
) -> None:
    model = client(server, str(checkpoints["qwen2_5_vl"]))
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        model.generate(prompt(), Control.within(0.5), Limits(max_new_tokens=4000))
    assert time.monotonic() - started < 2.0
    assert model.generate(prompt(), Control.within(60), Limits(max_new_tokens=4)).text
