"""Parts of the data that share no cluster: each is a sample of its own, and drawn as one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Paired

Places = npt.NDArray[np.intp]


def units_of(paired: Paired) -> int:
    """Independent units, less one for the mean of each stratum but the first: a t test has one degree of freedom less."""
    return paired.n_clusters - len(strata(paired)) + 1


def strata(paired: Paired) -> list[Places]:
    """The clusters of each stratum. Groups that have a cluster in common are of one: parallel languages, say.

    What stands alone in its stratum has no spread of its own; all such clusters are drawn together (collapsed strata,
    Cochran 1977, 5A.12), with another stratum if there is but one.
    """
    clusters, groups = paired.baseline.shape[:2]
    if groups == 1:
        return [np.arange(clusters)]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    holds = ((paired.baseline != 0) | (paired.candidate != 0)).any(axis=2)
    row, column = np.nonzero(holds)
    edges = coo_array((np.ones(len(row)), (row, clusters + column)), shape=(clusters + groups,) * 2)
    _, label = connected_components(edges, directed=False)
    parts = [np.flatnonzero(label[:clusters] == each) for each in np.unique(label[:clusters])]
    alone = [part for part in parts if len(part) == 1]
    rest = [part for part in parts if len(part) > 1]
    if len(alone) == 1 and rest:
        alone.append(rest.pop())
    return rest + ([np.sort(np.concatenate(alone))] if alone else [])
