"""The OpenAI client against a server that behaves, and against one that does not."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time

import numpy as np
import pytest
from bad_server import BadServer, Handler, serving

from scene_r1_ros.control import Control
from scene_r1_ros.errors import (
    BackendError,
    CancelledError,
    DeadlineError,
    ModelAbsentError,
    SceneR1Error,
)
from scene_r1_ros.reasoning.backends import Limits
from scene_r1_ros.reasoning.backends.background import wait_until_ready
from scene_r1_ros.reasoning.backends.openai_backend import OpenAIBackend, OpenAIConfig
from scene_r1_ros.reasoning.prompts import TimedImage, temporal_prompt

KEY = "sk-very-secret-0123456789"
IMAGE = np.dstack([np.full((90, 120), v, np.uint8) for v in (250, 20, 20)])


def prompt():
    return temporal_prompt("the red box", [TimedImage(IMAGE, 0.0)])


def backend(url: str, **settings) -> OpenAIBackend:
    settings = {"model": "good", "retries": 0, "timeout": 5.0, **settings}
    return OpenAIBackend(OpenAIConfig(base_url=url, **settings))


def ask(server: BadServer, seconds: float = 20.0, on_text=None, **settings):
    limits = Limits(max_new_tokens=5, on_text=on_text)
    return backend(server.url, **settings).generate(prompt(), Control.within(seconds), limits)


def test_an_answer_streams_in_with_its_counts() -> None:
    told: list[str] = []
    with serving(lambda h: h.stream("<answer>", "1 to 2", "</answer>")) as server:
        said = ask(server, on_text=told.append)
    assert said.text == "<answer>1 to 2</answer>"
    assert told == ["<answer>", "<answer>1 to 2", "<answer>1 to 2</answer>"]
    assert (said.tokens_in, said.tokens_out) == (7, 3)


def test_an_answer_may_come_whole() -> None:
    with serving(lambda h: h.completion("1 to 2")) as server:
        said = ask(server, stream=False)
    assert (said.text, said.tokens_in, said.tokens_out) == ("1 to 2", 7, 3)


def test_several_conversations_are_with_the_server_at_the_same_time() -> None:
    all_there = threading.Barrier(3, timeout=10.0)

    def when_all_are_there(handler: Handler) -> None:
        all_there.wait()
        handler.stream("1 to 2")

    with serving(when_all_are_there) as server:
        model = backend(server.url)
        said = model.generate_all([prompt()] * 3, Control.within(20.0), Limits(5))
    assert [one.text for one in said] == ["1 to 2"] * 3
    assert model.generate_all([], Control(), Limits(5)) == []


def test_one_refused_conversation_of_several_is_the_error_of_all() -> None:
    refusing = serving(lambda h: h.json(400, {"error": {"message": "no such thing"}}))
    with refusing as server, pytest.raises(BackendError, match="no such thing"):
        backend(server.url).generate_all([prompt()] * 2, Control.within(20.0), Limits(5))


def test_a_refused_conversation_does_not_wait_for_those_beside_it() -> None:
    turn, over = iter((True, False)), threading.Event()

    def refuse_the_first(handler: Handler) -> None:
        if next(turn):
            handler.json(400, {"error": {"message": "no such thing"}})
        else:
            over.wait(30.0)

    with serving(refuse_the_first) as server:
        asked = time.monotonic()
        with pytest.raises(BackendError, match="no such thing"):
            backend(server.url, timeout=60.0).generate_all(
                [prompt()] * 2, Control.within(60.0), Limits(5)
            )
        took = time.monotonic() - asked
        over.set()
    assert took < 20.0


def test_a_prompt_that_the_server_echoes_is_not_taken_for_the_answer() -> None:
    echo = "<|im_start|>user\n<answer>START to END</answer><|im_end|>\n<|im_start|>assistant\n"
    with serving(lambda h: h.stream(echo, "1 to 2")) as server:
        assert ask(server).text.strip() == "1 to 2"


def test_images_go_as_data_urls_in_the_size_that_is_reported() -> None:
    import base64

    import cv2

    with serving(lambda h: h.stream("x")) as server:
        said = ask(server, jpeg_quality=100)
        (_, path, _, body) = server.requests[0]
    assert path == "/v1/chat/completions"
    parts = body["messages"][-1]["content"]
    assert [part["type"] for part in parts] == ["text", "text", "image_url", "text"]
    head, data = parts[2]["image_url"]["url"].split(",")
    assert head == "data:image/png;base64"
    sent = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert said.image_sizes == ((112, 84),)
    assert sent.shape == (84, 112, 3)
    assert sent[0, 0].tolist() == [20, 20, 250]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("good", 5, 0.0)


def test_the_key_comes_from_the_environment_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_ROBOT_KEY", KEY)

    def refuse(handler: Handler) -> None:
        handler.json(400, {"error": {"message": f"your key {KEY} is odd"}})

    with serving(refuse) as server:
        model = backend(server.url, api_key_env="MY_ROBOT_KEY")
        with pytest.raises(BackendError) as caught:
            model.generate(prompt(), Control(), Limits())
    assert server.requests[0][2]["authorization"] == f"Bearer {KEY}"
    assert "***" in str(caught.value)
    for text in (str(caught.value), caplog.text, str(model.settings()), repr(model.config)):
        assert KEY not in text
    assert "user:pass" not in str(backend("http://user:pass@host:1/v1").settings())


def test_busy_and_failing_servers_are_asked_again_with_a_pause() -> None:
    def twice_busy(handler: Handler) -> None:
        count = len(handler.server.requests)
        if count < 3:
            handler.json(429 if count == 1 else 503, {"error": {"message": "wait"}})
        else:
            handler.stream("at last")

    with serving(twice_busy) as server:
        assert ask(server, retries=2).text == "at last"
        assert len(server.requests) == 3


def status(code: int, message: str = "broken"):
    return lambda handler: handler.json(code, {"error": {"message": message}})


def cut(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_in_the_middle(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.event({"choices": [{"index": 0, "delta": {"content": "half an"}}]})
    cut(handler)


FAULTS = {
    "429": (status(429), True, BackendError, "busy or its quota is used up (HTTP 429)"),
    "500": (status(500), True, BackendError, "failed (HTTP 500): "),
    "400": (status(400), True, BackendError, "refuses the request (HTTP 400): broken"),
    "401": (status(401), True, ModelAbsentError, "refuses the key in the environment variable"),
    "404": (status(404), True, ModelAbsentError, "has no good (HTTP 404)"),
    "cut": (cut, True, BackendError, "cut the connection"),
    "cut stream": (cut_in_the_middle, True, BackendError, "connection was cut in the middle"),
    "short stream": (lambda h: h.stream("half an", finish=False), True, BackendError, "ended in"),
    "no json": (lambda h: h.raw(200, b"<html>", "text/html"), False, BackendError, "be read"),
    "bad json": (
        lambda h: h.raw(200, b"{oops", "application/json"), False, BackendError, "cannot be read",
    ),
    "other json": (lambda h: h.json(200, {"a": 1}), False, BackendError, "no chat completion"),
    "a list": (lambda h: h.json(200, [1, 2]), False, BackendError, "cannot be read"),
    "bad event": (
        lambda h: h.raw(200, b"data: {oops\n\n", "text/event-stream"), True, BackendError,
        "cannot be read",
    ),
    "no events": (lambda h: h.json(200, {"a": 1}), True, BackendError, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_sentence(fault: str) -> None:
    behaviour, stream, kind, text = FAULTS[fault]
    with serving(behaviour) as server, pytest.raises(kind) as caught:
        ask(server, stream=stream)
    said = str(caught.value)
    assert text in said
    assert "\n" not in said
    assert server.url in said


def silent(handler: Handler) -> None:
    threading.Event().wait(3)


def stalling(handler: Handler) -> None:
    handler.stream("one", finish=False)
    threading.Event().wait(3)


def test_a_silent_server_runs_into_the_timeout() -> None:
    with serving(silent) as server, pytest.raises(BackendError, match=r"said nothing for 0\.2 s"):
        ask(server, timeout=0.2)


@pytest.mark.parametrize("behaviour", [silent, stalling])
def test_the_deadline_ends_the_wait(behaviour) -> None:
    started = time.monotonic()
    with serving(behaviour) as server, pytest.raises(DeadlineError):
        ask(server, seconds=0.3)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("behaviour", [silent, stalling])
def test_cancelling_ends_the_wait(behaviour) -> None:
    control, errors = Control(), []

    def run() -> None:
        try:
            backend(server.url).generate(prompt(), control, Limits())
        except SceneR1Error as error:
            errors.append(error)

    with serving(behaviour) as server:
        thread = threading.Thread(target=run)
        thread.start()
        assert server.arrived.wait(5)
        cancelled = time.monotonic()
        control.cancel()
        thread.join(5)
    assert time.monotonic() - cancelled < 1.5
    assert [type(error) for error in errors] == [CancelledError]


def test_it_works_where_an_event_loop_runs() -> None:
    async def main() -> str:
        return ask(server).text

    with serving(lambda h: h.stream("hello")) as server:
        assert asyncio.run(main()) == "hello"


# -- at start-up


def test_a_server_with_the_model_is_ready_and_an_unnamed_model_is_found() -> None:
    with serving(lambda h: h.stream("x")) as server:
        wait_until_ready(backend(server.url))
        unnamed = backend(server.url, model="")
        wait_until_ready(unnamed)
        assert unnamed.name == "good"


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_unreachable_server_is_told_at_start_up_and_at_a_query() -> None:
    model = backend(f"http://127.0.0.1:{unused_port()}/v1")
    with pytest.raises(ModelAbsentError, match=r"cannot be reached .*; is it running"):
        wait_until_ready(model)
    with pytest.raises(ModelAbsentError, match="cannot be reached"):
        model.generate(prompt(), Control(), Limits())


def test_a_model_that_the_server_lacks_is_told_with_those_that_it_has() -> None:
    with serving(status(404)) as server, pytest.raises(ModelAbsentError) as caught:
        wait_until_ready(backend(server.url, model="other"))
    assert str(caught.value) == f"the server {server.url} has no model other; it has good."


def test_a_refused_key_is_told_at_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with (
        serving(status(401), on_get=status(401)) as server,
        pytest.raises(ModelAbsentError, match="environment variable OPENAI_API_KEY"),
    ):
        wait_until_ready(backend(server.url))
