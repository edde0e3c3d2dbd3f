"""SAM 2 through a finished window, forwards and backwards from the prompted frames."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ...control import Control
from ...errors import EmptyMaskError
from ...frames import RgbdFrame, WindowSnapshot
from ...geometry import BoxXyxy
from ..track import FrameMask, MaskTrack, Tracker
from .assist import Outcome, resolve
from .checkpoints import find_checkpoint
from .config import Sam2Config
from .embeddings import EmbeddingCache
from .engine import Engine
from .guide import ObjectModel, mask_to_box
from .prompts import Prompt
from .recovery import OutOfMemoryError, Recovery
from .session import Sam2Session, SessionMask

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
STAGE = "tracking"


@dataclass(frozen=True, eq=False)
class ObjectPrompt:
    """A prompt for object ``object_id`` in the frame at ``stamp_ns``.

    Several for one object are corrections of each other, in several frames.
    """

    stamp_ns: int
    prompt: Prompt
    object_id: int = 1


class Sam2Tracker:
    """Tracks prompted objects with SAM 2; one at a time, from any thread.

    The model is loaded at the first track, or by :meth:`load`; embeddings of frames are kept
    for the next query over the same window.
    """

    name = "sam2"

    def __init__(
        self,
        config: Sam2Config | None = None,
        *,
        engine: Engine | None = None,
        fallback: Tracker | None = None,
    ) -> None:
        """With ``engine`` no checkpoint is needed; ``fallback`` takes over without memory.

        Raises:
            CheckpointError: if there is neither an engine nor a checkpoint to load later.
        """
        self.config = config or Sam2Config()
        self.embeddings = EmbeddingCache(round(self.config.embedding_cache_megabytes * 1e6))
        self._fallback = fallback
        self._engine = engine
        self._home: torch.device | None = None
        self._lock = threading.Lock()
        if engine is None and not self.config.download:
            find_checkpoint(self.config.checkpoint)

    def load(self) -> Engine:
        """Load the model now; raises as :func:`~.loading.load_engine`."""
        if self._engine is None:
            from .loading import load_engine

            self._engine = load_engine(self.config)
        if self._home is None:
            self._home = self._engine.device
        return self._engine

    def track(
        self,
        window: WindowSnapshot,
        anchor_stamp_ns: int,
        box_xyxy: BoxXyxy,
        control: Control,
    ) -> MaskTrack:
        """Masks forwards and backwards from the boxed frame; see :class:`~..track.Tracker`."""
        prompt = ObjectPrompt(anchor_stamp_ns, Prompt(box_xyxy=box_xyxy))
        return self.track_objects(window, [prompt], control)[prompt.object_id]

    def track_objects(
        self, window: WindowSnapshot, prompts: Sequence[ObjectPrompt], control: Control
    ) -> dict[int, MaskTrack]:
        """Masks of every prompted object through the window, in one pass over its frames.

        Frames may differ in size; each mask has its frame's.

        Raises:
            NoSuchFrameError: if a prompt's stamp is no frame's.
            BoxError: if a prompt is empty or outside its image.
            EmptyMaskError: if SAM 2 sees nothing where a prompt points.
            CheckpointError: if the model cannot be loaded.
            OutOfMemoryError: if memory runs out and no fallback is left.
        """
        for item in prompts:
            frame = window.at(item.stamp_ns)
            height, width = frame.color.shape[:2]
            if item.prompt.mask is not None:
                item.prompt.checked_mask(width, height)
            else:
                item.prompt.clicks(width, height)
        with self._lock:
            engine = self.load()
            self._return_home(engine)
            return _Run(self, engine, window, prompts, control).tracks()

    def _return_home(self, engine: Engine) -> None:
        # An earlier track may have left the GPU for want of memory that is free again by now.
        if self._home is None or engine.device == self._home:
            return
        from .recovery import is_out_of_memory

        try:
            engine.to(self._home)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            import torch

            engine.to(torch.device("cpu"))


class _Run:
    """One call of :meth:`Sam2Tracker.track_objects`."""

    def __init__(
        self,
        tracker: Sam2Tracker,
        engine: Engine,
        window: WindowSnapshot,
        prompts: Sequence[ObjectPrompt],
        control: Control,
    ) -> None:
        self._config = tracker.config
        self._fallback = tracker._fallback
        self._window = window
        self._prompts = prompts
        self._control = control
        self._session = Sam2Session(
            engine,
            memory_frames=self._config.memory_frames,
            prompted_frames=self._config.prompted_frames,
            frame_count=len(window.frames),
            embeddings=tracker.embeddings,
        )
        mode = self._config.on_out_of_memory
        if mode == "geometric" and self._fallback is None:
            mode = "cpu"
        self._guarded = Recovery(self._session, mode, self._tell)
        self._models = {item.object_id: ObjectModel() for item in prompts}
        self._masks: dict[int, dict[int, FrameMask]] = {item.object_id: {} for item in prompts}
        self._visited: set[int] = set()
        self._assisted = self._vetoed = 0

    def tracks(self) -> dict[int, MaskTrack]:
        try:
            self._prompt_all()
            self._propagate()
        except OutOfMemoryError:
            if self._config.on_out_of_memory != "geometric" or self._fallback is None:
                raise
            self._go_on_without_sam2(self._fallback)
        self._control.progress(STAGE, 1.0, self._summary())
        anchors = {item.object_id: item.stamp_ns for item in reversed(self._prompts)}
        return {
            object_id: MaskTrack(anchor, tuple(self._masks[object_id].values()))
            for object_id, anchor in anchors.items()
        }

    def _prompt_all(self) -> None:
        for item in self._prompts:
            self._control.check(STAGE)
            index = self._window.index_of(item.stamp_ns)
            color = self._window.frames[index].color
            seen = self._guarded(
                partial(self._session.prompt, index, color, item.object_id, item.prompt)
            )
            if not seen.mask.any():
                raise EmptyMaskError(
                    f"SAM 2 sees no object at the prompt in the frame at {item.stamp_ns * 1e-9:.3f}"
                    " s; draw the box closer around it, or prompt another frame."
                )
            self._accept(item.object_id, self._window.frames[index], seen)

    def _propagate(self) -> None:
        start = self._session.start
        everywhere = all(self._window.index_of(item.stamp_ns) == start for item in self._prompts)
        forward = range(start, len(self._window.frames))
        backward = range(start - 1 if everywhere else start, -1, -1)
        total = len(forward) + len(backward)
        steps = [(i, False) for i in forward] + [(i, True) for i in backward]
        for done, (index, reverse) in enumerate(steps):
            self._control.check(STAGE)
            self._control.progress(STAGE, done / total)
            self._step(index, reverse)

    def _step(self, index: int, reverse: bool) -> None:
        frame = self._window.frames[index]
        session = self._session
        out = self._guarded(partial(session.step, index, frame.color, reverse=reverse))
        for object_id, seen in out.items():
            if session.is_prompted(index, object_id):
                continue
            model = self._models[object_id]
            found = self._guarded(
                partial(
                    resolve,
                    session,
                    index,
                    frame,
                    object_id,
                    seen,
                    model,
                    self._config,
                    reverse=reverse,
                )
            )
            self._assisted += found.outcome is Outcome.ASSISTED
            self._vetoed += found.outcome is Outcome.VETOED
            if found.mask is not None:
                self._accept(object_id, frame, found.mask)
            else:
                self._masks[object_id].pop(frame.stamp_ns, None)
        self._visited.add(frame.stamp_ns)

    def _accept(self, object_id: int, frame: RgbdFrame, seen: SessionMask) -> None:
        self._masks[object_id][frame.stamp_ns] = FrameMask(frame.stamp_ns, seen.mask, seen.score)
        if self._config.geometry != "off":
            self._models[object_id].add(frame, seen.mask)

    def _go_on_without_sam2(self, fallback: Tracker) -> None:
        self._tell("the GPU's memory ran out; the remaining frames are tracked by geometry")
        for item in {item.object_id: item for item in reversed(self._prompts)}.values():
            known = self._masks[item.object_id]
            stamp, box = item.stamp_ns, item.prompt.box_xyxy
            if stamp in known:
                box = mask_to_box(known[stamp].mask) or box
            if box is None:
                continue
            rest = fallback.track(self._window, stamp, box, self._control)
            for mask in rest.masks:
                if mask.stamp_ns not in self._visited:
                    known.setdefault(mask.stamp_ns, mask)

    def _tell(self, text: str) -> None:
        logger.warning("%s", text)
        self._control.progress(STAGE, len(self._visited) / len(self._window.frames), text)

    def _summary(self) -> str:
        seen = max((len(masks) for masks in self._masks.values()), default=0)
        text = f"seen in {seen} of {len(self._window.frames)} frames"
        if self._assisted or self._vetoed:
            text += f"; geometry helped {self._assisted} times and vetoed {self._vetoed}"
        return text
