"""Traces on disk: a folder each, bounded in number and in bytes, the oldest deleted first."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Config, option
from ..errors import RequestError
from .trace import QueryTrace, checked_query_id

log = logging.getLogger(__name__)

_WRITING = ".writing-"
"""Begins the names of folders whose trace is not whole yet."""


def default_folder() -> Path:
    """``$XDG_STATE_HOME/scene_r1/traces`` (XDG base directory specification)."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "scene_r1" / "traces"


@dataclass(frozen=True)
class TraceConfig(Config):
    """Where the records of queries go and how many are kept."""

    enabled: bool = option(True, "Keep a record, with pictures, of every query.")
    folder: str = option("", "Folder of the traces; empty is the user's state folder.")
    max_traces: int = option(200, "Older ones are deleted.", minimum=1, maximum=100_000)
    max_megabytes: float = option(500.0, "Older ones are deleted.", minimum=1.0, unit="MB")
    picture_width: int = option(
        512, "Pictures are kept at most this wide.", minimum=64, maximum=4096, unit="px"
    )


@dataclass(frozen=True)
class TraceSummary:
    """One line of a list of traces."""

    query_id: str
    created: str
    kind: str
    query: str
    outcome: str


class TraceStore:
    """Saves and finds traces.

    A trace is a folder named after its query: trace.json, index.html and the pictures.
    """

    def __init__(self, config: TraceConfig | None = None) -> None:
        self.config = config or TraceConfig()
        self.folder = Path(self.config.folder) if self.config.folder else default_folder()

    def save(self, trace: QueryTrace) -> Path | None:
        """Write the trace and delete what is beyond the limits; the trace's folder.

        A query must not fail because its record cannot be written: then the reason is logged and
        None returned. None too where records are switched off.
        """
        if not self.config.enabled:
            return None
        try:
            return self._save(trace)
        except (OSError, ValueError) as error:
            log.warning("the trace of %s cannot be written: %s", trace.query_id, error)
            return None

    def path_of(self, query_id: str) -> Path:
        """The trace's folder.

        Raises:
            RequestError: if the id is malformed or there is no such trace.
        """
        path = self.folder / checked_query_id(query_id)
        if not (path / "trace.json").is_file():
            newest = [summary.query_id for summary in self.summaries(limit=3)]
            known = f"the newest are {', '.join(newest)}" if newest else "there are none"
            raise RequestError(f"no trace of query {query_id} in {self.folder}; {known}.")
        return path

    def load(self, query_id: str) -> dict[str, Any]:
        """The trace as saved by :meth:`QueryTrace.to_json`; raises as :meth:`path_of`."""
        path = self.path_of(query_id) / "trace.json"
        try:
            return json.loads(path.read_text())  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise RequestError(f"the trace {path} cannot be read: {error}") from error

    def page_of(self, query_id: str) -> Path:
        """The trace's HTML page, written again if it is gone; raises as :meth:`path_of`."""
        folder = self.path_of(query_id)
        page = folder / "index.html"
        if not page.is_file():
            from .trace_page import render_page

            page.write_text(render_page(self.load(query_id), _pictures_of(folder)))
        return page

    def summaries(self, limit: int | None = None) -> list[TraceSummary]:
        """The traces there are, newest first; damaged ones are left out."""
        found: list[TraceSummary] = []
        for folder in reversed(self._folders()):
            if limit is not None and len(found) >= limit:
                break
            try:
                found.append(_summary(json.loads((folder / "trace.json").read_text())))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def _save(self, trace: QueryTrace) -> Path:
        from .trace_page import render_page

        self.folder.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed, so that a reader never meets half a trace.
        aside = Path(tempfile.mkdtemp(prefix=_WRITING, dir=self.folder))
        try:
            record = trace.to_json()
            jpegs = {
                key: _jpeg(img, self.config.picture_width) for key, img in trace.images.items()
            }
            for key, data in jpegs.items():
                (aside / f"{key}.jpg").write_bytes(data)
            (aside / "trace.json").write_text(json.dumps(record, indent=1, allow_nan=False))
            (aside / "index.html").write_text(render_page(record, jpegs))
            target = self.folder / trace.query_id
            if target.exists():
                shutil.rmtree(target)
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self._prune(keep=target)
        return target

    def _folders(self) -> list[Path]:
        """Trace folders, oldest first; other processes write and delete in the same place."""
        if not self.folder.is_dir():
            return []
        found: list[tuple[int, str, Path]] = []
        for path in self.folder.iterdir():
            if path.name.startswith(_WRITING) or not (path / "trace.json").is_file():
                continue
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(found)]

    def _prune(self, keep: Path) -> None:
        folders = self._folders()
        sizes = {path: _bytes_of(path) for path in folders}
        total = sum(sizes.values())
        left = len(folders)
        for path in folders:
            fits = left <= self.config.max_traces and total <= self.config.max_megabytes * 1e6
            if fits or path == keep:
                break
            shutil.rmtree(path, ignore_errors=True)
            total -= sizes[path]
            left -= 1


def _jpeg(image: Any, width: int) -> bytes:
    import cv2

    if image.shape[1] > width:
        size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise OSError("a picture could not be encoded as JPEG")
    return data.tobytes()


def _bytes_of(folder: Path) -> int:
    """Of its files; 0 once it is gone."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except FileNotFoundError:
        return 0


def _pictures_of(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.jpg"))}


def _summary(record: dict[str, Any]) -> TraceSummary:
    return TraceSummary(
        record["query_id"],
        record["created"],
        record["kind"],
        record["query"],
        outcome_of(record),
    )


def outcome_of(record: dict[str, Any]) -> str:
    """found, not found, ambiguous (n), answered, or the error's type."""
    if record["error"]:
        return str(record["error"]["type"])
    if record["kind"] == "answer":
        return "answered"
    result = record["result"]
    if result.get("found"):
        return "found"
    candidates = result.get("candidates", 0)
    return f"ambiguous ({candidates})" if candidates > 1 else "not found"
