"""The table of what fused texts are made of, by language, teacher, rank of a scorer, position and length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.analysis.contribution import Contribution
from fusion_eval.analysis.intervals import mean_of_known
from fusion_eval.analysis.pools import Floats, ScoredPools
from fusion_eval.analysis.units import Unit

Item = tuple[str, int]
"""A task and a document."""
Levels = Sequence[object]
"""For each candidate of an item, what it is called: its model, its position, its rank. None leaves it out."""


@dataclass(frozen=True, slots=True)
class ContributionRow:
    """One number about the fused texts of a strategy.

    `measure` is `new`, the share of the words that no candidate supports; `contributors`, how many candidates support a
    part; or `share`, the share of the words that the candidates of one `level` support, split where several do. `by` says
    what the levels are: `teacher`, `rank` (1 is the scorer's best), `position` in the prompt, or `length` (1 is the
    longest). `expected` is the share if the fusor had no preference, and `difference` is the value minus it.
    The interval is that of the difference; where there is none, that of the value.
    """

    task: str
    language: str | None
    strategy: str
    measure: str
    by: str | None
    level: str | None
    scorer: str | None
    value: float
    expected: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    items: int
    clusters: int


def contribution_rows(
    units: Sequence[Unit], contributions: Mapping[str, Mapping[Item, Contribution]], alpha: float = 0.05
) -> Iterator[ContributionRow]:
    """Yield the rows of every unit and strategy.

    Args:
        units: The units; of several metrics of a task the first counts, since texts do not depend on metrics.
        contributions: For each strategy, what each of its fused texts is made of.
        alpha: Intervals cover with probability 1 - alpha.
    """
    known: set[tuple[str, str | None]] = set()
    for unit in units:
        if (unit.task, unit.language) not in known:
            known.add((unit.task, unit.language))
            for strategy, of_item in contributions.items():
                yield from _rows_of_strategy(unit, strategy, of_item, alpha)


def _rows_of_strategy(
    unit: Unit, strategy: str, of_item: Mapping[Item, Contribution], alpha: float
) -> Iterator[ContributionRow]:
    items = [(part, place) for part in unit.parts for place in range(part.n_items)]
    made = [of_item.get((part.task, int(part.documents[place]))) for part, place in items]
    if not any(made):
        return

    def row(
        measure: str,
        values: Floats,
        by: str | None = None,
        level: str | None = None,
        scorer: str | None = None,
        expected: Floats | None = None,
    ) -> ContributionRow:
        mean = mean_of_known(unit, values, alpha)
        around = mean if expected is None else mean_of_known(unit, values - expected, alpha)
        return ContributionRow(
            unit.task,
            unit.language,
            strategy,
            measure,
            by,
            level,
            scorer,
            value=mean.value,
            expected=None if expected is None else mean_of_known(unit, expected, alpha).value,
            difference=None if expected is None else around.value,
            ci_low=around.low,
            ci_high=around.high,
            items=mean.items,
            clusters=mean.clusters,
        )

    yield row("new", np.array([np.nan if one is None else one.new for one in made]))
    yield row("contributors", np.array([np.nan if one is None else one.contributors for one in made]))
    for by, scorer, levels in _all_levels(items, made):
        for level, (values, expected) in _shares(made, levels).items():
            yield row("share", values, by, level, scorer, expected)


def _all_levels(
    items: Sequence[tuple[ScoredPools, int]], made: Sequence[Contribution | None]
) -> Iterator[tuple[str, str | None, list[Levels]]]:
    """Yield each way to tell candidates apart: its name, its scorer, and the levels of every item's candidates."""
    kinds: list[tuple[str, str | None, list[Levels]]] = [
        ("teacher", None, [() if one is None else one.models for one in made]),
        ("position", None, [() if one is None else one.positions or () for one in made]),
        ("length", None, [() if one is None else _ranks(one.lengths) for one in made]),
    ]
    for name in dict.fromkeys(name for part, _ in items for name in part.scores):
        ranked: list[Levels] = []
        for (part, place), one in zip(items, made, strict=True):
            scores = part.scores.get(name)
            usable = one is not None and scores is not None and max(one.candidates) < scores.shape[1]
            ranked.append(
                _ranks(scores[place][list(one.candidates)]) if usable and one and scores is not None else ()
            )
        kinds.append(("rank", name, ranked))
    for by, scorer, levels in kinds:
        different = {level for own in levels for level in own}
        if len(different) > 1:
            yield by, scorer, levels


def _ranks(values: Iterable[float]) -> list[object]:
    """Return the rank of each value from 1, the highest first. Equal values and unknown ones have no rank of their own."""
    listed = [float(value) for value in values]
    finite = sorted((value for value in listed if value == value), reverse=True)
    return [finite.index(value) + 1 if finite.count(value) == 1 else None for value in listed]


def _shares(
    made: Sequence[Contribution | None], levels: Sequence[Levels]
) -> dict[str, tuple[Floats, Floats]]:
    """Return for each level the share of each text that it supports, and the share that chance would give it.

    Without a preference every candidate that the fusor saw gets the same part of what is supported.
    """
    sums: dict[object, tuple[Floats, Floats]] = defaultdict(
        lambda: (np.full(len(made), np.nan), np.full(len(made), np.nan))
    )
    for item, (one, own) in enumerate(zip(made, levels, strict=True)):
        if one is None:
            continue
        fair = sum(one.credit) / len(one.credit)
        for credit, level in zip(one.credit, own, strict=bool(own)):
            if level is not None:
                for column, amount in zip(sums[level], (credit, fair), strict=True):
                    column[item] = amount + np.nan_to_num(column[item])
    ordered = sorted(sums, key=lambda level: (isinstance(level, str), level))
    return {str(level): sums[level] for level in ordered}
