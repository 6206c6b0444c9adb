"""Cells of numbers: one metric of one task in all runs, as the arrays that the statistics work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fusion_eval.compare.metrics import corpus_name
from fusion_eval.compare.task_families import Family
from fusion_eval.runs.samples import Pair
from fusion_eval.stats.corpus import CorpusMetric, MissingTokenizerError, corpus_metric
from fusion_eval.stats.paired import Score, mean_score

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """`statistics` has the shape (runs, items, k); the sum over items of a run, scored, is its value."""

    task: str
    family: str
    language: str | None
    metric: str
    filter: str
    statistics: Floats
    clusters: npt.NDArray[np.object_]
    score: Score
    item_score: Score
    higher_is_better: bool
    missing: int = 0
    """Items that some run has no value for; they are left out of all."""
    binary: bool = False
    signature: str | None = None

    @property
    def per_item(self) -> Floats:
        """(runs, items): each item scored by itself; 0 where it holds nothing to score."""
        return np.nan_to_num(self.item_score(self.statistics))


def cells(
    table: pd.DataFrame,
    runs: Sequence[str],
    families: Mapping[str, Family],
    directions: Mapping[tuple[str, str], bool],
) -> tuple[list[Cell], list[str]]:
    """A cell per task, metric and filter of the tidy table, and notes on those that have none.

    `directions` says by (task, metric) whether higher is better, where the runs say so.
    """
    made, notes = [], []
    for (task, metric, filtered), part in table.groupby(["task", "metric", "filter"], sort=False):
        wide = part.pivot(index="item", columns="run", values="value")[list(runs)]
        known = wide.notna().all(axis=1)
        one = part[part["run"] == runs[0]].set_index("item")
        kept = [item for item in one.index if known[item]]
        if not kept:
            notes.append(f"{task}: {metric},{filtered} is left out: on no item have all runs a value")
            continue
        values = [wide[run].loc[kept].tolist() for run in runs]
        try:
            made.append(
                _cell(
                    (str(task), str(metric), str(filtered)),
                    families[str(task)],
                    values,
                    one["cluster"].loc[kept].to_numpy(dtype=object),
                    directions[task, metric],
                    len(one) - len(kept),
                )
            )
        except MissingTokenizerError as error:
            notes.append(f"{task}: {metric},{filtered} is left out: {error}")
    return made, notes


def _cell(
    names: tuple[str, str, str],
    family: Family,
    values: Sequence[Sequence[float | Pair]],
    clusters: npt.NDArray[np.object_],
    higher_is_better: bool,
    missing: int,
) -> Cell:
    task, metric, filtered = names
    pairs = [[value for value in run if isinstance(value, Pair)] for run in values]
    corpus = corpus_metric(corpus_name(metric) or metric, family.language) if pairs[0] else None
    # Ten digits: the same score computed in two ways is the same score.
    numbers = np.array([[] if corpus else [float(f"{value:.10g}") for value in run] for run in values])
    return Cell(
        task=task,
        family=family.name,
        language=family.language,
        metric=metric,
        filter=filtered,
        statistics=np.stack([averaged(corpus, run) for run in pairs])
        if corpus
        else np.stack([numbers, np.ones_like(numbers)], axis=-1),
        clusters=clusters,
        score=corpus.score if corpus else mean_score,
        item_score=corpus.segment_score if corpus else mean_score,
        higher_is_better=corpus.higher_is_better if corpus else higher_is_better,
        missing=missing,
        binary=corpus is None and bool(np.isin(numbers, (0.0, 1.0)).all()),
        signature=corpus.signature if corpus else None,
    )


def averaged(corpus: CorpusMetric, pairs: Sequence[Pair]) -> Floats:
    """(items, k): the statistics of each item, the mean over its hypotheses. Raises ValueError for no items."""
    counts = [len(pair.hypotheses) for pair in pairs]
    statistics = corpus.statistics(
        [hypothesis for pair in pairs for hypothesis in pair.hypotheses],
        [list(pair.references) for pair in pairs for _ in pair.hypotheses],
    )
    starts = np.cumsum([0, *counts[:-1]])
    return np.asarray(np.add.reduceat(statistics, starts, axis=0) / np.array(counts)[:, None])
