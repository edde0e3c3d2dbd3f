"""The HTML page of an evaluation: one file, everything inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from . import report_plots as plots

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<title>{{ s.benchmark }}: evaluation</title>
<style>
 body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1080px;
        color: #222; padding: 0 1rem; }
 h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { margin-top: 2.2rem; font-size: 1.2rem }
 .sub { color: #666 } .row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
 .row > img { width: calc(50% - .5rem); object-fit: contain }
 table { border-collapse: collapse; margin: .6rem 0 } td, th { padding: .18rem .7rem;
        border-bottom: 1px solid #e3e3e3; text-align: left } td.n { text-align: right;
        font-variant-numeric: tabular-nums } img { max-width: 100% }
 .case { border: 1px solid #ddd; border-radius: 6px; padding: .6rem .8rem; margin: .8rem 0 }
 .case p { margin: .2rem 0 } .stage { color: #b8530f } .note { background: #fff6e5;
        padding: .4rem .7rem; border-left: 3px solid #f0b040; margin: .4rem 0 }
 code { background: #f4f4f4; padding: 0 .2rem }
</style></head><body>
<h1>{{ s.benchmark }}</h1>
<p class="sub">{{ s.n }} samples, split {{ s.split or "not named" }}
{%- for name, value in s.about.items() if value not in (none, "", 0) %} · {{ name }} {{ value }}
{%- endfor %}</p>
{% for note in s.notes %}<p class="note">{{ note }}</p>{% endfor %}
{% if s.metrics or images.top %}<h2>Metrics</h2><div class="row">{% if s.metrics %}<table>
{% for name, value in s.metrics.items() if value is not none and not name.endswith("_n") -%}
<tr><td><code>{{ name }}</code></td><td class="n">{{ number(value) }}</td>
<td class="n sub">{{ interval(name) }}</td></tr>
{% endfor %}</table>{% endif %}
{% for image in images.top %}<img src="{{ image }}" alt="">{% endfor %}
</div>{% endif %}
{% for table in tables %}<h2>{{ table.title }}</h2><table><tr>
{% for h in table.head %}<th>{{ h }}</th>{% endfor %}</tr>
{% for line in table.lines %}<tr>{% for cell in line %}
<td{% if loop.index0 %} class="n"{% endif %}>{{ number(cell) }}</td>{% endfor %}</tr>{% endfor %}
</table>{% endfor %}
{% if images.lost %}<h2>Where the points are lost</h2>
<p class="sub">Left: the first stage that went wrong, per sample. Right: what each better-informed
variant wins over the one before; together with the accuracy they make 1.</p>
<div class="row">{% for image in images.lost %}<img src="{{ image }}" alt="">{% endfor %}</div>
{% endif %}
{% if images.sure %}<h2>Confidence</h2><div class="row">
<img src="{{ images.sure }}" style="width: 340px" alt=""><table>
<tr><td>expected calibration error</td><td class="n">{{ number(s.calibration.ece) }}</td></tr>
<tr><td>Brier score</td><td class="n">{{ number(s.calibration.brier) }}</td></tr>
<tr><td>right above wrong (AUROC)</td><td class="n">{{ number(s.calibration.auroc) }}</td></tr>
<tr><td>answers with a confidence</td><td class="n">{{ s.calibration.n }}</td></tr>
</table></div>{% endif %}
{% if images.groups %}<h2>By group</h2>
<p class="sub">Share correct with its 95 % interval; the number of samples in brackets.</p>
<div class="row">{% for image in images.groups %}<img src="{{ image }}" alt="">{% endfor %}</div>
{% endif %}
{% if s.seconds %}<h2>Cost</h2><table><tr><th>stage</th><th>median</th><th>95 %</th></tr>
{% for name, value in s.seconds.items() if not name.endswith("_p95") %}
<tr><td>{{ name }}</td><td class="n">{{ number(value) }} s</td>
<td class="n">{{ number(s.seconds.get(name + "_p95")) }} s</td></tr>{% endfor %}
{% for name, value in s.tokens.items() %}
<tr><td>tokens {{ name.replace("_mean", "") }}, mean</td><td class="n">{{ number(value) }}</td>
<td></td></tr>{% endfor %}</table>{% endif %}
{% if cases %}<h2>Worst cases</h2>{% for case in cases %}<div class="case">
<p><b>{{ case.text }}</b></p>
<p class="sub">{{ case.key }} · <span class="stage">{{ case.stage }}</span> · score
{{ number(case.value) }}{% if case.answer %} · said "{{ case.answer }}"{% endif %}
{%- if case.truth %} · truth "{{ case.truth }}"{% endif %}</p>
{% if case.image %}<img src="{{ case.image }}" alt="">{% endif %}
{% if case.detail %}<p class="sub">{{ case.detail }}</p>{% endif %}
</div>{% endfor %}{% endif %}
</body></html>
"""


@dataclass(frozen=True)
class Case:
    """One sample to show; ``picture`` is (H, W, 3) RGB or None."""

    key: str
    text: str
    value: float
    stage: str = ""
    detail: str = ""
    answer: str = ""
    truth: str = ""
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; the first column names the row."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[Any]]


def write_page(
    path: Path,
    summary: Mapping[str, Any],
    *,
    cases: Sequence[Case] = (),
    values: Sequence[float] = (),
    tables: Sequence[Table] = (),
) -> None:
    """Write the page; ``values`` are the samples' scores for a histogram."""
    import jinja2

    environment = jinja2.Environment(autoescape=True)
    page = environment.from_string(_PAGE).render(
        s=summary,
        images=_images(summary, values),
        number=_number,
        interval=lambda name: _interval(summary.get("intervals", {}).get("pipeline", {}).get(name)),
        tables=tables,
        cases=[
            {**vars(case), "image": None if case.picture is None else _jpeg(case.picture)}
            for case in cases
        ],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _images(s: Mapping[str, Any], values: Sequence[float]) -> dict[str, Any]:
    found: dict[str, Any] = {"top": [], "lost": [], "groups": [], "sure": None}
    rows = [("pipeline", s["metrics"])] if s["metrics"] else []
    rows += list(s.get("ceilings", {}).items())
    names = [n for n in ("acc_25", "acc_50", "f1_25", "f1_50") if any(n in row for _, row in rows)]
    if rows and names:
        found["top"].append(_uri(plots.plot_ceilings(rows, names)))
    if len(values):
        found["top"].append(
            _uri(plots.plot_histogram(values, "scores of the samples", "", (0.25, 0.5)))
        )
    if s.get("stages"):
        title = f"first stage that failed ({s.get('stages_of', '')})".replace("_", " ")
        found["lost"].append(_uri(plots.plot_bars(s["stages"], title, "samples")))
    if s.get("budget"):
        title = "points lost, by stage"
        found["lost"].append(_uri(plots.plot_bars(s["budget"], title, "share of all samples")))
    if s.get("calibration", {}).get("bins"):
        found["sure"] = _uri(plots.plot_reliability(s["calibration"]["bins"]))
    for name, group in s.get("groups", {}).items():
        if group:
            found["groups"].append(_uri(plots.plot_groups(group, f"by {name}")))
    return found


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _jpeg(picture: NDArray[np.uint8]) -> str:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(bytes(data)).decode("ascii")
