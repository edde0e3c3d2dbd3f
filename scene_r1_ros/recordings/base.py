"""What every recording offers: candidates in order of time, read one by one or streamed.

A *candidate* is a frame that the recording lists. Reading it gives an :class:`RgbdFrame`, or the
frame is skipped and counted with its file and the reason (no valid pose, a damaged image), or
the recording as a whole is malformed and :class:`RecordingFormatError` says which file.
"""

from __future__ import annotations

import bisect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..closing import Closing
from ..errors import FrameError, NoSuchFrameError, RecordingError, RecordingFormatError
from ..frames import CameraIntrinsics, RgbdFrame, WindowSnapshot, seconds_to_ns
from .ahead import map_ahead

MAX_STAMP_NS = 2**63 - 1


class FrameSkippedError(RecordingError):
    """One frame cannot be used; the rest of the recording can.

    ``what`` is the file (or message) and ``why`` a reason that is the same for all frames with
    the same trouble, so that it can be counted.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}.")
        self.what = what
        self.why = why


@dataclass(frozen=True)
class SkippedFrame:
    """A candidate that gave no frame: its number in the recording, its file and the reason."""

    number: int
    what: str
    why: str


class SkipLog(Sequence[SkippedFrame]):
    """The frames skipped so far, each once however often the recording is read."""

    def __init__(self) -> None:
        self._by_number: dict[int, SkippedFrame] = {}

    def add(self, number: int, what: str, why: str) -> None:
        """Note that candidate ``number`` was skipped."""
        self._by_number.setdefault(number, SkippedFrame(number, what, why))

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return list(self._by_number.values())[index]

    def __len__(self) -> int:
        return len(self._by_number)

    @property
    def counts(self) -> Counter[str]:
        """How many frames were skipped for each reason."""
        return Counter(item.why for item in self._by_number.values())

    def summary(self) -> str:
        """One line, e.g. ``"3 of them: the pose holds inf or NaN (first pose/7.txt)"``."""
        parts = []
        for why, count in self.counts.most_common():
            first = next(item for item in self if item.why == why)
            parts.append(f"{count} x {why} (first: {first.what})")
        return "; ".join(parts)


class Recording(Closing, ABC):
    """An RGB-D recording with poses; streams :class:`RgbdFrame` in order of time.

    ``stamps_ns`` (int64) are the candidates' times, strictly rising; ``numbers`` are the numbers
    that the recording itself gives them (its file names), which need not be dense. ``intrinsics``
    are those of the colour image, to which depth is registered. ``depth_scale`` is in units per
    metre. Safe to read from several threads.
    """

    kind: str = "recording"

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        numbers: Sequence[int],
        stamps_ns: Sequence[int],
        intrinsics: CameraIntrinsics,
        depth_scale: float,
    ) -> None:
        self.path = path
        self.name = name
        self.intrinsics = intrinsics
        self.depth_scale = depth_scale
        self.skipped = SkipLog()
        kept = self._rising(numbers, stamps_ns)
        self.numbers: tuple[int, ...] = tuple(int(numbers[i]) for i in kept)
        self.stamps_ns: NDArray[np.int64] = np.array([stamps_ns[i] for i in kept], dtype=np.int64)
        self.stamps_ns.flags.writeable = False

    def _rising(self, numbers: Sequence[int], stamps_ns: Sequence[int]) -> list[int]:
        if not numbers:
            raise RecordingFormatError(f"{self.path} holds no frame.")
        late = next((stamp for stamp in stamps_ns if abs(stamp) > MAX_STAMP_NS), None)
        if late is not None:
            raise RecordingFormatError(f"{self.path}: a time of {late} ns does not fit 64 bits.")
        kept: list[int] = []
        for i, stamp in enumerate(stamps_ns):
            if kept and stamp <= stamps_ns[kept[-1]]:
                what = f"frame {numbers[i]}"
                self.skipped.add(numbers[i], what, "its time is not later than the frame before")
            else:
                kept.append(i)
        if len(kept) * 2 < len(numbers):
            raise RecordingFormatError(
                f"{self.path}: the times of {len(numbers) - len(kept)} of {len(numbers)} frames do "
                f"not rise; {self.skipped[0].what} at {stamps_ns[len(kept)] * 1e-9:.6f} s is the "
                "first. Are the frames in order of time?"
            )
        return kept

    # -- for readers

    @abstractmethod
    def _load(self, index: int) -> RgbdFrame:
        """Candidate ``index``; called from several threads.

        Raises:
            FrameSkippedError: if only this frame is unusable.
            RecordingFormatError: if the recording is malformed.
        """

    def close(self) -> None:
        """Let go of open files; the recording cannot be read afterwards."""

    # -- for users

    @property
    def frame_count(self) -> int:
        """Number of candidates; how many can be read shows when they are read."""
        return len(self.numbers)

    @property
    def seconds(self) -> float:
        """Time from the first candidate to the last."""
        return float(self.stamps_ns[-1] - self.stamps_ns[0]) * 1e-9

    def __len__(self) -> int:
        return self.frame_count

    def __iter__(self) -> Iterator[RgbdFrame]:
        return self.frames()

    def __repr__(self) -> str:
        return f"<{self.kind} recording {self.name!r}: {self.frame_count} frames>"

    def index_of_number(self, number: int) -> int:
        """Index of the candidate with this number, e.g. 40 for ``color/40.jpg``.

        Raises:
            NoSuchFrameError: with the numbers around it.
        """
        i = bisect.bisect_left(self.numbers, number)
        if i < len(self.numbers) and self.numbers[i] == number:
            return i
        if not 0 < i < len(self.numbers):
            raise NoSuchFrameError(
                f"{self.name} has no frame {number}; it has {self.numbers[0]} to "
                f"{self.numbers[-1]}."
            )
        around = ", ".join(str(n) for n in self.numbers[i - 1 : i + 1])
        raise NoSuchFrameError(
            f"{self.name} has no frame {number}; the nearest are {around}, the last is "
            f"{self.numbers[-1]}."
        )

    def frame(self, index: int) -> RgbdFrame:
        """Candidate ``index`` (0 to ``frame_count`` - 1, negative from the end).

        Raises:
            NoSuchFrameError: if there is no such candidate.
            FrameSkippedError: if it cannot be used (a RecordingError that names the file).
            RecordingFormatError: if the recording is malformed.
        """
        i = index + self.frame_count if index < 0 else index
        if not 0 <= i < self.frame_count:
            raise NoSuchFrameError(
                f"{self.name} has no frame index {index}; it has {self.frame_count} frames."
            )
        result = self._try_load(i)
        if isinstance(result, FrameSkippedError):
            self.skipped.add(self.numbers[i], result.what, result.why)
            raise result
        return result

    def indices(
        self, start: float | None = None, end: float | None = None, stride: int = 1
    ) -> range:
        """Candidates from ``start`` to ``end`` seconds after the first, both included.

        Raises:
            RecordingError: if the stride is below 1 or no candidate lies between.
        """
        if stride < 1:
            raise RecordingError(f"stride {stride}: must be 1 or more.")
        first = int(self.stamps_ns[0])
        low, high = 0, self.frame_count
        if start is not None:
            low = int(np.searchsorted(self.stamps_ns, first + seconds_to_ns(start), "left"))
        if end is not None:
            high = int(np.searchsorted(self.stamps_ns, first + seconds_to_ns(end), "right"))
        if low >= high:
            raise RecordingError(
                f"{self.name} has no frame between {0.0 if start is None else start:g} and "
                f"{self.seconds if end is None else end:g} s; it lasts {self.seconds:.3f} s."
            )
        return range(low, high, stride)

    def frames(
        self,
        start: float | None = None,
        end: float | None = None,
        stride: int = 1,
        *,
        workers: int = 2,
    ) -> Iterator[RgbdFrame]:
        """Stream the frames from ``start`` to ``end`` seconds, every ``stride``-th candidate.

        Images are decoded ahead by ``workers`` threads (0: in the caller's thread); the order is
        kept, and at most :data:`.ahead.READ_AHEAD` frames wait in memory. Skipped frames are
        counted in :attr:`skipped`.

        Raises:
            RecordingError: as :meth:`indices`, or if every one of the frames had to be skipped.
            RecordingFormatError: if the recording is malformed.
        """
        return self._stream(self.indices(start, end, stride), workers)

    def window(
        self, start: float | None = None, end: float | None = None, stride: int = 1
    ) -> WindowSnapshot:
        """All of :meth:`frames` at once, in memory; raises as it does."""
        return WindowSnapshot(tuple(self.frames(start, end, stride)))

    def _stream(self, indices: range, workers: int) -> Iterator[RgbdFrame]:
        count = 0
        for index, result in zip(indices, map_ahead(self._try_load, indices, workers), strict=True):
            if isinstance(result, FrameSkippedError):
                self.skipped.add(self.numbers[index], result.what, result.why)
                continue
            count += 1
            yield result
        if count == 0:
            raise RecordingFormatError(
                f"none of the {len(indices)} frames of {self.path} can be used: "
                f"{self.skipped.summary()}."
            )

    def _try_load(self, index: int) -> RgbdFrame | FrameSkippedError:
        try:
            return self._load(index)
        except FrameSkippedError as error:
            return error
        except FrameError as error:  # e.g. a pose that is just no longer rigid after composing
            return FrameSkippedError(f"frame {self.numbers[index]}", str(error).rstrip("."))
