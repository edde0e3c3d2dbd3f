"""``eval lifting``: rooms over an engine, resumed after a kill, then the table and the page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scene_r1_ros.errors import ConfigError

from ..parallel import run_each
from .breakdown import distance_group, group_results
from .calibration import calibration
from .lifting_bench import (
    BASELINE,
    LiftingTask,
    lifting_metrics,
    lifting_rows,
    lifting_table,
)
from .lifting_cases import LiftingScene, lifting_cases
from .rates import IOU_THRESHOLDS, accuracy_at
from .report_page import Case, Table, write_page

GOALS = {"mask_iou": 0.75, "acc_25": 0.95, "acc_50": 0.85}
WELL_SEEN = 0.5
"""Objects whose seen surface spans this share of their box; of others nobody can know the size."""


@dataclass(frozen=True)
class LiftingOptions:
    """Rooms ``seed`` to ``seed + scenes - 1``, each at every noise level of ``noise``.

    The first noise level carries all ablations, the others the baseline. ``objects`` a room, 0
    for all; ``ablate`` False leaves the ablations out.
    """

    out: Path
    seed: int = 2_000_000
    scenes: int = 4
    objects: int = 6
    noise: tuple[float, ...] = (1.0, 0.0, 2.0)
    ablate: bool = True
    seconds: float = 12.0
    fps: float = 5.0
    width: int = 320
    height: int = 240
    engine: str = "local"
    jobs: int = 1
    address: str | None = None
    worst: int = 6


def evaluate_lifting(
    options: LiftingOptions, on_done: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Measure; writes ``rows.jsonl``, ``summary.json`` and ``index.html``."""
    tasks = [
        LiftingTask(
            LiftingScene(
                options.seed + i,
                options.seconds,
                options.fps,
                options.width,
                options.height,
                level,
            ),
            ablate=options.ablate and level == options.noise[0],
            objects=options.objects,
        )
        for level in options.noise
        for i in range(options.scenes)
    ]
    path = options.out / "rows.jsonl"
    done = _load(path)
    todo = [task for task in tasks if _name(task) not in done]
    failed: dict[str, str] = {}
    if on_done is not None:
        on_done(len(tasks) - len(todo), len(tasks))
    outcomes = run_each(
        lifting_rows, todo, engine=options.engine, jobs=options.jobs, address=options.address
    )
    for outcome in outcomes:
        if outcome.result is None:
            failed[str(outcome.item.scene.seed)] = outcome.error
        else:
            done[_name(outcome.item)] = outcome.result
            _append(path, outcome.item, outcome.result)
        if on_done is not None:
            on_done(len([t for t in tasks if _name(t) in done]) + len(failed), len(tasks))
    rows = [row for task in tasks for row in done.get(_name(task), [])]
    if not rows:
        raise ConfigError(f"no room could be measured: {next(iter(failed.values()), 'no object')}")
    summary = summarize_lifting(rows, options, failed)
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, default=float) + "\n"
    (options.out / "summary.json").write_text(text, encoding="utf-8")
    _page(options, summary, rows)
    return summary


def summarize_lifting(
    rows: Sequence[Mapping[str, Any]], options: LiftingOptions, failed: Mapping[str, str]
) -> dict[str, Any]:
    """The result of ``scene-r1 eval lifting``: the baseline, ceilings, ablations, groups."""
    base_noise = options.noise[0]
    table = lifting_table(rows, base_noise)
    base = [row for row in rows if row["variant"] == BASELINE and row["noise"] == base_noise]
    value = {_key(row): row["iou"] for row in base}
    correct = {key: iou >= 0.25 for key, iou in value.items()}
    groups = {
        "category": {_key(row): row["kind"] for row in base},
        "distance": {_key(row): distance_group(row["distance"]) for row in base},
        "frames": {_key(row): _frames(row["visible_frames"]) for row in base},
        "prompt": {_key(row): "cut by border" if row["truncated"] else "whole" for row in base},
        "surface seen": {_key(row): _seen(row["seen_iou"]) for row in base},
        "place": {_key(row): "on a wall" if row["mounted"] else "standing" for row in base},
    }
    sure = [row for row in base if "confidence" in row]
    seconds = {
        "tracking": _median(row["tracking_seconds"] for row in base),
        "lifting": _median(row["lifting_seconds"] for row in base),
    }
    metrics = table[BASELINE]
    ceilings = {"true_mask": table["true_masks"]} if "true_masks" in table else {}
    ceilings["seen_surface"] = accuracy_at([row["seen_iou"] for row in base], IOU_THRESHOLDS)
    well = [row for row in rows if row["seen_iou"] >= WELL_SEEN]
    return {
        "benchmark": "lifting",
        "split": f"rooms {options.seed} to {options.seed + options.scenes - 1}",
        "n": len(base),
        "metrics": metrics,
        "goals": {
            name: {"goal": g, "reached": _at_least(metrics[name], g)} for name, g in GOALS.items()
        },
        "ceilings": ceilings,
        "well_seen": lifting_metrics(row for row in base if row["seen_iou"] >= WELL_SEEN),
        "ablations": table,
        "ablations_well_seen": lifting_table(well, base_noise),
        "seconds": seconds,
        "tokens": {},
        "calibration": {
            **dataclasses.asdict(
                calibration([r["confidence"] for r in sure], [r["iou"] >= 0.5 for r in sure])
            ),
            "n": len(sure),
        }
        if sure
        else {},
        "groups": group_results(value, correct, groups),
        "failed_rooms": dict(failed),
        "notes": [],
        "about": {
            "noise": base_noise,
            "image": f"{options.width} x {options.height}",
            "frames": round(options.seconds * options.fps),
        },
    }


def _page(
    options: LiftingOptions, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    names = ("acc_25", "acc_50", "iou", "aabb_acc_25", "aabb_acc_50", "mask_iou", "failed", "n")
    tables = [
        _table("Ablations, all objects", summary["ablations"], names),
        _table("Ablations, well-seen objects", summary["ablations_well_seen"], names),
    ]
    baseline = [
        row for row in rows if row["variant"] == BASELINE and row["noise"] == options.noise[0]
    ]
    worst = sorted(baseline, key=lambda row: row["iou"])[: options.worst]
    cases = _pictures(options, [row for row in worst if row["iou"] < 0.5])
    values = [row["iou"] for row in baseline]
    write_page(options.out / "index.html", summary, cases=cases, values=values, tables=tables)


def _table(title: str, rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Table:
    base = rows.get(BASELINE, {}).get("iou") or 0.0
    lines = [
        [name.replace("_", " "), *(row[n] for n in names), (row["iou"] or 0.0) - base]
        for name, row in rows.items()
    ]
    return Table(title, ["variant", *names, "iou against baseline"], lines)


def _pictures(options: LiftingOptions, worst: Sequence[Mapping[str, Any]]) -> list[Case]:
    """The worst objects with the prompt, the true mask and the tracked mask of two more frames."""
    from scene_r1_ros.control import Control
    from scene_r1_ros.errors import SceneR1Error
    from scene_r1_ros.overlay_image import draw_box, draw_mask
    from scene_r1_ros.tracking import GeometricTracker

    cases = []
    rooms: dict[int, Any] = {}
    for row in worst:
        seed = row["seed"]
        if seed not in rooms:
            rooms[seed] = lifting_cases(
                LiftingScene(
                    seed,
                    options.seconds,
                    options.fps,
                    options.width,
                    options.height,
                    options.noise[0],
                )
            )
        window, known = rooms[seed]
        case = next(c for c in known if c.instance == row["instance"])
        try:
            track = GeometricTracker().track(
                window, case.anchor_stamp_ns, case.anchor_box, Control()
            )
        except SceneR1Error:
            track = None
        stamps = sorted(case.masks)
        shown = [case.anchor_stamp_ns, stamps[0], stamps[-1]]
        panels = []
        for stamp in dict.fromkeys(shown):
            picture = draw_mask(np.array(window.at(stamp).color), case.masks[stamp], (60, 180, 75))
            found = track.at(stamp) if track is not None else None
            if found is not None:
                picture = draw_mask(picture, found.mask, (245, 110, 20))
            if stamp == case.anchor_stamp_ns:
                picture = draw_box(picture, case.anchor_box)
            panels.append(picture)
        detail = (
            f"mask IoU {row['mask_iou']:.2f} · seen {row['seen_iou']:.2f} · "
            f"axis-aligned IoU {row['aabb_iou']:.2f} · "
            f"{row['visible_frames']} frames · {row['distance']:.1f} m · true size "
            + " x ".join(f"{v:.2f}" for v in case.box.size)
            + " m"
            + (
                " · found " + " x ".join(f"{v:.2f}" for v in row["box"]["size"]) + " m"
                if "box" in row
                else f" · {row['error']}"
            )
        )
        cases.append(
            Case(
                key=f"room {seed}, object {row['instance']}",
                text=f"{row['kind']} (true mask green, tracked orange)",
                value=row["iou"],
                detail=detail,
                picture=np.concatenate(panels, axis=1),
            )
        )
    return cases


def _name(task: LiftingTask) -> str:
    return json.dumps(dataclasses.asdict(task), sort_keys=True)


def _append(path: Path, task: LiftingTask, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"task": _name(task), "rows": rows}, default=float) + "\n")


def _load(path: Path) -> dict[str, list[dict[str, Any]]]:
    done: dict[str, list[dict[str, Any]]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").split("\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut off by a kill; that room is measured again
            done[entry["task"]] = entry["rows"]
    return done


def _at_least(value: float | None, goal: float) -> bool:
    return value is not None and value >= goal


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['seed']}|{row['instance']}"


def _frames(count: int) -> str:
    return "5 to 9" if count < 10 else "10 to 24" if count < 25 else "25 and more"


def _seen(share: float) -> str:
    return "below 25 %" if share < 0.25 else "25 to 50 %" if share < WELL_SEEN else "50 % and more"


def _median(values: Any) -> float | None:
    items = list(values)
    return round(float(np.median(items)), 4) if items else None
