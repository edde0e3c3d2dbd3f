"""Any image-text-to-text checkpoint, run in this process by the transformers library."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...config import Scalar
from ...control import Control
from ...errors import BackendError
from ..messages import Conversation, Message, Text, pictures, to_chat
from ..model_frames import BoxFrame, box_frame_option, sizes_from_grid
from ..sampling import Size
from ..vocabulary import unknown_words
from .background import BackgroundLoad, one_line
from .base import Generation, Limits, ModelStatus
from .checkpoint import Checkpoint, TransformersConfig, load_checkpoint

_ANSWER_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


class TransformersBackend:
    """Loads in the background; generates one reply at a time."""

    def __init__(self, config: TransformersConfig) -> None:
        self.config = config
        self.name = Path(config.model).name if Path(config.model).is_dir() else config.model
        self._load: BackgroundLoad[Checkpoint] = BackgroundLoad(
            f"the model {self.name}", lambda tell: load_checkpoint(config, tell)
        )
        self._busy = threading.Lock()

    @property
    def box_frame(self) -> BoxFrame:
        """Known from the model's family once it is loaded."""
        if self.config.box_frame != "auto":
            return box_frame_option(self.config.box_frame, "")
        return box_frame_option("auto", self._load.get().model_type)

    def settings(self) -> dict[str, Scalar]:
        """The configuration, and where the model ended up once it is loaded."""
        shown: dict[str, Scalar] = {"backend": "transformers"}
        shown |= {spec.name: getattr(self.config, spec.name) for spec in self.config.options()}
        with contextlib.suppress(Exception):
            model = self._load.get().model
            shown |= {
                "model_type": self._load.get().model_type,
                "device": str(model.device),
                "precision": str(model.dtype).removeprefix("torch."),
            }
        return shown

    def start(self) -> None:
        """Begin to load, unless it is loading or loaded."""
        self._load.start()

    def status(self) -> ModelStatus:
        """Loading progress."""
        return self._load.status()

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Those that the tokenizer has no token for; none of a tokenizer that spells."""
        fast = getattr(self._load.get().processor.tokenizer, "backend_tokenizer", None)
        return unknown_words(fast, text) if fast is not None else ()

    def close(self) -> None:
        """Free the model's memory."""
        self._load.forget()

    def generate(self, messages: Conversation, control: Control, limits: Limits) -> Generation:
        """See :meth:`Backend.generate`; stops between two tokens when ``control`` says so."""
        loaded = self._load.get()
        with self._alone(control):
            started = time.perf_counter()
            inputs, sizes = encode(loaded, messages)
            tokens_in = int(inputs["input_ids"].shape[1])
            _check_length(loaded, tokens_in, limits.max_new_tokens)
            control.check("the model")
            try:
                tokens, probability = _run(loaded, inputs, control, limits)
            except RuntimeError as error:
                raise BackendError(_failure_sentence(self.name, error, tokens_in)) from error
            control.check("the model")
            text = _decode(loaded.processor.tokenizer, tokens)
        seconds = time.perf_counter() - started
        return Generation(text, tokens_in, len(tokens), seconds, sizes, probability)

    @contextlib.contextmanager
    def _alone(self, control: Control) -> Iterator[None]:
        while not self._busy.acquire(timeout=0.05):
            control.check("waiting for the model")
        try:
            yield
        finally:
            self._busy.release()


def encode(loaded: Checkpoint, messages: Conversation) -> tuple[Any, tuple[Size, ...]]:
    """The processor's tensors for a conversation, and the sizes to which it resized the images."""
    from PIL import Image

    processor, model = loaded.processor, loaded.model
    harmless = tuple(_without_control_tokens(m, processor.tokenizer) for m in messages)
    text = processor.apply_chat_template(
        to_chat(harmless), tokenize=False, add_generation_prompt=True
    )
    images = [Image.fromarray(picture.image) for picture in pictures(messages)]
    inputs = processor(text=[text], images=images or None, return_tensors="pt").to(model.device)
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    if "image_grid_thw" in inputs:
        patch = int(processor.image_processor.patch_size)
        sizes = sizes_from_grid(inputs["image_grid_thw"].tolist(), patch)
    else:
        sizes = tuple(image.size for image in images)
    return inputs, sizes


def _run(
    loaded: Checkpoint, inputs: Any, control: Control, limits: Limits
) -> tuple[list[int], float]:
    """New tokens and the geometric mean of their probabilities."""
    import torch
    from transformers import (
        LogitsProcessor,
        LogitsProcessorList,
        StoppingCriteria,
        StoppingCriteriaList,
        TextStreamer,
    )

    tokenizer = loaded.processor.tokenizer

    class Stop(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            over = control.cancelled or control.remaining() == 0.0
            return torch.full((input_ids.shape[0],), over, device=input_ids.device)

    class Surprise(LogitsProcessor):
        """Adds up log probabilities, one step late, so that only one row of scores is kept."""

        last: Any = None
        total: Any = 0.0

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            self.add(input_ids[0, -1])
            self.last = scores[0].float().log_softmax(dim=-1)
            return scores

        def add(self, token: Any) -> None:
            if self.last is not None:
                self.total = self.total + self.last[token]

    class Tell(TextStreamer):
        text = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            self.text += text
            if limits.on_text is not None:
                limits.on_text(_without_special(tokenizer, self.text))

    surprise = Surprise()
    sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None}
    if limits.temperature > 0:
        sampling = {"do_sample": True, "temperature": limits.temperature}
    else:
        sampling["top_k"] = None
    with torch.inference_mode():
        output = loaded.model.generate(
            **inputs,
            max_new_tokens=limits.max_new_tokens,
            stopping_criteria=StoppingCriteriaList([Stop()]),
            logits_processor=LogitsProcessorList([surprise]),
            streamer=Tell(tokenizer, skip_prompt=True),
            suppress_tokens=_image_tokens(loaded),
            **sampling,
        )
    tokens = output[0, inputs["input_ids"].shape[1] :].tolist()
    if not tokens:
        return [], 0.0
    surprise.add(output[0, -1])
    return tokens, math.exp(min(0.0, float(surprise.total) / len(tokens)))


def _image_tokens(loaded: Checkpoint) -> list[int] | None:
    """Tokens that stand for pixels; a model that says one breaks its own next step."""
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    found = (getattr(loaded.model.config, name, None) for name in names)
    return [token for token in found if isinstance(token, int)] or None


def _control_tokens(tokenizer: Any) -> list[str]:
    """The tokenizer's special tokens but for the answer's own tags, longest first."""
    tokens = set(tokenizer.all_special_tokens) - set(_ANSWER_TAGS)
    return sorted((t for t in tokens if t), key=len, reverse=True)


def _without_special(tokenizer: Any, text: str) -> str:
    for token in _control_tokens(tokenizer):
        text = text.replace(token, "")
    return text


def _without_control_tokens(message: Message, tokenizer: Any) -> Message:
    """Prompts are clean already; this knows the one tokenizer at hand and makes sure."""

    def clean(text: str) -> str:
        for token in _control_tokens(tokenizer):
            while token in text:
                text = text.replace(token, " ")
        return text

    parts = tuple(Text(clean(p.text)) if isinstance(p, Text) else p for p in message.parts)
    return Message(message.role, parts)


def _decode(tokenizer: Any, tokens: list[int]) -> str:
    # skip_special_tokens would also drop answer tags where a tokenizer counts them as special.
    return _without_special(tokenizer, tokenizer.decode(tokens, skip_special_tokens=False))


def _check_length(loaded: Checkpoint, tokens_in: int, new: int) -> None:
    text_config = loaded.model.config.get_text_config()
    limit = getattr(text_config, "max_position_embeddings", None)
    if isinstance(limit, int) and tokens_in + new > limit:
        raise BackendError(
            f"the prompt of {tokens_in} tokens and an answer of {new} exceed the model's "
            f"{limit}; lower max_image_tokens, max_frames or max_new_tokens."
        )


def _failure_sentence(name: str, error: RuntimeError, tokens_in: int) -> str:
    if "out of memory" in str(error).lower():
        return (
            f"{name} ran out of memory on a prompt of {tokens_in} tokens; lower max_image_tokens "
            "or max_frames."
        )
    return f"{name} failed while answering: {one_line(error)}"
