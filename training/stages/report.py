"""The local report of a run: curves as PNG, a page with settings and answers, nothing online."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from scene_r1_ros.recordings.atomic import written_atomically

from .samples import Sample

_PAGE = """<!doctype html><meta charset="utf-8"><title>{{ kind }}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem}
img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:left;
border-bottom:1px solid #ddd;vertical-align:top}pre{white-space:pre-wrap;background:#f6f6f6;
padding:.6rem}.ok{color:#28aa46}.said{color:#dc3c28}</style>
<h1>{{ kind }}</h1><p>{{ steps }} steps. <a href="curves.png">curves.png</a></p>
<img src="curves.png" alt="curves">
<h2>Last figures</h2><table>{% for name, value in last.items() %}
<tr><td>{{ name }}</td><td>{{ value }}</td></tr>{% endfor %}</table>
<h2>Answers of the trained model</h2>
<p><span class="ok">green</span>: true, <span class="said">red</span>: said.
These examples were learnt from; the evaluation says how well others go.</p>
{% for s in samples %}<h3>{{ s.stage }}: {{ s.query }}</h3>
<img src="data:image/png;base64,{{ s.picture }}" alt="frames">
<pre>{{ s.text }}</pre><p>true: {{ s.truth }}</p>{% endfor %}
{% if groups %}<h2>Completions and what they earned</h2><table><tr><th>step</th><th>query</th>
<th>completion</th><th>rewards</th></tr>{% for g in groups %}<tr><td>{{ g.step }}</td>
<td>{{ g.query }}</td><td><pre>{{ g.completion }}</pre></td><td>{{ g.rewards }}</td></tr>
{% endfor %}</table>{% endif %}
<h2>Settings</h2><pre>{{ settings }}</pre>"""
_SKIP = ("epoch", "step", "total_flos", "train_runtime", "num_tokens")
_SHOWN_GROUPS = 40


def write_report(
    out: Path,
    kind: str,
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    samples: Sequence[Sample],
) -> Path:
    """Write ``out/report``; returns its page."""
    import jinja2

    from .grpo import COMPLETIONS_FILE

    folder = out / "report"
    folder.mkdir(parents=True, exist_ok=True)
    plot_curves(history, folder / "curves.png")
    last: dict[str, Any] = {}
    for entry in history:
        last |= {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in entry.items()}
    groups: list[dict[str, Any]] = []
    if (out / COMPLETIONS_FILE).is_file():
        lines = (out / COMPLETIONS_FILE).read_text(encoding="utf-8").splitlines()
        groups = [json.loads(line) for line in lines[-_SHOWN_GROUPS:]]
    template = jinja2.Environment(autoescape=True).from_string(_PAGE)
    page = template.render(
        kind=kind,
        steps=max((int(entry.get("step", 0)) for entry in history), default=0),
        last=last,
        samples=[_shown(sample) for sample in samples],
        groups=groups,
        settings=json.dumps(settings, indent=1),
    )
    path = folder / "index.html"
    with written_atomically(path, overwrite=True) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def plot_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Every figure of the log over the steps: loss, reward parts, lengths, KL, rates."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    series: dict[str, list[tuple[int, float]]] = {}
    for entry in history:
        for name, value in entry.items():
            if (
                name not in _SKIP
                and isinstance(value, int | float)
                and not name.startswith("train_")
            ):
                series.setdefault(name, []).append((int(entry.get("step", 0)), float(value)))
    order = sorted(series, key=_rank)
    columns = 3
    rows = max(1, -(-len(order) // columns))
    figure, axes = plt.subplots(rows, columns, figsize=(12, 2.4 * rows), squeeze=False)
    for axis in axes.flat[len(order) :]:
        axis.axis("off")
    for axis, name in zip(axes.flat, order, strict=False):
        steps, values = zip(*series[name], strict=True)
        axis.plot(steps, values, marker="." if len(steps) < 30 else None, linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _rank(name: str) -> tuple[int, str]:
    first = ("loss", "reward", "rewards/", "kl", "completions/", "groups_left_out", "entropy")
    for place, start in enumerate(first):
        if name == start or name.startswith(start):
            return place, name
    return len(first), name


def _shown(sample: Sample) -> dict[str, Any]:
    example = sample.example
    _, data = cv2.imencode(".png", sample.picture[..., ::-1])
    truth: Any = list(example.answers) if example.stage == "answer" else list(example.spans)
    if example.stage == "image":
        truth = {i + 1: [round(v) for v in box] for i, box in enumerate(example.boxes) if box}
    return {
        "stage": example.stage,
        "query": example.query,
        "text": sample.text,
        "truth": truth or "not found",
        "picture": base64.b64encode(data.tobytes()).decode(),
    }
