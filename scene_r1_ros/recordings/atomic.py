"""Writing that is there whole or not at all: into a temporary place beside it, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import RecordingError


def check_free(out: Path, overwrite: bool) -> None:
    """Return if ``out`` may be written.

    Raises:
        RecordingError: if something is there (an empty folder counts as nothing) and
            ``overwrite`` is not set.
    """
    empty_folder = out.is_dir() and not any(out.iterdir())
    if out.exists() and not overwrite and not empty_folder:
        raise RecordingError(f"{out} exists already; remove it or choose another place.")


@contextmanager
def written_atomically(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """A free path beside ``out`` for a file or folder, which becomes ``out`` when all went well.

    What stood at ``out`` before is replaced only then; when the body raises, it stays and the
    temporary is removed. Whoever may list a folder may read its files, also those that a library
    wrote for their owner alone (as safetensors does).

    Raises:
        RecordingError: as :func:`check_free`, or if the place cannot be written.
    """
    check_free(out, overwrite)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    _remove(partial)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _share(partial)
        if partial.is_dir() or out.is_dir():
            _remove(out)  # a folder can only be renamed onto nothing
        partial.replace(out)
    except OSError as error:
        raise RecordingError(f"{out} cannot be written: {error}.") from error
    finally:
        _remove(partial)


def _share(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            mode = file.stat().st_mode
            shared = mode | file.parent.stat().st_mode & 0o666
            if mode != shared:  # not every file system can change it
                file.chmod(shared)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
