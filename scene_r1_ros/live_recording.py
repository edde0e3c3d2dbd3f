"""Frames that arrive one by one, written to a folder and an MCAP file while they come."""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import RecordingError
from .frames import RgbdFrame
from .recordings import McapOptions, write_folder, write_mcap
from .recordings.atomic import check_free

QUEUED_FRAMES = 60
"""Frames that may wait for the disk; at 640 x 480 pixels that is 130 MB."""
RESERVE_BYTES = 200_000_000
"""Free space at which recording ends: finishing the files needs some, and so do others."""
_FRAMES_BETWEEN_LOOKS = 15


class LiveRecording:
    """Writes every frame given to :meth:`add` until :meth:`finish`, each target in a thread.

    ``folder`` is written by :func:`.write_folder`, ``mcap`` by :func:`.write_mcap`; either may be
    None. ``problem`` says why no more frames are taken ("" while all is well). ``frames`` and
    ``lost`` count those taken, and those that came faster than the disk is.

    Raises:
        RecordingError: if there is no target, or something stands at its place.
    """

    def __init__(
        self,
        folder: Path | None,
        mcap: Path | None,
        options: McapOptions | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        writers: dict[Path, Callable[[Iterator[RgbdFrame]], int]] = {}
        if folder is not None:
            writers[folder] = lambda frames: write_folder(folder, frames, overwrite=overwrite)
        if mcap is not None:
            writers[mcap] = lambda frames: write_mcap(mcap, frames, options, overwrite=overwrite)
        if not writers:
            raise RecordingError("a recording needs a folder or a file to be written to.")
        for path in writers:
            check_free(path, overwrite)
        self.problem = ""
        self.frames = 0
        self.lost = 0
        self._last_ns: int | None = None
        self._disk = next(iter(writers)).absolute().parent
        self._targets = [_Target(path, write, self._failed) for path, write in writers.items()]

    def add(self, frame: RgbdFrame) -> None:
        """Take in a frame; those that are not later than the one before are passed over."""
        if self.problem or (self._last_ns is not None and frame.stamp_ns <= self._last_ns):
            return
        if self.frames % _FRAMES_BETWEEN_LOOKS == 0:
            self._look_at_disk()
        if any(target.full for target in self._targets):
            self.lost += 1
            return
        self._last_ns = frame.stamp_ns
        self.frames += 1
        for target in self._targets:
            target.put(frame)

    def finish(self) -> dict[Path, int]:
        """Write what waits and close the files; the number of frames in each.

        Raises:
            RecordingError: if a file could not be finished; the others are kept.
        """
        counts, errors = {}, []
        for target in self._targets:
            target.close()
        for target in self._targets:
            try:
                counts[target.path] = target.finish()
            except RecordingError as error:
                errors.append(str(error))
        if errors:
            kept = ", ".join(str(path) for path in counts) or "nothing"
            raise RecordingError(f"{' '.join(errors)} Kept: {kept}.")
        return counts

    def discard(self) -> None:
        """End a recording without frames; it leaves nothing behind."""
        with contextlib.suppress(RecordingError):
            self.finish()

    def _look_at_disk(self) -> None:
        place = self._disk
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        if free < RESERVE_BYTES:
            self._failed(
                f"only {free / 1e6:.0f} MB are free on the disk of {self._disk}, and recording "
                f"stops at {RESERVE_BYTES / 1e6:.0f} MB; make room or choose another place."
            )

    def _failed(self, why: str) -> None:
        self.problem = self.problem or why


class _Target:
    """One writer in its thread, fed through a bounded queue."""

    def __init__(
        self,
        path: Path,
        write: Callable[[Iterator[RgbdFrame]], int],
        on_error: Callable[[str], None],
    ) -> None:
        self.path = path
        self._queue: queue.Queue[RgbdFrame | None] = queue.Queue()
        self._count = 0
        self._error: RecordingError | None = None
        self._thread = threading.Thread(
            target=self._run, args=(write, on_error), name=f"write {path.name}", daemon=True
        )
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether as many frames wait as may."""
        return self._queue.qsize() >= QUEUED_FRAMES

    def put(self, frame: RgbdFrame) -> None:
        """Hand over a frame."""
        self._queue.put(frame)

    def close(self) -> None:
        """No more frames come."""
        self._queue.put(None)

    def finish(self) -> int:
        """Wait for the writer; the number of frames. Raises its RecordingError."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._count

    def _run(
        self, write: Callable[[Iterator[RgbdFrame]], int], on_error: Callable[[str], None]
    ) -> None:
        try:
            self._count = write(iter(self._queue.get, None))  # type: ignore[arg-type]
        except RecordingError as error:
            self._error = error
            on_error(str(error))
        except Exception as error:
            self._error = RecordingError(f"{self.path}: {type(error).__name__}: {error}.")
            on_error(str(self._error))
