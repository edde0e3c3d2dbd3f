"""Any image-text-to-text checkpoint, run in this process by the transformers library."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...config import Scalar
from ...control import Control
from ...errors import BackendError
from ..messages import Conversation, Message, Text, pictures, to_chat
from ..model_frames import BoxFrame, box_frame_option, sizes_from_grid
from ..sampling import Size
from ..vocabulary import unknown_words
from .background import BackgroundLoad, Tell, one_line
from .base import Generation, Limits, ModelStatus
from .checkpoint import Checkpoint, TransformersConfig, load_checkpoint

_ANSWER_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


class TransformersBackend:
    """Loads in the background; one caller at a time is answered."""

    def __init__(self, config: TransformersConfig) -> None:
        self.config = config
        self.name = Path(config.model).name if Path(config.model).is_dir() else config.model
        self._load: BackgroundLoad[Checkpoint] = BackgroundLoad(
            f"the model {self.name}", lambda tell: _loaded(config, tell)
        )
        self._most = sys.maxsize  # conversations in a batch; fewer once memory fell short
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
        # Not in the thread that loads: SciPy asks torch for its tensors as soon as it is there, and
        # of one that is half imported that fails, in whatever node turns a pose meanwhile.
        with contextlib.suppress(Exception):  # loading tells what is wrong
            import torch  # noqa: F401
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
        return self._generate([messages], control, limits)[0]

    def generate_all(
        self, batch: Sequence[Conversation], control: Control, limits: Limits
    ) -> list[Generation]:
        """See :meth:`Backend.generate_all`: one batch, whose shorter prompts are padded; where
        memory is short of that, batches of half the size from then on."""
        silent = replace(limits, on_text=None)
        said: list[Generation] = []
        while len(said) < len(batch):
            part = batch[len(said) : len(said) + self._most]
            try:
                said += self._generate(part, control, silent)
            except BackendError as error:
                if len(part) == 1 or not _out_of_memory(error.__cause__):
                    raise
                self._most = len(part) // 2
        return said

    def _generate(
        self, batch: Sequence[Conversation], control: Control, limits: Limits
    ) -> list[Generation]:
        loaded = self._load.get()
        with self._alone(control):
            started = time.perf_counter()
            inputs, sizes = encode(loaded, batch)
            tokens_in = inputs["attention_mask"].sum(dim=1).tolist()
            _check_length(loaded, max(tokens_in), limits.max_new_tokens)
            control.check("the model")
            try:
                said = _run(loaded, inputs, control, limits)
            except RuntimeError as error:
                raise BackendError(_failure_sentence(self.name, error, sum(tokens_in))) from error
            control.check("the model")
            texts = [_decode(loaded.processor.tokenizer, tokens) for tokens, _ in said]
        seconds = (time.perf_counter() - started) / len(batch)
        return [
            Generation(text, count, len(tokens), seconds, of_images, probability)
            for text, count, of_images, (tokens, probability) in zip(
                texts, tokens_in, sizes, said, strict=True
            )
        ]

    @contextlib.contextmanager
    def _alone(self, control: Control) -> Iterator[None]:
        while not self._busy.acquire(timeout=0.05):
            control.check("waiting for the model")
        try:
            yield
        finally:
            self._busy.release()


def _loaded(config: TransformersConfig, tell: Tell) -> Checkpoint:
    """The checkpoint, whose weights stay as they are from here on."""
    from .image_memory import remember_images

    checkpoint = load_checkpoint(config, tell)
    remember_images(checkpoint.model)
    return checkpoint


def encode(loaded: Checkpoint, batch: Sequence[Conversation]) -> tuple[Any, list[tuple[Size, ...]]]:
    """The processor's tensors for conversations, padded on the left to one length, and the sizes
    to which it resized the images of each."""
    from PIL import Image

    processor, model = loaded.processor, loaded.model
    texts = []
    for messages in batch:
        harmless = tuple(_without_control_tokens(m, processor.tokenizer) for m in messages)
        texts.append(
            processor.apply_chat_template(
                to_chat(harmless), tokenize=False, add_generation_prompt=True
            )
        )
    counts = [len(pictures(messages)) for messages in batch]
    images = [Image.fromarray(p.image) for messages in batch for p in pictures(messages)]
    padding = {"padding": True, "padding_side": "left"} if len(batch) > 1 else {}
    inputs = processor(text=texts, images=images or None, return_tensors="pt", **padding)
    inputs = inputs.to(model.device)
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    if "image_grid_thw" in inputs:
        patch = int(processor.image_processor.patch_size)
        sizes = sizes_from_grid(inputs["image_grid_thw"].tolist(), patch)
    else:
        sizes = tuple(image.size for image in images)
    ends = list(itertools.accumulate(counts))
    return inputs, [sizes[end - n : end] for n, end in zip(counts, ends, strict=True)]


def _run(
    loaded: Checkpoint, inputs: Any, control: Control, limits: Limits
) -> list[tuple[list[int], float]]:
    """Of each row the new tokens and the geometric mean of their probabilities."""
    import torch
    from transformers import (
        LogitsProcessor,
        LogitsProcessorList,
        StoppingCriteria,
        StoppingCriteriaList,
        TextStreamer,
    )

    tokenizer = loaded.processor.tokenizer
    rows, length = inputs["input_ids"].shape

    class Stop(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            over = control.cancelled or control.remaining() == 0.0
            return torch.full((input_ids.shape[0],), over, device=input_ids.device)

    class Surprise(LogitsProcessor):
        """Keeps the log probability of every token, one step late, not the rows of scores."""

        last: Any = None

        def __init__(self) -> None:
            self.said: list[Any] = []

        def __call__(self, input_ids: Any, scores: Any) -> Any:
            self.add(input_ids[:, -1])
            self.last = scores.float().log_softmax(dim=-1)
            return scores

        def add(self, tokens: Any) -> None:
            if self.last is not None:
                self.said.append(self.last.gather(1, tokens[:, None])[:, 0])

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
    if rows > 1:
        sampling["pad_token_id"] = tokenizer.pad_token_id
    with torch.inference_mode():
        output = loaded.model.generate(
            **inputs,
            max_new_tokens=limits.max_new_tokens,
            stopping_criteria=StoppingCriteriaList([Stop()]),
            logits_processor=LogitsProcessorList([surprise]),
            streamer=Tell(tokenizer, skip_prompt=True) if rows == 1 else None,
            suppress_tokens=_image_tokens(loaded),
            **sampling,
        )
    surprise.add(output[:, -1])
    ends = _end_tokens(loaded)
    said = [step.tolist() for step in surprise.said]  # from the device once a step, not a row
    found = []
    for row, tokens in enumerate(output[:, length:].tolist()):
        count = next((i + 1 for i, token in enumerate(tokens) if token in ends), len(tokens))
        total = sum(step[row] for step in said[:count])
        mean = math.exp(min(0.0, total / count)) if count else 0.0
        found.append((tokens[:count], mean))
    return found


def _end_tokens(loaded: Checkpoint) -> set[int]:
    """Tokens that end a reply; what a batch says after one is padding."""
    ends = loaded.model.generation_config.eos_token_id
    return set(ends if isinstance(ends, list) else [] if ends is None else [ends])


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


def _out_of_memory(error: BaseException | None) -> bool:
    return "out of memory" in str(error).lower()


def _failure_sentence(name: str, error: RuntimeError, tokens_in: int) -> str:
    if _out_of_memory(error):
        return (
            f"{name} ran out of memory on a prompt of {tokens_in} tokens; lower max_image_tokens "
            "or max_frames."
        )
    return f"{name} failed while answering: {one_line(error)}"
