"""What a buffer knows about its frames, for people and for ``view_frames``."""

from __future__ import annotations

from tf2_py.frame_tree import FrameTree
from tf2_py.time_cache import display

# Rates are counted over at least this time, so that a single transform has one.
_SHORTEST_SPAN_SEC = 1e-4


def frames_as_yaml(tree: FrameTree) -> str:
    """Return a YAML mapping from frame to parent, broadcaster, rate and time span."""
    if not tree.caches:
        return "[]"
    lines = []
    for frame, cache in tree.caches.items():
        sample = cache.latest() if cache is not None else None
        if cache is None or sample is None:
            continue
        span = (cache.latest_stamp - cache.oldest_stamp) / 1e9
        lines += [
            f"{frame}: ",
            f"  parent: '{sample.parent}'",
            f"  broadcaster: '{tree.authorities.get(frame, 'no recorded authority')}'",
            f"  rate: {len(cache) / max(span, _SHORTEST_SPAN_SEC):.3f}",
            f"  most_recent_transform: {display(cache.latest_stamp)}",
            f"  oldest_transform: {display(cache.oldest_stamp)}",
            f"  buffer_length: {span:.3f}",
        ]
    return "".join(f"{line}\n" for line in lines)
