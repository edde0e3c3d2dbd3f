"""The demonstration in words: queries through the graph, each answer beside the truth."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AmbiguousError, NotFoundError, RequestError
from .demo_graph_phases import keep_running, played

if TYPE_CHECKING:
    from ..demo import DemoQuery
    from ..demo.outcome import Outcome
    from ..frames import WindowSnapshot
    from ..recordings import Recording
    from ..ros.demo_graph import DemoGraph, DemoModel, Said
    from .phases import Phases

_NUMBERS_FILE = "queries.json"


def queries_of(args: argparse.Namespace, recording: Recording) -> tuple[DemoQuery, ...]:
    """The user's queries, else those that the recording's annotations offer, which may be none.

    Raises:
        RequestError: if a query holds no words.
    """
    from ..demo import annotated_objects, choose_queries, users_query

    folder, camera = recording.path, recording.intrinsics
    objects = annotated_objects(folder) if folder.is_dir() else []
    if args.query:
        return tuple(users_query(text, objects) for text in dict.fromkeys(args.query))
    return choose_queries(objects, camera.width, camera.height)


def show_words(
    args: argparse.Namespace,
    recording: Recording,
    queries: Sequence[DemoQuery],
    model: DemoModel,
    phases: Phases,
) -> tuple[dict[str, Any], str]:
    """Ask every query, write the report; the record and its text.

    An answer that the model got wrong, or could not give, is shown as that; the rest goes on.
    """
    from ..demo import beside
    from ..demo.playback import plan_playback, played_window
    from ..reasoning.query_text import clean_query
    from ..reasoning.vocabulary import checkpoint_unknown_words
    from ..ros.demo_graph import DemoGraph

    unknown = [checkpoint_unknown_words(model.model, clean_query(q.text)) for q in queries]
    playback = plan_playback(recording, args.rate, args.max_frames)
    with DemoGraph(playback, args.out, model=model) as graph:
        played(graph, recording, args.out, phases)
        with phases("loading the model") as phase:
            graph.wait_model(lambda text: phase.progress(0.0, text))
            phase.detail = model.model or model.server
        window = played_window(recording, playback)
        outcomes = []
        for number, (query, words) in enumerate(zip(queries, unknown, strict=True), start=1):
            _warn(query, words)
            outcome = _ask(graph, query, number, args.timeout, phases, window, recording)
            outcomes.append(dataclasses.replace(outcome, unknown=words))
        with phases("report") as phase:
            record = _report(args, recording, window, outcomes, model)
        if args.keep:
            keep_running(graph, f"scene-r1 ask {shlex.quote(queries[0].text)}")
    record["phases"] = phases.seconds
    blocks = [_block(number, outcome) for number, outcome in enumerate(outcomes, start=1)]
    text = "\n\n".join([*blocks, f"{beside.summary(outcomes)}\nreport  {record['report']}"])
    return record, text


def _warn(query: DemoQuery, words: tuple[str, ...]) -> None:
    from ..reasoning.vocabulary import unknown_sentence

    if words:
        print(f"  {query.text}: {unknown_sentence(words)}.", file=sys.stderr, flush=True)


def _ask(
    graph: DemoGraph,
    query: DemoQuery,
    number: int,
    timeout: float,
    phases: Phases,
    window: WindowSnapshot,
    recording: Recording,
) -> Outcome:
    from ..control import Control

    started = time.monotonic()
    with phases(f"query {number}") as phase:

        def progress(stage: str, fraction: float, text: str) -> None:
            phase.progress(fraction, stage)

        said = graph.ask(query.text, timeout, Control(on_progress=progress))
        seconds = time.monotonic() - started
        outcome = _outcome(query, said, seconds, window, recording)
        phase.detail = f"{query.text}: {outcome.verdict}"
    return outcome


def _outcome(
    query: DemoQuery, said: Said, seconds: float, window: WindowSnapshot, recording: Recording
) -> Outcome:
    from ..demo.outcome import Outcome
    from ..pipeline import PipelineResult
    from ..player_config import published_stamp_ns
    from ..reasoning import Grounding
    from ..ros.describe import object_record

    known = zip(recording.stamps_ns.tolist(), recording.numbers, strict=True)
    number_at = {published_stamp_ns(stamp): number for stamp, number in known}
    numbers = tuple(number_at[frame.stamp_ns] for frame in window.frames)
    total = {"total": round(seconds, 4)}
    if said.answer is not None and said.observed is not None:
        answer = object_record(said.answer)
        result = said.observed.result(answer["seconds"])
        return Outcome(query, window, numbers, result, answer["object"], seconds=answer["seconds"])
    if isinstance(said.error, NotFoundError | AmbiguousError):
        grounding = dataclasses.replace(
            said.grounding or Grounding(query.text, False),
            found=False,
            reason=str(said.error),
            candidates=2 if isinstance(said.error, AmbiguousError) else 0,
        )
        result = PipelineResult(grounding, None, None, total)
        return Outcome(query, window, numbers, result, seconds=total)
    partial = PipelineResult(said.grounding, None, None, total) if said.grounding else None
    return Outcome(query, window, numbers, partial, error=str(said.error), seconds=total)


def _report(
    args: argparse.Namespace,
    recording: Recording,
    window: WindowSnapshot,
    outcomes: Sequence[Outcome],
    model: DemoModel,
) -> dict[str, Any]:
    from ..demo import beside
    from ..report import write_report
    from ..report.page import PageExtras
    from ..report.queries_page import Line, QueryCard, write_queries_page

    _clear(args.out)
    command = _command(args, outcomes)
    records, cards = [], []
    for number, outcome in enumerate(outcomes, start=1):
        record, link = outcome.record(), ""
        if outcome.result is not None and not outcome.error:
            link = f"query_{number}/report.html"
            write_report(
                args.out / f"query_{number}",
                window,
                outcome.result,
                record=record,
                truth=outcome.truth,
                source=recording.name,
                command=command,
            )
        records.append({**record, "report": str(args.out / link) if link else None})
        cards.append(
            QueryCard(
                outcome.query.text,
                beside.verdict(outcome),
                outcome.right,
                [Line(r.what, r.said, r.truth, r.overlap) for r in beside.rows(outcome)],
                beside.rationale(outcome),
                beside.remark(outcome),
                outcome.seconds.get("total"),
                outcome.result,
                outcome.truth,
                outcome.true_box,
                outcome.best_view,
                link,
            )
        )
    page = args.out / "report.html"
    extras = PageExtras(recording.name, command)
    write_queries_page(page, window, cards, beside.summary(outcomes), extras)
    known = [outcome.right for outcome in outcomes if outcome.right is not None]
    record = {
        "mode": "words",
        "model": model.model or model.server,
        "queries": records,
        "right": sum(known),
        "judged": len(known),
        "source": str(recording.path),
        "report": str(page),
    }
    try:
        (args.out / _NUMBERS_FILE).write_text(json.dumps(record, indent=1) + "\n")
    except OSError as error:
        raise RequestError(f"the report cannot be written to {args.out}: {error}.") from error
    if args.picture is not None:
        _picture(args.picture, window, outcomes)
    return record


def _picture(path: Path, window: WindowSnapshot, outcomes: Sequence[Outcome]) -> None:
    """Of the best answer there is."""
    from ..report.summary import write_summary

    lifted = [o for o in outcomes if o.result is not None and o.result.lifted is not None]
    if not lifted:
        print(f"{path}: no picture, for nothing was found.", file=sys.stderr)
        return
    best = max(lifted, key=lambda outcome: outcome.iou or 0.0)
    assert best.result is not None
    write_summary(path, window, best.result, best.truth)


def _clear(out: Path) -> None:
    """Take away what an earlier demonstration left, lest it be taken for this one's."""
    from ..report.result_folder import CLOUD_FILE, RESULT_FILE

    folders = [out, *(path for path in out.glob("query_*") if path.is_dir())]
    for folder in folders:
        if (folder / RESULT_FILE).is_file():
            for name in ("frames", "masks"):
                shutil.rmtree(folder / name, ignore_errors=True)
            for name in (RESULT_FILE, CLOUD_FILE, "report.html"):
                (folder / name).unlink(missing_ok=True)
            if folder != out and not any(folder.iterdir()):
                folder.rmdir()


def _command(args: argparse.Namespace, outcomes: Sequence[Outcome]) -> str:
    words = ["scene-r1", "demo"]
    words += ["--source", str(args.source)] if args.source is not None else []
    for text in dict.fromkeys(args.query or ()):
        words += ["--query", text]
    words += ["--model", args.model] if args.model else []
    words += ["--server", args.server] if args.server else []
    return shlex.join([*words, "--out", str(args.out)])


def _block(number: int, outcome: Outcome) -> str:
    """One query for the terminal."""
    from ..demo import beside

    lines = [f"{number}  {outcome.query.text}: {beside.verdict(outcome)}"]
    if note := beside.remark(outcome):
        lines += textwrap.wrap(note, 92, initial_indent="   ", subsequent_indent="   ")
    for i, why in enumerate(beside.rationale(outcome).splitlines()):
        lines.append(f"   {'why' if i == 0 else '':<7} {why}")
    rows = beside.rows(outcome)
    said = max(len(row.said) for row in rows)
    true = max(len(row.truth) for row in rows)
    wide = min(said, 64)
    if true:
        lines.append(f"   {'':<7} {'answer':<{wide}}  truth")
    for row in rows:
        name = "" if row.what == "answer" else row.what
        lines.append(
            f"   {name:<7} {row.said:<{wide}}  {row.truth:<{true}}  {row.overlap}".rstrip()
        )
    return "\n".join(lines)
