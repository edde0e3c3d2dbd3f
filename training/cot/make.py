"""``make_chains``: candidates through the filters into a file to learn from; can be stopped."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scene_r1_ros.errors import ConfigError
from scene_r1_ros.reasoning.backends.background import wait_until_ready
from scene_r1_ros.reasoning.backends.openai_backend import OpenAIBackend, OpenAIConfig

from ..examples.chains import FORMAT, VERSION, examples_from_chains, header
from ..examples.errors import TrainingError
from ..examples.example import STAGES, Example, evenly
from ..examples.labelled import examples_from_labels
from ..examples.render import ModelView, Renderer
from ..examples.scenes import Scene, load_scene, spans_of
from ..examples.settings import DataConfig
from .filters import agrees, follows_from_reasoning, why_rejected
from .settings import CotConfig
from .writers import TRANSIENT, Cost, ServerWriter


@dataclass
class ChainsReport:
    """What a run kept, and why it did not keep the rest."""

    out: Path
    kept: int = 0
    done_before: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    cost: Cost = field(default_factory=Cost)
    price: float = 0.0
    stopped: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "out": str(self.out),
            "kept": self.kept,
            "done_before": self.done_before,
            "rejected": dict(self.rejected),
            "failed": self.failed,
            **dataclasses.asdict(self.cost),
            "price": round(self.price, 6),
            "stopped": self.stopped,
        }


def make_chains(
    data: Path,
    out: Path,
    chains: str | None = None,
    server: str | None = None,
    model: str = "",
    assignments: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> ChainsReport:
    """Write the chains that pass to ``out``, the others with their reason beside it.

    Candidates come from ``chains`` (scene graphs, no model) or are asked from the model of
    ``server``. Examples that an earlier run decided are not looked at again.

    Raises:
        ConfigError: if neither or both sources are given, or a setting is wrong.
        TrainingError: if the data cannot be used or ``out`` was made with other settings.
        ModelAbsentError: if the server cannot be reached.
    """
    if (chains is None) == (server is None):
        raise ConfigError("make-cot needs either --chains (candidates) or --server (who writes).")
    data_config, config = _settings(data, chains, assignments)
    source = f"chains {chains}" if chains else f"server {model or server}"
    rejected_path = out.with_name(f"{out.stem}.rejected{out.suffix}")
    done, spent = _decided(out, rejected_path, config, source)
    report = ChainsReport(out, done_before=len(done), cost=spent)
    writer = None
    if server is not None:
        writer = _writer(server, model, data_config, config, report.cost)
        examples: list[Example] = _labelled(data_config)
    else:
        examples = _candidates(data_config)
    examples = evenly(examples, data_config.limit or len(examples))
    out.parent.mkdir(parents=True, exist_ok=True)
    with _lines(out, config, source) as kept, _lines(rejected_path, config, source) as rejected:
        for example in examples:
            if example.key in done:
                continue
            report.price = report.cost.price(config)
            if config.max_cost and report.price >= config.max_cost:
                report.stopped = f"cost reached {report.price:.4f} of {config.max_cost:.4f}"
                break
            before = dataclasses.replace(report.cost)
            text, reason = _one(example, config, writer)
            record = _record(example, text, before, report.cost)
            if not text and reason.startswith("server"):
                report.failed += 1  # asked again by the next run
            elif reason:
                rejected(record | {"reason": reason})
                report.rejected[reason.split(":")[0]] += 1
            else:
                kept(record)
                report.kept += 1
    report.price = report.cost.price(config)
    reasons = ", ".join(f"{count} {name}" for name, count in report.rejected.most_common())
    say(
        f"{report.kept} chains kept, {sum(report.rejected.values())} rejected"
        + (f" ({reasons})" if reasons else "")
        + f", {report.done_before} decided before, {report.failed} failed; {report.cost.requests} "
        f"requests, {report.cost.tokens_in} + {report.cost.tokens_out} tokens, cost "
        f"{report.price:.4f}." + (f" Stopped: {report.stopped}." if report.stopped else "")
    )
    return report


def _one(example: Example, config: CotConfig, writer: ServerWriter | None) -> tuple[str, str]:
    """The chain, and why it is not kept (empty: it is)."""
    if writer is None:
        text = example.completion
        reason = why_rejected(text, example, config)
        if not reason and config.reanswer:
            missing = follows_from_reasoning(text, example)
            reason = f"re-answer: {missing}" if missing else ""
        return text, reason
    text, reason = "", ""
    for _ in range(config.tries):
        try:
            text = writer.write(example)
            reason = why_rejected(text, example, config)
            if not reason and config.reanswer:
                again = writer.answer_again(text, example)
                if not agrees(again, text, example, config):
                    reason = f"re-answer: from the reasoning alone {again!r}"
        except TRANSIENT as error:
            return "", f"server: {error}"
        if not reason:
            break
    return text, reason


def _candidates(data: DataConfig) -> list[Example]:
    """Examples of chains whose truth is the labels', not what the chain says."""
    found = examples_from_chains(data.folder, data.chain_files(), STAGES, data.scene_set())
    scenes: dict[str, Scene] = {}
    return [_with_labels(example, data.folder, scenes) for example in found]


def _with_labels(example: Example, data: Path, scenes: dict[str, Scene]) -> Example:
    if example.scene_id not in scenes:
        scenes[example.scene_id] = load_scene(data, example.scene_id)
    scene, ids = scenes[example.scene_id], example.object_ids
    if example.stage == "temporal":
        spans = spans_of(example.frames, set(scene.seen(ids))) if ids else ()
        return dataclasses.replace(example, spans=spans)
    if example.stage == "image":
        boxes = tuple(scene.box(ids, frame.number) for frame in example.frames)
        return dataclasses.replace(example, boxes=boxes)
    return example


def _labelled(data: DataConfig) -> list[Example]:
    found: list[Example] = []
    scenes = data.scene_set()
    for stage, share in data.stage_shares().items():
        mine = examples_from_labels(data.folder, stage, data, scenes)
        found += evenly(mine, math.ceil(share * len(mine)))
    return found


def _writer(
    server: str, model: str, data: DataConfig, config: CotConfig, cost: Cost
) -> ServerWriter:
    backend = OpenAIBackend(OpenAIConfig(base_url=server, model=model, stream=False))
    wait_until_ready(backend)
    limits = backend.config
    view = ModelView(backend.box_frame, limits.token_side, limits.min_pixels, limits.max_pixels)
    return ServerWriter(backend, Renderer(data, view), config, cost)


def _settings(
    data: Path, chains: str | None, assignments: Sequence[str]
) -> tuple[DataConfig, CotConfig]:
    from ..stages.settings import parse_assignments

    own = [item for item in assignments if not item.startswith("data.")]
    changes = parse_assignments([item for item in assignments if item.startswith("data.")])
    values: dict[str, Any] = {}
    specs = {spec.name: spec for spec in CotConfig.options()}
    for item in own:
        name, sign, text = item.removeprefix("cot.").partition("=")
        if not sign or name not in specs:
            known = ", ".join(f"cot.{n}" for n in specs)
            raise ConfigError(f"--set {item!r}: needs NAME=VALUE with data.* or one of {known}.")
        spec = specs[name]
        try:
            values[name] = text.lower() == "true" if spec.type is bool else spec.type(text)
        except ValueError as error:
            raise ConfigError(f"--set {item!r}: needs a {spec.type.__name__}.") from error
    given = {**changes.get("data", {}), "path": str(data), "chains": chains or ""}
    return DataConfig(**given), CotConfig(**values)


def _record(example: Example, text: str, before: Cost, after: Cost) -> dict[str, Any]:
    return {
        "key": example.key,
        "scene_id": example.scene_id,
        "stage": example.stage,
        "query": example.query,
        "object_ids": list(example.object_ids),
        "frames": [frame.number for frame in example.frames],
        "stamps_ns": [frame.stamp_ns for frame in example.frames],
        "completion": text,
        "tokens_in": after.tokens_in - before.tokens_in,
        "tokens_out": after.tokens_out - before.tokens_out,
        "requests": after.requests - before.requests,
    }


def _decided(out: Path, rejected: Path, config: CotConfig, source: str) -> tuple[set[str], Cost]:
    """Keys of an earlier run, and what it cost; a line that was cut off is dropped."""
    done: set[str] = set()
    cost = Cost()
    for path in (out, rejected):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            text = text[: text.rfind("\n") + 1]
            path.write_text(text, encoding="utf-8")
        for record in _records(path, text, config, source):
            done.add(record["key"])
            cost.tokens_in += record["tokens_in"]
            cost.tokens_out += record["tokens_out"]
            cost.requests += record["requests"]
    return done, cost


def _records(path: Path, text: str, config: CotConfig, source: str) -> Iterator[dict[str, Any]]:
    wanted = _about(config, source)
    for line in text.splitlines():
        record = json.loads(line)
        if "format" not in record:
            yield record
        elif record != wanted:
            raise TrainingError(
                f"{path} was made with other settings or from {record.get('source')}; give the "
                "same, or another --out."
            )


def _about(config: CotConfig, source: str) -> dict[str, Any]:
    filters = dataclasses.asdict(config)
    # What a run may spend is not part of what it makes.
    for name in ("max_cost", "price_in", "price_out", "timeout"):
        filters.pop(name)
    return {**header(), "format": FORMAT, "version": VERSION, "source": source, "filters": filters}


class _lines:  # noqa: N801 - used like a function
    """A JSON Lines file that grows a whole line at a time, begun with its header."""

    def __init__(self, path: Path, config: CotConfig, source: str) -> None:
        self._path, self._about = path, _about(config, source)

    def __enter__(self) -> Callable[[dict[str, Any]], None]:
        new = not self._path.is_file() or not self._path.stat().st_size
        self._file = self._path.open("a", encoding="utf-8")
        if new:
            self._write(self._about)
        return self._write

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()
