"""Pixels grouped into regions whose surface goes on without a jump or a fold."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from .depth_surface import DepthSurface

Bool = NDArray[np.bool_]
Labels = NDArray[np.int32]
MIN_REGION = 12
"""Smallest region, in grid pixels, that can be an object."""


def connected_regions(
    surface: DepthSurface, pixels: Bool, min_core: int, min_rest: int, spread: int = 8
) -> Labels:
    """Label (h, w) of each of the ``pixels``, 0 for none, rising without gaps from 1.

    Cores are connected smooth pixels, so that one noisy pixel makes no bridge; the others join
    the core that their surface leads to. What then remains (thin things such as chair legs have
    no core) forms regions of its own, connected pixel by pixel.
    """
    right = surface.joined_right & pixels
    right[:, :-1] &= pixels[:, 1:]
    down = surface.joined_down & pixels
    down[:-1, :] &= pixels[1:, :]
    _, labels = cv2.connectedComponents(
        (surface.smooth & pixels).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    labels = _without_small(labels.astype(np.int32), min_core)
    for _ in range(spread):
        before = int((labels > 0).sum())
        _spread(labels, right, down)
        if int((labels > 0).sum()) == before:
            break
    rest = pixels & (labels == 0)
    thin = _without_small(_pixel_components(rest, right, down), min_rest)
    labels = np.where(thin > 0, thin + labels.max(), labels)
    return _consecutive(labels)


def linked_components(pixels: Bool, joined_right: Bool, joined_down: Bool) -> Labels:
    """Label (h, w) of ``pixels`` connected one by one over the joints, 0 for none."""
    right = joined_right & pixels
    right[:, :-1] &= pixels[:, 1:]
    down = joined_down & pixels
    down[:-1, :] &= pixels[1:, :]
    return _pixel_components(pixels, right, down)


def _spread(labels: Labels, right: Bool, down: Bool) -> None:
    for link, here, there in (
        (right[:, :-1], labels[:, :-1], labels[:, 1:]),
        (down[:-1, :], labels[:-1, :], labels[1:, :]),
    ):
        forward = link & (here > 0) & (there == 0)
        backward = link & (there > 0) & (here == 0)
        there[forward] = here[forward]
        here[backward] = there[backward]


def _pixel_components(pixels: Bool, right: Bool, down: Bool) -> Labels:
    index = np.arange(pixels.size).reshape(pixels.shape)
    link_right = right[:, :-1] & pixels[:, :-1] & pixels[:, 1:]
    link_down = down[:-1, :] & pixels[:-1, :] & pixels[1:, :]
    start = np.concatenate([index[:, :-1][link_right], index[:-1, :][link_down]])
    end = np.concatenate([index[:, 1:][link_right], index[1:, :][link_down]])
    graph = sparse.coo_matrix(
        (np.ones(start.size, dtype=np.int8), (start, end)), shape=(pixels.size, pixels.size)
    )
    _, component = csgraph.connected_components(graph, directed=False)
    labels = np.where(pixels, component.reshape(pixels.shape) + 1, 0)
    return _consecutive(labels)


def _without_small(labels: Labels, minimum: int) -> Labels:
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    out: Labels = np.where(counts[labels] >= minimum, labels, 0).astype(np.int32)
    return out


def _consecutive(labels: NDArray[Any]) -> Labels:
    used = np.unique(labels)
    table = np.zeros(int(used.max(initial=0)) + 1, dtype=np.int32)
    used = used[used > 0]
    table[used] = np.arange(1, used.size + 1)
    return table[labels]
