"""Plots of an evaluation as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, GOOD, BAD, LIGHT = "#4c78a8", "#59a14f", "#e8743b", "#b8c9dd"


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), constrained_layout=True)


def _png(figure: Any) -> bytes:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    plt.close(figure)
    return buffer.getvalue()


def plot_ceilings(rows: Sequence[tuple[str, Mapping[str, Any]]], names: Sequence[str]) -> bytes:
    """Metrics of the pipeline and its oracles side by side; ``rows`` are (label, metrics)."""
    figure, axis = _figure(6.4, 3.2)
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        values = [row.get(name) or 0.0 for _, row in rows]
        places = np.arange(len(rows)) + (i - (len(names) - 1) / 2) * width
        bars = axis.bar(places, values, width * 0.94, label=name, color=(INK, LIGHT, GOOD)[i % 3])
        axis.bar_label(bars, fmt="%.2f", fontsize=8)
    axis.set_xticks(range(len(rows)), [label.replace("_", " ") for label, _ in rows])
    axis.set_ylim(0, 1.12)
    axis.legend(fontsize=8, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def plot_bars(values: Mapping[str, float], title: str, unit: str = "") -> bytes:
    """Horizontal bars, in the order given; negative ones in another colour."""
    figure, axis = _figure(6.4, 0.9 + 0.34 * len(values))
    names = list(values)[::-1]
    numbers = [values[name] for name in names]
    colors = [GOOD if name == "correct" else BAD if values[name] < 0 else INK for name in names]
    bars = axis.barh(names, numbers, color=colors)
    axis.bar_label(bars, fmt="%.3g", fontsize=8, padding=3)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(unit)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def plot_reliability(bins: Sequence[Mapping[str, Any]]) -> bytes:
    """Accuracy against confidence; the area of a dot is the number of samples."""
    figure, axis = _figure(3.4, 3.2)
    axis.plot([0, 1], [0, 1], color="#999999", lw=1, ls="--")
    sizes = [20 + 180 * b["n"] / max(x["n"] for x in bins) for b in bins]
    axis.scatter([b["confidence"] for b in bins], [b["accuracy"] for b in bins], s=sizes, color=INK)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="confidence", ylabel="share correct")
    axis.grid(alpha=0.25)
    return _png(figure)


def plot_histogram(values: Sequence[float], title: str, unit: str, marks: Sequence[float]) -> bytes:
    """Distribution of values in 0..1 or above, with thresholds marked."""
    figure, axis = _figure(5.0, 3.0)
    axis.hist(values, bins=25, color=INK)
    for mark in marks:
        axis.axvline(mark, color=BAD, lw=1.2, ls="--")
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(unit)
    axis.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def plot_groups(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Share correct of each group with its 95 % interval and count."""
    figure, axis = _figure(6.4, 0.9 + 0.30 * len(rows))
    rows = list(rows)[::-1]
    places = np.arange(len(rows))
    shares = np.array([row["correct"] for row in rows])
    low = np.array([row["low"] for row in rows])
    high = np.array([row["high"] for row in rows])
    axis.barh(places, shares, color=LIGHT)
    error = np.clip([shares - low, high - shares], 0, None)
    axis.errorbar(shares, places, xerr=error, fmt="o", color=INK, ms=4, lw=1.2)
    axis.set_yticks(places, [f"{row['group']}  ({row['n']})" for row in rows], fontsize=8)
    axis.set_xlim(0, 1.02)
    axis.set_title(title, fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    return _png(figure)
