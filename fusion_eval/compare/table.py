"""The tidy table: one row per run, item, metric and filter. Everything else is computed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fusion_eval.compare.clusters import clusters_of
from fusion_eval.compare.items import Item, Metric
from fusion_eval.compare.matching import Matched
from fusion_eval.compare.task_families import Family
from fusion_eval.runs.reading import Run

COLUMNS = ["run", "task", "language", "item", "cluster", "metric", "filter", "value"]


def tidy(
    runs: Sequence[Run],
    matched: Sequence[Matched],
    cluster: str,
    metrics: Mapping[str, Sequence[Metric]],
    families: Mapping[str, Family],
) -> tuple[pd.DataFrame, list[str]]:
    """(The table, notes on its clusters): the items that all runs have, in the baseline's order, with the named metrics of each task.

    `value` is a number, a `Pair` of texts for a corpus metric, or None where the file had none.
    """
    clusters, notes = clusters_of({part.task: part.items for part in matched}, families, cluster)
    rows = [
        (run.name, part.task, families[part.task].language, item.key, clusters[item], metric, filtered, value)
        for part in matched
        for order, run in enumerate(runs)
        for item in part.items
        for (metric, filtered), value in _values(part, order, item, metrics[part.task])
    ]
    return pd.DataFrame(rows, columns=COLUMNS), notes


def _values(part: Matched, order: int, item: Item, metrics: Sequence[Metric]) -> list[tuple[Metric, object]]:
    values = part.entries[order][item.key].values
    return [(metric, values.get(metric)) for metric in metrics]
