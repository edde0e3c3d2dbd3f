"""The tree of frames: which poses lead from one frame to another, and when all are known."""

from __future__ import annotations

from tf2_py.exceptions import ConnectivityException, ExtrapolationException, LookupException
from tf2_py.rotations import IDENTITY, Rigid, compose, inverse
from tf2_py.time_cache import Cache, Sample, StaticCache, TimeCache

MAX_GRAPH_DEPTH = 1000
NO_PARENT = "NO_PARENT"


class FrameTree:
    """Caches by the name of the frame; a root has a name but no cache. Times in nanoseconds."""

    def __init__(self, cache_time: int) -> None:
        self._cache_time = cache_time
        self.caches: dict[str, Cache | None] = {}
        self.authorities: dict[str, str] = {}

    def insert(self, child: str, sample: Sample, authority: str, is_static: bool) -> bool:
        """Take in a pose of ``child``; False where it is older than the cache reaches."""
        cache = self.caches.get(child)
        if cache is None or cache.is_static != is_static:
            cache = StaticCache() if is_static else TimeCache(self._cache_time)
            self.caches[child] = cache
        if not cache.insert(sample):
            return False
        self.caches.setdefault(sample.parent, None)
        self.authorities[child] = authority
        return True

    def clear(self) -> None:
        """Forget all poses except static ones; the names stay known."""
        for cache in self.caches.values():
            if cache is not None:
                cache.clear()

    def transform(self, target: str, source: str, stamp: int) -> tuple[Rigid, int]:
        """Return T_target_source and its time (``stamp``, or where that is 0 the latest common).

        :raises LookupException: the frames form a loop.
        :raises ConnectivityException: nothing connects the frames.
        :raises ExtrapolationException: the time lies outside the data of a frame on the way.
        """
        if source == target:
            cache = self.caches.get(target)
            return IDENTITY, stamp or (cache.latest_stamp if cache else 0)
        stamp = stamp or self.latest_common_time(target, source)
        upward, downward = self._walk(target, source, stamp)
        if not downward:
            return _chain(upward), stamp
        to_target = inverse(_chain(downward))
        return (compose(to_target, _chain(upward)) if upward else to_target), stamp

    def latest_common_time(self, target: str, source: str) -> int:
        """Return the newest time at which every frame on the way is known; 0 if all are static.

        :raises LookupException: the frames form a loop.
        :raises ConnectivityException: nothing connects the frames.
        """
        if source == target:
            cache = self.caches.get(source)
            return cache.latest_stamp if cache else 0
        upward = self._latest_upward(source, stop=target)
        ancestors = {sample.parent: i for i, sample in enumerate(upward)}
        if target in ancestors:
            return _oldest(upward)
        downward = self._latest_upward(target, stop=source)
        if downward and downward[-1].parent == source:
            return _oldest(downward)
        for i, sample in enumerate(downward):
            if sample.parent in ancestors:
                return _oldest(upward[: ancestors[sample.parent] + 1] + downward[: i + 1])
        raise self._unconnected(target, source)

    def _latest_upward(self, frame: str, stop: str) -> list[Sample]:
        """Newest samples from ``frame`` towards the root, ending at ``stop`` if it is met."""
        samples: list[Sample] = []
        while True:
            cache = self.caches.get(frame)
            sample = cache.latest() if cache is not None else None
            if sample is None:
                return samples
            samples.append(sample)
            frame = sample.parent
            if frame == stop:
                return samples
            if len(samples) > MAX_GRAPH_DEPTH:
                raise self._loop()

    def _walk(self, target: str, source: str, stamp: int) -> tuple[list[Sample], list[Sample]]:
        """Samples from the source and from the target, each up to their nearest common frame."""
        upward: list[Sample] = []
        below: dict[str, int] = {}  # frame on the way up -> how many samples lead to it
        missing: ExtrapolationException | None = None
        frame = source
        while frame != target:
            below[frame] = len(upward)
            cache = self.caches.get(frame)
            if cache is None:
                break
            try:
                sample = cache.at(stamp)
            except ExtrapolationException as error:
                missing = error  # not fatal yet: the target may be reached from this frame
                break
            upward.append(sample)
            frame = sample.parent
            if len(upward) > MAX_GRAPH_DEPTH:
                raise self._loop()
        else:
            return upward, []

        downward: list[Sample] = []
        frame = target
        while frame not in below:
            cache = self.caches.get(frame)
            if cache is None:
                if missing is None:
                    raise self._unconnected(target, source)
                raise ExtrapolationException(f"{missing}{_way(target, source)}")
            try:
                sample = cache.at(stamp)
            except ExtrapolationException as error:
                raise ExtrapolationException(f"{error}{_way(target, source)}") from None
            downward.append(sample)
            frame = sample.parent
            if len(downward) > MAX_GRAPH_DEPTH:
                raise self._loop()
        return upward[: below[frame]], downward

    def _unconnected(self, target: str, source: str) -> ConnectivityException:
        return ConnectivityException(
            f"Could not find a connection between '{target}' and '{source}' because they are not "
            "part of the same tree. Tf has two or more unconnected trees."
        )

    def _loop(self) -> LookupException:
        return LookupException(
            f"The tf tree is invalid because it contains a loop.\n{self.as_string()}"
        )

    def as_string(self) -> str:
        """One sentence for each frame that has had a parent."""
        lines = []
        for frame, cache in self.caches.items():
            if cache is not None:
                sample = cache.latest()
                parent = sample.parent if sample else NO_PARENT
                lines.append(f"Frame {frame} exists with parent {parent}.\n")
        return "".join(lines)


def _chain(samples: list[Sample]) -> Rigid:
    """Compose poses that lead upwards: the pose of the first frame in the last parent."""
    result: Rigid = IDENTITY
    for i, sample in enumerate(samples):
        step = (sample.translation, sample.rotation)
        result = step if i == 0 else compose(step, result)
    return result


def _oldest(samples: list[Sample]) -> int:
    return min((sample.stamp for sample in samples if sample.stamp != 0), default=0)


def _way(target: str, source: str) -> str:
    return f", when looking up transform from frame [{source}] to frame [{target}]"
