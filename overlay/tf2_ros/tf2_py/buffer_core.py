"""A store of transforms that answers for any two frames at any time covered by the data."""

from __future__ import annotations

import math
import threading
from typing import Any

from builtin_interfaces.msg import Time as TimeMsg
from geometry_msgs.msg import TransformStamped
from rclpy.logging import get_logger
from rclpy.time import Time

from tf2_py.exceptions import InvalidArgumentException, LookupException, TransformException
from tf2_py.frame_report import frames_as_yaml
from tf2_py.frame_tree import FrameTree
from tf2_py.rotations import Rigid, Vector, canonical, compose, normalized
from tf2_py.time_cache import Sample, display
from tf2_py.velocity import mean_velocity

DEFAULT_CACHE_TIME_NS = 10_000_000_000


def nanoseconds_of(value: Any) -> int:
    """Return the nanoseconds of a time or duration of rclpy or of builtin_interfaces."""
    if hasattr(value, "nanosec"):
        return value.sec * 1_000_000_000 + value.nanosec
    try:
        return value.nanoseconds
    except AttributeError:
        raise TypeError(
            f"a time or duration must have sec and nanosec, or nanoseconds; got {value!r}"
        ) from None


class BufferCore:
    """Transforms of the last ``cache_time`` (a Duration, 10 s by default); safe in threads.

    Times are ``rclpy.time.Time`` or ``builtin_interfaces.msg.Time``; zero asks for the latest time
    that all frames on the way have in common. Transforms are interpolated and never extrapolated.
    """

    def __init__(self, cache_time: Any = None) -> None:
        self._cache_time = (
            DEFAULT_CACHE_TIME_NS if cache_time is None else nanoseconds_of(cache_time)
        )
        self._tree = FrameTree(self._cache_time)
        self._tree_lock = threading.RLock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform. One that cannot be right is logged and left out, never raised."""
        self._insert(transform, authority, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Add a transform that holds at every time and that ``clear`` keeps."""
        self._insert(transform, authority, is_static=True)

    def clear(self) -> None:
        """Forget all transforms except static ones."""
        with self._tree_lock:
            self._tree.clear()

    def lookup_transform_core(
        self, target_frame: str, source_frame: str, time: Any
    ) -> TransformStamped:
        """Return the transform that takes points of ``source_frame`` to ``target_frame``.

        :raises InvalidArgumentException: a frame name is empty or begins with a slash.
        :raises LookupException: a frame is unknown.
        :raises ConnectivityException: nothing connects the frames.
        :raises ExtrapolationException: the time lies outside the data.
        """
        rigid, stamp = self._lookup(target_frame, source_frame, nanoseconds_of(time))
        return _to_message(target_frame, source_frame, rigid, stamp)

    def lookup_transform_full_core(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> TransformStamped:
        """Return the transform from the source at one time to the target at another.

        ``fixed_frame`` is taken not to move in between. Raises as ``lookup_transform_core``.
        """
        target_ns, source_ns = nanoseconds_of(target_time), nanoseconds_of(source_time)
        with self._tree_lock:
            self._check_frame("target_frame", target_frame)
            self._check_frame("source_frame", source_frame)
            self._check_frame("fixed_frame", fixed_frame)
            to_fixed, _ = self._lookup(fixed_frame, source_frame, source_ns)
            to_target, stamp = self._lookup(target_frame, fixed_frame, target_ns)
        return _to_message(target_frame, source_frame, compose(to_target, to_fixed), stamp)

    def can_transform_core(
        self, target_frame: str, source_frame: str, time: Any
    ) -> tuple[bool, str]:
        """Tell whether ``lookup_transform_core`` would succeed, and if not why."""
        try:
            self._lookup(target_frame, source_frame, nanoseconds_of(time), "canTransform")
        except TransformException as error:
            return False, str(error)
        return True, ""

    def can_transform_full_core(
        self,
        target_frame: str,
        target_time: Any,
        source_frame: str,
        source_time: Any,
        fixed_frame: str,
    ) -> tuple[bool, str]:
        """Tell whether ``lookup_transform_full_core`` would succeed, and if not why."""
        target_ns, source_ns = nanoseconds_of(target_time), nanoseconds_of(source_time)
        try:
            with self._tree_lock:
                self._check_frame("target_frame", target_frame, "canTransform")
                self._check_frame("source_frame", source_frame, "canTransform")
                self._check_frame("fixed_frame", fixed_frame, "canTransform")
                self._lookup(target_frame, fixed_frame, target_ns)
                self._lookup(fixed_frame, source_frame, source_ns)
        except TransformException as error:
            return False, str(error)
        return True, ""

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Time:
        """Return the newest time at which every frame on the way is known; zero if all are static.

        :raises TransformException: as ``lookup_transform_core``.
        """
        with self._tree_lock:
            self._check_frame("target_frame", target_frame, "get_latest_common_time")
            self._check_frame("source_frame", source_frame, "get_latest_common_time")
            return Time(nanoseconds=self._tree.latest_common_time(target_frame, source_frame))

    def all_frames_as_string(self) -> str:
        """Return one sentence for each frame that has a parent."""
        with self._tree_lock:
            return self._tree.as_string()

    def all_frames_as_yaml(self) -> str:
        """Return parent, broadcaster, rate and time span of each frame as a YAML document."""
        with self._tree_lock:
            return frames_as_yaml(self._tree)

    def lookupVelocityCore(
        self, tracking_frame: str, observation_frame: str, time: Any, averaging_interval: Any
    ) -> tuple[Vector, Vector]:
        """Return the linear and angular velocity of a frame as seen from another one.

        Metres and radians a second, along the axes of ``observation_frame``, from the poses at the
        ends of ``averaging_interval`` around ``time``.
        """
        return self.lookupVelocityFullCore(
            tracking_frame,
            observation_frame,
            observation_frame,
            (0.0, 0.0, 0.0),
            tracking_frame,
            time,
            averaging_interval,
        )

    def lookupVelocityFullCore(
        self,
        tracking_frame: str,
        observation_frame: str,
        reference_frame: str,
        reference_point: Vector,
        reference_point_frame: str,
        time: Any,
        averaging_interval: Any,
    ) -> tuple[Vector, Vector]:
        """Return the velocity of a point that moves with ``tracking_frame``.

        As ``lookupVelocityCore``, for ``reference_point`` given in ``reference_point_frame``, along
        the axes of ``reference_frame``.
        """
        with self._tree_lock:
            self._check_frame("observation_frame", observation_frame)
            self._check_frame("tracking_frame", tracking_frame)
            return mean_velocity(
                lambda target, source, stamp: self._lookup(target, source, stamp)[0],
                tracking_frame,
                observation_frame,
                reference_frame,
                reference_point,
                reference_point_frame,
                nanoseconds_of(time),
                nanoseconds_of(averaging_interval),
                self._tree.latest_common_time(observation_frame, tracking_frame),
            )

    def _frameExists(self, frame_id: str) -> bool:
        with self._tree_lock:
            return frame_id in self._tree.caches

    def _getFrameStrings(self) -> list[str]:
        with self._tree_lock:
            return list(self._tree.caches)

    def _lookup(
        self, target: str, source: str, stamp: int, function: str = "lookupTransform"
    ) -> tuple[Rigid, int]:
        with self._tree_lock:
            if target != source:
                self._check_frame("target_frame", target, function)
                self._check_frame("source_frame", source, function)
            return self._tree.transform(target, source, stamp)

    def _check_frame(self, argument: str, frame: str, function: str = "lookupTransform") -> None:
        if frame in self._tree.caches:
            return
        where = f"{function} argument {argument}"
        # Upstream words the errors of its canTransform in another way than those that it throws.
        invalid = "frame ID" if function == "canTransform" else "argument"
        invalid = f'Invalid {invalid} "{frame}" passed to {where} - '
        if not frame:
            raise InvalidArgumentException(f"{invalid}in tf2 frame_ids cannot be empty")
        if frame.startswith("/"):
            raise InvalidArgumentException(f"{invalid}in tf2 frame_ids cannot start with a '/'")
        if function == "canTransform":
            raise LookupException(f"{invalid}frame does not exist")
        raise LookupException(f'"{frame}" passed to {where} does not exist. ')

    def _insert(self, message: TransformStamped, authority: str, is_static: bool) -> None:
        parent = message.header.frame_id.removeprefix("/")
        child = message.child_frame_id.removeprefix("/")
        stamp = nanoseconds_of(message.header.stamp)
        t, r = message.transform.translation, message.transform.rotation
        translation = (float(t.x), float(t.y), float(t.z))
        rotation = (float(r.x), float(r.y), float(r.z), float(r.w))

        ignoring = f'Ignoring transform of child_frame_id "{child}" from authority "{authority}"'
        if child == parent:
            error = f"TF_SELF_TRANSFORM: {ignoring}: its frame_id is the same"
        elif not child:
            error = f"TF_NO_CHILD_FRAME_ID: {ignoring}: child_frame_id not set"
        elif not parent:
            error = f"TF_NO_FRAME_ID: {ignoring}: frame_id not set"
        elif not all(map(math.isfinite, translation + rotation)):
            error = f"TF_NAN_INPUT: {ignoring}: {translation} {rotation} holds nan or infinity"
        elif not any(rotation):
            error = f"TF_DENORMALIZED_QUATERNION: {ignoring}: the quaternion is zero"
        else:
            sample = Sample(stamp, parent, translation, normalized(rotation))
            with self._tree_lock:
                if self._tree.insert(child, sample, authority, is_static):
                    return
            get_logger("tf2_buffer").warning(
                f"TF_OLD_DATA ignoring data from the past for frame {child} at time "
                f"{display(stamp)} according to authority {authority}: it is older than the "
                f"{self._cache_time / 1e9:g} s that the buffer keeps",
                throttle_duration_sec=1.0,
            )
            return
        get_logger("tf2_buffer").error(error)


def _to_message(target: str, source: str, rigid: Rigid, stamp: int) -> TransformStamped:
    message = TransformStamped(child_frame_id=source)
    message.header.frame_id = target
    sec, nanosec = divmod(stamp, 1_000_000_000)
    message.header.stamp = TimeMsg(sec=sec, nanosec=nanosec)
    t, r = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = rigid[0]
    r.x, r.y, r.z, r.w = canonical(normalized(rigid[1]))
    return message
