"""Messages to core values and back: geometry, groundings, masks, objects (images: images.py)."""

from __future__ import annotations

import time

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3
from scene_r1_msgs import msg as scene_msgs
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from ..errors import FrameError, RequestError
from ..frames import RgbdFrame
from ..geometry import Box3D, BoxXyxy, Float64
from ..memory import GroundedObject
from ..reasoning import Grounding
from ..tracking import FrameMask
from .image_messages import image_to_msg


def stamp_to_ns(stamp: Time) -> int:
    """Integer nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def ns_to_stamp(stamp_ns: int) -> Time:
    """Inverse of :func:`stamp_to_ns`."""
    sec, nanosec = divmod(int(stamp_ns), 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def duration_to_seconds(duration: Duration) -> float:
    """Seconds."""
    return float(duration.sec + duration.nanosec * 1e-9)


def seconds_to_duration(seconds: float) -> Duration:
    """Inverse of :func:`duration_to_seconds`.

    Raises:
        RequestError: if a message cannot carry it.
    """
    if not -(2.0**31) < seconds < 2.0**31 - 1:
        raise RequestError(f"timeout {seconds:g} s cannot be sent; give 0 to 2e9 seconds.")
    sec, nanosec = divmod(round(seconds * 1e9), 1_000_000_000)
    return Duration(sec=sec, nanosec=nanosec)


def header(stamp_ns: int, frame_id: str) -> Header:
    """A header from a stamp in nanoseconds."""
    return Header(stamp=ns_to_stamp(stamp_ns), frame_id=frame_id)


def _matrix(x: float, y: float, z: float, rotation: Quaternion) -> Float64:
    q = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
    norm = float(np.linalg.norm(q))
    if not np.isfinite(q).all() or abs(norm - 1.0) > 0.05:
        raise FrameError(
            f"quaternion (x {q[0]:g}, y {q[1]:g}, z {q[2]:g}, w {q[3]:g}) has length {norm:g}; "
            "a rotation needs length 1."
        )
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat(q).as_matrix()
    T[:3, 3] = (x, y, z)
    return T


def transform_to_matrix(transform: Transform) -> Float64:
    """(4, 4) matrix; raises FrameError for a quaternion that is none."""
    t = transform.translation
    return _matrix(t.x, t.y, t.z, transform.rotation)


def pose_to_matrix(pose: Pose) -> Float64:
    """(4, 4) matrix; raises FrameError for a quaternion that is none."""
    p = pose.position
    return _matrix(p.x, p.y, p.z, pose.orientation)


def matrix_to_pose(T: Float64) -> Pose:
    """Pose of a (4, 4) matrix."""
    x, y, z, w = (float(v) for v in Rotation.from_matrix(T[:3, :3]).as_quat())
    px, py, pz = (float(v) for v in T[:3, 3])
    return Pose(position=Point(x=px, y=py, z=pz), orientation=Quaternion(x=x, y=y, z=z, w=w))


def matrix_to_transform(T: Float64) -> Transform:
    """Transform of a (4, 4) matrix."""
    pose = matrix_to_pose(T)
    p = pose.position
    return Transform(translation=Vector3(x=p.x, y=p.y, z=p.z), rotation=pose.orientation)


def box2d_to_msg(box: BoxXyxy) -> scene_msgs.Box2D:
    """Pixels of the original image."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return scene_msgs.Box2D(x_min=x0, y_min=y0, x_max=x1, y_max=y1)


def box2d_from_msg(box: scene_msgs.Box2D) -> BoxXyxy:
    """Inverse of :func:`box2d_to_msg`; not checked against an image."""
    return (box.x_min, box.y_min, box.x_max, box.y_max)


def grounding_to_msg(grounding: Grounding, query_id: str, camera: str) -> scene_msgs.Grounding:
    """``camera`` is the optical frame of the anchor image."""
    return scene_msgs.Grounding(
        header=header(grounding.anchor_stamp_ns, camera),
        query_id=query_id,
        query=grounding.query,
        found=grounding.found,
        reason=grounding.reason,
        candidates=grounding.candidates,
        span_start=ns_to_stamp(grounding.span[0]),
        span_end=ns_to_stamp(grounding.span[1]),
        box=box2d_to_msg(grounding.box_xyxy),
        prompt=box2d_to_msg(grounding.prompt),
        label=grounding.label,
        rationale_temporal=grounding.rationale_temporal,
        rationale_image=grounding.rationale_image,
        confidence=float(grounding.confidence),
    )


def grounding_from_msg(msg: scene_msgs.Grounding) -> Grounding:
    """Inverse of :func:`grounding_to_msg`; a prompt that was not filled in is the box."""
    box, prompt = box2d_from_msg(msg.box), box2d_from_msg(msg.prompt)
    own_prompt = any(prompt) and prompt != box
    return Grounding(
        query=msg.query,
        found=msg.found,
        anchor_stamp_ns=stamp_to_ns(msg.header.stamp),
        span=(stamp_to_ns(msg.span_start), stamp_to_ns(msg.span_end)),
        box_xyxy=box,
        prompt_xyxy=prompt if own_prompt else None,
        label=msg.label,
        rationale_temporal=msg.rationale_temporal,
        rationale_image=msg.rationale_image,
        confidence=min(1.0, max(0.0, float(msg.confidence))),
        reason=msg.reason,
        candidates=msg.candidates,
    )


def mask_to_msg(
    mask: FrameMask, frame: RgbdFrame, query_id: str, index: int, count: int
) -> scene_msgs.ObjectMask:
    """The mask as mono8 (255 = object) under its frame's header."""
    top = header(frame.stamp_ns, frame.frame_id)
    return scene_msgs.ObjectMask(
        header=top,
        query_id=query_id,
        index=index,
        count=count,
        mask=image_to_msg(mask.mask.view(np.uint8) * np.uint8(255), "mono8", top),
        score=float(mask.score),
    )


def mask_from_msg(msg: scene_msgs.ObjectMask) -> FrameMask:
    """Inverse of :func:`mask_to_msg`."""
    image = msg.mask
    if image.encoding != "mono8" or len(image.data) < image.step * image.height:
        raise FrameError(
            f"mask of query {msg.query_id} is {image.encoding} with {len(image.data)} bytes for "
            f"{image.width} x {image.height} pixels; needs mono8."
        )
    rows = np.frombuffer(image.data, np.uint8)[: image.step * image.height]
    pixels = rows.reshape(image.height, image.step)[:, : image.width]
    return FrameMask(stamp_to_ns(msg.header.stamp), pixels > 127, float(msg.score))


def object_to_msg(item: GroundedObject, fixed_frame: str) -> scene_msgs.GroundedObject:
    """A memory object in the fixed frame; its points travel as the object cloud."""
    x, y, z = item.box.size
    return scene_msgs.GroundedObject(
        header=header(item.last_seen_ns, fixed_frame),
        object_id=item.object_id,
        query_id=item.query_id,
        label=item.label,
        query=item.query,
        pose=matrix_to_pose(item.box.T_world_box),
        size=Vector3(x=x, y=y, z=z),
        points=len(item.points),
        views=item.views,
        confidence=float(item.confidence),
        first_seen=ns_to_stamp(item.first_seen_ns),
        last_seen=ns_to_stamp(item.last_seen_ns),
        rationale=item.rationale,
        stale=item.stale,
    )


def box3d_from_msg(msg: scene_msgs.GroundedObject) -> Box3D:
    """The 3D box of an object message, in its header's frame."""
    q = msg.pose.orientation
    yaw = 2.0 * float(np.arctan2(q.z, q.w))
    p = msg.pose.position
    return Box3D((p.x, p.y, p.z), (msg.size.x, msg.size.y, msg.size.z), yaw)


def stage_seconds(seconds: dict[str, float], started: float) -> scene_msgs.StageSeconds:
    """The message of the stages' seconds; ``started`` is on the monotonic clock."""
    stages = ("temporal", "image", "tracking", "lifting")
    return scene_msgs.StageSeconds(
        # an int in a float field would end the process, inside rosidl
        **{stage: float(seconds.get(stage, 0.0)) for stage in stages},
        total=time.monotonic() - started,
    )
