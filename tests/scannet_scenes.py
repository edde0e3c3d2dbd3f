"""A tiny data set in ScanNet's formats: a room of boxes, rendered, with annotations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame
from scene_r1_ros.geometry import invert
from scene_r1_ros.recordings.sens_writer import SensWriter

CAMERA = CameraIntrinsics(160, 120, 130.0, 130.0, 79.5, 59.5)
ALIGNMENT = np.array([[0.0, -1, 0, 3], [1, 0, 0, -2], [0, 0, 1, 0.5], [0, 0, 0, 1]])
# label, centre, size; the camera circles the origin, and the second chair is behind the cabinet
OBJECTS = (
    ("cabinet", (1.6, 0.0, 0.5), (0.3, 1.0, 1.0)),
    ("office chair", (0.0, 1.6, 0.3), (0.5, 0.5, 0.6)),
    ("office chair", (2.1, 0.0, 0.2), (0.2, 0.2, 0.4)),
)


def look_at(eye, target):
    """Pose of a camera at ``eye`` that looks at ``target``, z up in the world."""
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, (0, 0, 1.0))
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = eye
    return T


def camera_path(frames):
    """From the cabinet to the chair, stepping aside on the way."""
    angles = np.linspace(-0.6, 2.2, frames)
    return [
        look_at((-0.3 + 0.5 * np.sin(a), -0.5, 1.7), (1.7 * np.cos(a), 1.7 * np.sin(a), 0.4))
        for a in angles
    ]


def room_mesh():
    """Vertices, faces and instance (0 floor) of the room."""
    import open3d as o3d

    vertices, faces, instance = [], [], []
    boxes = [((0, 0, -0.05), (8, 8, 0.1)), *((c, s) for _, c, s in OBJECTS)]
    for number, (center, size) in enumerate(boxes):
        mesh = o3d.geometry.TriangleMesh.create_box(*size)
        mesh.translate(np.subtract(center, np.divide(size, 2)))
        if number:
            mesh = mesh.subdivide_midpoint(2)
        start = sum(len(part) for part in vertices)
        vertices.append(np.asarray(mesh.vertices))
        faces.append(np.asarray(mesh.triangles) + start)
        instance.append(np.full(len(mesh.vertices), number))
    return np.vstack(vertices), np.vstack(faces), np.concatenate(instance)


def render(T, mesh):
    """One frame: colour by instance, exact depth."""
    import open3d as o3d

    vertices, faces, instance = mesh
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(vertices.astype(np.float32), faces.astype(np.uint32))
    K = CAMERA.K + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    rays = scene.create_rays_pinhole(
        o3d.core.Tensor(K), o3d.core.Tensor(invert(T)), CAMERA.width, CAMERA.height
    )
    hit = scene.cast_rays(rays)
    depth = hit["t_hit"].numpy()
    there = np.isfinite(depth)
    labels = np.zeros(depth.shape, np.uint16)
    labels[there] = instance[faces[hit["primitive_ids"].numpy()[there], 0]]
    palette = np.array([(90, 90, 90), (40, 80, 200), (200, 60, 40), (240, 200, 40)], np.uint8)
    return palette[labels], np.where(there, depth, np.nan).astype(np.float32), labels


def write_scannet(root: Path, scenes=("scene0000_00",), frames: int = 12) -> Path:
    """Write the data set; returns ``root``. Frame 3 has no pose. 30 frames a second."""
    mesh = room_mesh()
    vertices, faces, instance = mesh
    poses = camera_path(frames)
    images = [render(T, mesh) for T in poses]
    for scene in scenes:
        folder = root / "scans" / scene
        folder.mkdir(parents=True)
        with SensWriter(folder / f"{scene}.sens", CAMERA) as writer:
            for i, (T, (color, depth, _)) in enumerate(zip(poses, images, strict=True)):
                stamp = 1_000_000_000 + i * 33_333_000
                if i == 3:
                    raw = np.nan_to_num(depth * 1000).astype(np.uint16)
                    writer.write_images(color, raw, None, stamp // 1000, stamp // 1000)
                else:
                    writer.write(RgbdFrame(stamp, color, depth, CAMERA, T))
        _write_truth(folder, vertices, faces, instance)
        _write_annotations(root / "annotations", scenes)
    return root


def _write_truth(folder, vertices, faces, instance):
    import open3d as o3d

    scene = folder.name
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(vertices), o3d.utility.Vector3iVector(faces)
    )
    o3d.io.write_triangle_mesh(str(folder / f"{scene}_vh_clean_2.ply"), mesh)
    (folder / f"{scene}_vh_clean_2.0.010000.segs.json").write_text(
        json.dumps({"sceneId": scene, "segIndices": (instance + 100).tolist()})
    )
    groups = [
        {"id": i, "objectId": i, "segments": [101 + i], "label": label}
        for i, (label, _, _) in enumerate(OBJECTS)
    ]
    (folder / f"{scene}.aggregation.json").write_text(
        json.dumps({"sceneId": scene, "segGroups": groups})
    )
    numbers = " ".join(str(value) for value in ALIGNMENT.reshape(-1))
    (folder / f"{scene}.txt").write_text(f"axisAlignment = {numbers}\nsceneType = Office\n")


def _write_annotations(folder, scenes):
    folder.mkdir(exist_ok=True)
    described = [
        {
            "scene_id": scene,
            "object_id": str(i),
            "object_name": OBJECTS[i][0].replace(" ", "_"),
            "ann_id": "0",
            "description": f"the {OBJECTS[i][0]}",
            "token": ["the", OBJECTS[i][0]],
        }
        for scene in scenes
        for i in range(3)
    ]
    (folder / "ScanRefer_filtered_val.json").write_text(json.dumps(described))
    several = [
        {
            "scene_id": scene,
            "object_ids": ids,
            "ann_id": n,
            "object_name": name,
            "eval_type": kind,
            "description": text,
        }
        for scene in scenes
        for n, (ids, name, kind, text) in enumerate(
            (([1, 2], "chair", "mt", "the chairs"), ([], "piano", "zt_wo_d", "the piano"))
        )
    ]
    (folder / "multi3drefer_val.json").write_text(json.dumps(several))
    questions = [
        {
            "scene_id": scene,
            "question_id": f"val-{scene}-0",
            "question": "What color is the cabinet?",
            "answers": ["blue", "dark blue"],
            "object_ids": [0],
            "object_names": ["cabinet"],
        }
        for scene in scenes
    ]
    (folder / "ScanQA_v1.0_val.json").write_text(json.dumps(questions))
