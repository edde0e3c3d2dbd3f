"""What of a cloud is not the object: stray points and small clusters beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

AGREED = 0.9
"""Mean share of the views from which on they agree on a small cluster: masks that bleed onto what
is behind do so in each view elsewhere."""


def statistical_inliers(
    points: NDArray[np.float32], neighbours: int, deviations: float
) -> NDArray[np.bool_]:
    """Which (N,) points are as near to their neighbours as is usual in this cloud.

    The mean distance to the nearest ``neighbours`` may exceed its mean over the cloud by
    ``deviations`` standard deviations (Rusu et al., "Towards 3D Point Cloud Based Object Maps
    for Household Environments", 2008).
    """
    if len(points) <= neighbours + 1:
        return np.ones(len(points), dtype=bool)
    distances, _ = cKDTree(points).query(points, k=neighbours + 1)
    mean = distances[:, 1:].mean(axis=1)
    return np.asarray(mean <= mean.mean() + deviations * mean.std())


def main_clusters(
    points: NDArray[np.float32],
    gap: float,
    share: float,
    agreement: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]:
    """Which (N,) points are in a cluster with at least ``share`` of the largest one's points.

    Points no farther apart than ``gap`` are in one cluster. A tenth of ``share`` is enough for a
    cluster straight above or below the largest: the legs of a stool, whose upper ends are too
    thin to be measured. So it is for one that nearly all views call the object: ``agreement``
    (N,) 0..1 is the share of those that see a point and do.
    """
    if len(points) == 0:
        return np.zeros(0, dtype=bool)
    pairs = cKDTree(points).query_pairs(gap, output_type="ndarray")
    graph = sparse.coo_matrix(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(len(points), len(points)),
    )
    _, labels = csgraph.connected_components(graph, directed=False)
    counts = np.bincount(labels)
    large = counts >= share * counts.max()
    main = points[labels == counts.argmax(), :2]
    low, high = main.min(axis=0) - gap, main.max(axis=0) + gap
    inside = ((points[:, :2] >= low) & (points[:, :2] <= high)).all(axis=1)
    stacked = np.bincount(labels, weights=inside) > 0.9 * counts
    trusted = stacked
    if agreement is not None:
        trusted = trusted | (np.bincount(labels, weights=agreement) >= AGREED * counts)
    large |= trusted & (counts >= 0.1 * share * counts.max())
    return np.asarray(large[labels])
