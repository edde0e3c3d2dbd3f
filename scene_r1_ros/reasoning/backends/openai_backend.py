"""Any OpenAI-compatible server (vLLM, SGLang, transformers serve, ...) through `openai`."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from ...config import Config, Scalar, option
from ...control import Control
from ...errors import ModelAbsentError
from ..messages import Conversation, Text
from ..model_frames import BoxFrame, box_frame_option, qwen_size
from ..sampling import Size, resized
from .background import BackgroundLoad, Tell
from .base import Generation, Limits, ModelStatus
from .server_errors import WrongReplyError, sentence

T = TypeVar("T")

_POLL_S = 0.02


@dataclass(frozen=True)
class OpenAIConfig(Config):
    """A model on a server that speaks OpenAI's chat completions."""

    base_url: str = option("http://localhost:8000/v1", "The server's address, with its /v1.")
    model: str = option("", "Name of the model there; empty takes the first that it lists.")
    api_key_env: str = option(
        "OPENAI_API_KEY", "Environment variable that holds the bearer key, if one is needed."
    )
    timeout: float = option(
        120.0, "Longest wait for the server to say something.", minimum=0.1, unit="s"
    )
    retries: int = option(
        2, "Times a refused, busy or failing request is repeated, with growing pauses.",
        minimum=0, maximum=10,
    )  # fmt: skip
    stream: bool = option(True, "Receive the answer while it is being written.")
    jpeg_quality: int = option(
        90, "Quality of the images that are sent; 100 sends PNG.", minimum=10, maximum=100
    )
    box_frame: str = option(
        "auto", "Frame of the model's boxes; auto knows it from the model's name.",
        choices=("auto", "resized_pixels", "thousandths", "unit"),
    )  # fmt: skip
    token_side: int = option(
        28, "Images are sent with sides that are multiples of this, so that the server's "
        "processor leaves their size alone (28: Qwen2.5-VL, 32: Qwen3-VL).",
        minimum=1, maximum=128, unit="px",
    )  # fmt: skip
    min_pixels: int = option(3136, "The server's lower limit for an image.", minimum=1, unit="px")
    max_pixels: int = option(
        12_845_056, "The server's upper limit for an image.", minimum=784, unit="px"
    )


class OpenAIBackend:
    """Asks the server; every wait ends at once when the request is cancelled."""

    def __init__(self, config: OpenAIConfig) -> None:
        self.config = config
        self.base_url = _without_password(config.base_url)
        self._model = config.model
        self._load: BackgroundLoad[str] = BackgroundLoad(
            f"the server {self.base_url}", self._check_server
        )

    @property
    def name(self) -> str:
        """The model's name, as far as it is known."""
        return self._model or f"the model of {self.base_url}"

    @property
    def box_frame(self) -> BoxFrame:
        """Known from the model's name."""
        return box_frame_option(self.config.box_frame, self._model)

    def settings(self) -> dict[str, Scalar]:
        """The configuration; the key is named, never shown."""
        shown: dict[str, Scalar] = {"backend": "openai"}
        shown |= {spec.name: getattr(self.config, spec.name) for spec in self.config.options()}
        return {**shown, "base_url": self.base_url, "model": self._model}

    def start(self) -> None:
        """See in the background whether the server is there and has the model."""
        self._load.start()

    def status(self) -> ModelStatus:
        """Whether the server was reached."""
        return self._load.status()

    def close(self) -> None:
        """Nothing is held between requests."""

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Nothing is known of its words."""
        return ()

    def generate(self, messages: Conversation, control: Control, limits: Limits) -> Generation:
        """See :meth:`Backend.generate`. The server may have come up since :meth:`start`."""
        control.check("the model")
        started = time.perf_counter()
        chat, sizes = self._chat(messages)
        work = self._complete(chat, control, limits)
        text, tokens_in, tokens_out = _run_until_ended(work, control, self._sentence)
        seconds = time.perf_counter() - started
        return Generation(text, tokens_in, tokens_out, seconds, sizes)

    def generate_all(
        self, batch: Sequence[Conversation], control: Control, limits: Limits
    ) -> list[Generation]:
        """See :meth:`Backend.generate_all`: all requests at once, which servers batch. The first
        that fails ends the others."""
        if not batch:
            return []
        started = time.perf_counter()
        silent = dataclasses.replace(limits, on_text=None)
        together = control.part()
        with ThreadPoolExecutor(max_workers=len(batch)) as pool:
            asked = [pool.submit(self.generate, messages, together, silent) for messages in batch]
            try:
                for one in as_completed(asked):
                    one.result()
            except BaseException:
                together.cancel()
                raise
        share = (time.perf_counter() - started) / len(batch)
        return [dataclasses.replace(one.result(), seconds=share) for one in asked]

    # -- one request

    async def _complete(
        self, chat: list[dict[str, Any]], control: Control, limits: Limits
    ) -> tuple[str, int, int]:
        async with self._client(control) as client:
            model = self._model or await self._first_model(client)
            request: dict[str, Any] = {
                "model": model,
                "messages": chat,
                "max_tokens": limits.max_new_tokens,
                "temperature": limits.temperature,
            }
            if not self.config.stream:
                reply = await client.chat.completions.create(**request)
                return _whole_reply(reply)
            stream = await client.chat.completions.create(
                **request, stream=True, stream_options={"include_usage": True}
            )
            return await _streamed_reply(stream, limits)

    def _client(self, control: Control | None = None) -> Any:
        import openai

        remaining = control.remaining() if control is not None else None
        timeout = self.config.timeout
        if remaining is not None:
            # The deadline itself is watched elsewhere and says so in its own words.
            timeout = min(timeout, remaining + 1.0)
        return openai.AsyncOpenAI(
            base_url=self.config.base_url,
            api_key=self._key() or "none",
            timeout=timeout,
            max_retries=self.config.retries,
        )

    def _key(self) -> str:
        return os.environ.get(self.config.api_key_env, "") if self.config.api_key_env else ""

    def _chat(self, messages: Conversation) -> tuple[list[dict[str, Any]], tuple[Size, ...]]:
        """The messages as the protocol has them, and the sizes in which the images are sent."""
        sizes: list[Size] = []
        chat: list[dict[str, Any]] = []
        for message in messages:
            content: list[dict[str, Any]] = []
            for part in message.parts:
                if isinstance(part, Text):
                    content.append({"type": "text", "text": part.text})
                    continue
                height, width = part.image.shape[:2]
                limits = (self.config.min_pixels, self.config.max_pixels)
                size = qwen_size((width, height), self.config.token_side, *limits)
                sizes.append(size)
                url = data_url(resized(part.image, size), self.config.jpeg_quality)
                content.append({"type": "image_url", "image_url": {"url": url}})
            if message.role != "user" and all(part["type"] == "text" for part in content):
                text = "\n".join(part["text"] for part in content)
                chat.append({"role": message.role, "content": text})
            else:
                chat.append({"role": message.role, "content": content})
        return chat, tuple(sizes)

    # -- the check at start-up

    def _check_server(self, tell: Tell) -> str:
        tell(0.1, f"asking {self.base_url}")
        control = Control.within(max(5.0, min(self.config.timeout, 30.0)))
        return _run_until_ended(self._check(), control, self._sentence)

    async def _check(self) -> str:
        import openai

        async with self._client() as client:
            wanted = self.config.model
            if not wanted:
                return await self._first_model(client)
            try:
                listed = [item.id for item in (await client.models.list()).data]
            except (openai.AuthenticationError, openai.PermissionDeniedError):
                raise
            except openai.APIStatusError:
                listed = []  # some servers cannot list, but serve
            if wanted in listed:
                return wanted
            # A server may serve what it does not list; the shortest request tells.
            try:
                await client.chat.completions.create(
                    model=wanted, messages=[{"role": "user", "content": "hi"}], max_tokens=1
                )
            except (openai.NotFoundError, openai.BadRequestError) as error:
                if not listed:
                    raise
                shown = ", ".join(listed[:5]) + (", ..." if len(listed) > 5 else "")
                raise ModelAbsentError(
                    f"the server {self.base_url} has no model {wanted}; it has {shown}."
                ) from error
            return wanted

    async def _first_model(self, client: Any) -> str:
        listed = [item.id for item in (await client.models.list()).data]
        if not listed:
            raise ModelAbsentError(
                f"the server {self.base_url} lists no model; set model to the one to use."
            )
        self._model = listed[0]
        return self._model

    def _sentence(self, error: BaseException) -> Exception:
        return sentence(error, self.base_url, self.name, self.config, self._key())


def data_url(image: Any, quality: int) -> str:
    """(H, W, 3) uint8 RGB as a data URL; JPEG, or PNG at quality 100."""
    import cv2

    kind, options = ("png", []) if quality >= 100 else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, quality])
    done, data = cv2.imencode(f".{kind}", image[:, :, ::-1], options)
    assert done
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"


async def _streamed_reply(stream: Any, limits: Limits) -> tuple[str, int, int]:
    import openai

    text, tokens_in, tokens_out, finished = "", 0, 0, False
    chunks = aiter(stream)
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        except openai.APITimeoutError:
            raise
        except openai.APIConnectionError as error:
            raise WrongReplyError("the connection was cut in the middle of it") from error
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            tokens_in, tokens_out = usage.prompt_tokens or 0, usage.completion_tokens or 0
        for choice in getattr(chunk, "choices", None) or ():
            finished = finished or choice.finish_reason is not None
            if choice.delta is not None and choice.delta.content:
                text += choice.delta.content
                if limits.on_text is not None:
                    limits.on_text(without_echo(text))
    if not finished:
        raise WrongReplyError("it ended in the middle")
    return without_echo(text), tokens_in, tokens_out


def without_echo(text: str) -> str:
    """The reply without the prompt, which some servers stream ahead of it.

    Seen with ``transformers serve`` for checkpoints whose tokenizer drops line ends. The prompt
    speaks of answers too, so it must never be read as one.
    """
    return text.rpartition("<|im_start|>assistant")[2]


def _whole_reply(reply: Any) -> tuple[str, int, int]:
    choices = getattr(reply, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        raise WrongReplyError("it is no chat completion")
    usage = getattr(reply, "usage", None)
    counts = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
    return without_echo(choices[0].message.content or ""), *counts


def _run_until_ended(work: Coroutine[Any, Any, T], control: Control, explain: Any) -> T:
    """Run ``work`` in an event loop of its own thread, and drop it when ``control`` ends.

    The thread makes it usable from anywhere, also where an event loop runs already. Dropping the
    work closes its connection, which tells the server to stop.
    """
    outcome: list[Any] = []

    async def watched() -> T:
        task = asyncio.ensure_future(work)
        while not task.done():
            if control.cancelled or control.remaining() == 0.0:
                task.cancel()
                await asyncio.wait([task], timeout=1.0)
                control.check("the model")
            await asyncio.wait([task], timeout=_POLL_S)
        return task.result()

    def run() -> None:
        try:
            outcome.append((asyncio.run(watched()), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, name="openai request", daemon=True)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is None:
        return value  # type: ignore[no-any-return]
    raise explain(error) from error


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = f"{host}:{parts.port}" if parts.port else host
    return urlunsplit((parts.scheme, place, parts.path, "", "")).rstrip("/")
