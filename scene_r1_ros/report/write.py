"""``write_report``: a pipeline's result as a folder that a person opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..frames import WindowSnapshot
from ..pipeline import PipelineResult
from ..result import result_record
from .page import PageExtras, render_page
from .result_folder import CLOUD_FILE, save_result
from .truth import Truth

PAGE_FILE = "report.html"


@dataclass(frozen=True)
class ReportFiles:
    """Where it was written; ``ply`` is None when nothing was found."""

    folder: Path
    html: Path
    ply: Path | None


def write_report(
    out: Path,
    window: WindowSnapshot,
    result: PipelineResult,
    *,
    record: dict[str, Any] | None = None,
    truth: Truth | None = None,
    source: str = "",
    command: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> ReportFiles:
    """Write the page, ``object.ply``, ``result.json``, ``frames/`` and ``masks/`` into ``out``.

    ``window`` are the frames to show, the anchor among them. ``record`` is the result as printed
    (default: :func:`.result_record`); ``settings`` are shown by section; ``command`` is how to do
    it again.

    Raises:
        RequestError: if ``out`` cannot be written.
    """
    record = dict(record or result_record(result, window))
    if truth is not None:
        record["truth"] = truth.record()
        record["iou"] = truth.iou(result.lifted.box) if result.lifted else 0.0
    extras = PageExtras(source, command, settings or {})
    page = render_page(window, result, record, truth, extras)
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_result(out, window, result, {**record, "source": source, "command": command})
        (out / PAGE_FILE).write_text(page, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"the report cannot be written to {out}: {error}.") from error
    return ReportFiles(out, out / PAGE_FILE, out / CLOUD_FILE if result.lifted else None)
