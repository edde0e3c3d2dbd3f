"""One synthetic room written as one ScanNet scene."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scene_r1_ros.frames import RgbdFrame
from scene_r1_ros.geometry import Float64, invert, transform_points, yaw_matrix
from scene_r1_ros.recordings.sens_writer import SensWriter
from scene_r1_ros.synthetic import (
    Renderer,
    Room,
    SensorConfig,
    default_camera,
    make_room,
    make_trajectory,
    render,
)
from scene_r1_ros.synthetic.demo import box_json
from scene_r1_ros.synthetic.splits import split_of

from .language.facts import FrameView, RoomFacts, facts_of
from .language.write import LanguageConfig, language_of
from .scannet_files import (
    InstanceArchive,
    label_mesh_colors,
    segments_of,
    write_aggregation,
    write_mesh,
    write_scene_info,
    write_segments,
)
from .synth_config import FORMAT, SynthConfig


@dataclass(frozen=True)
class SceneTask:
    """One room to make: everything that a worker process needs."""

    out: Path
    seed: int
    config: SynthConfig
    sensor: SensorConfig = field(default_factory=SensorConfig)

    @property
    def scene_id(self) -> str:
        """The scene's name in ScanNet's manner."""
        return scene_name(self.seed)

    @property
    def folder(self) -> Path:
        """Where the scene's files are."""
        return self.out / "scans" / self.scene_id


def settings_of(task: SceneTask) -> dict[str, Any]:
    """Everything besides the seed that the scene's bytes depend on."""
    return asdict(task.config) | {"sensor_model": asdict(task.sensor)}


def scene_name(seed: int) -> str:
    """``scene0000007_00`` for seed 7."""
    return f"scene{seed:07d}_00"


def write_scene(folder: Path, task: SceneTask) -> dict[str, Any]:
    """Render the room of ``task`` and write every file of its scene into ``folder``.

    Returns the scene's summary, which is also in ``<scene>.synthetic.json``.

    Raises:
        SceneR1Error: if the seed belongs to no split, or the files cannot be written.
    """
    config, scene = task.config, task.scene_id
    room = make_room(task.seed, None if config.room_type == "any" else config.room_type)
    alignment = axis_alignment(room)
    to_scan = invert(alignment)
    renderer = Renderer(room, nthreads=1)
    views = _record(folder, task, room, renderer, to_scan)
    _write_truth(folder, scene, room, renderer, to_scan)
    camera = default_camera(config.width, config.height)
    kind = room.room_type.title()
    write_scene_info(folder / f"{scene}.txt", alignment, camera, len(views), kind)
    facts = facts_of(scene, room, views)
    language, dropped = language_of(
        facts,
        LanguageConfig(
            descriptions=config.descriptions,
            questions=config.questions,
            clip_frames=config.clip_frames,
            views=config.views,
        ),
    )
    (folder / f"{scene}.language.json").write_text(json.dumps(language) + "\n")
    summary = _summary(task, room, facts)
    summary["dropped"] = dropped
    summary["annotations"] = {name: len(records) for name, records in language.items()}
    (folder / f"{scene}.synthetic.json").write_text(json.dumps(summary) + "\n")
    return summary


def axis_alignment(room: Room) -> Float64:
    """(4, 4) from the scan's world to the room's: a scan starts anywhere and faces anywhere."""
    rng = np.random.default_rng([room.seed, 21])
    A = np.eye(4)
    A[:3, :3] = yaw_matrix(float(rng.uniform(-np.pi, np.pi)))
    A[:3, 3] = (*rng.uniform(-3, 3, 2), rng.uniform(-0.15, 0.15))
    # the text file holds six decimals: use exactly what it says, still orthonormal to 1e-6
    return np.asarray(A.round(6))


def _record(
    folder: Path, task: SceneTask, room: Room, renderer: Renderer, to_scan: Float64
) -> list[FrameView]:
    config = task.config
    camera = default_camera(config.width, config.height)
    poses = make_trajectory(room, room.seed, config.seconds, config.fps)
    sensor = task.sensor if config.sensor else SensorConfig.perfect()
    views = []
    scene = task.scene_id
    with (
        SensWriter(folder / f"{scene}.sens", camera) as sens,
        InstanceArchive(folder / f"{scene}_2d-instance-filt.zip") as instances,
    ):
        for number, one in enumerate(render(room, poses, camera, sensor, renderer=renderer)):
            frame = one.frame
            scan_pose = to_scan @ frame.T_world_camera
            sens.write(RgbdFrame(frame.stamp_ns, frame.color, frame.depth_m, camera, scan_pose))
            instances.add(number, one.instances)
            views.append(FrameView.of(number, one))
    return views


def _write_truth(
    folder: Path, scene: str, room: Room, renderer: Renderer, to_scan: Float64
) -> None:
    vertices = transform_points(to_scan, renderer.vertices)
    faces = renderer.faces
    instance = np.zeros(len(vertices), np.int64)
    instance[faces.ravel()] = np.repeat(renderer.face_instance, 3)
    labels = [item.label for item in room.everything]
    stem = folder / f"{scene}_vh_clean_2"
    write_mesh(Path(f"{stem}.ply"), vertices, faces, renderer.vertex_colors())
    colors, classes = label_mesh_colors(["", *labels], instance)
    write_mesh(Path(f"{stem}.labels.ply"), vertices, faces, colors, classes)
    segments = segments_of(faces, instance)
    write_segments(Path(f"{stem}.0.010000.segs.json"), scene, segments)
    write_aggregation(folder / f"{scene}.aggregation.json", scene, labels, segments, instance)


def _summary(task: SceneTask, room: Room, facts: RoomFacts) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "scene_id": task.scene_id,
        "seed": task.seed,
        "split": split_of(task.seed),
        "room_type": room.room_type,
        "config": settings_of(task),
        "frames": len(facts.views),
        "objects": [
            {
                "object_id": item.instance - 1,
                "label": item.label,
                "color": item.color,
                "texture": item.texture,
                "support": None if item.support is None else item.support - 1,
                "box": box_json(item.box),
            }
            for item in room.objects
        ],
    }
