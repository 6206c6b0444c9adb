"""Put the scores of candidates and the records of strategies into arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion_eval.analysis.pools import Calls, Floats, ScoredPools, StrategyAnswers
from fusion_eval.comparison.items import FilteredMetric, Item
from fusion_eval.comparison.matching import MatchedTask
from fusion_eval.errors import ConfigError
from fusion_eval.harness.pool_records import AnswerRecord, CallTotals, PoolRecord
from fusion_eval.harness.stored_scores import stored_scores
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_info import higher_is_better


@dataclass(frozen=True, eq=False, slots=True)
class ScoredItem:
    """One item: the record of its pool, the values (metrics, N) of its candidates, and the numbers of their answers."""

    record: PoolRecord
    values: Floats
    answers: tuple[int, ...] | None


Key = tuple[str, int]
"""A task and a document of one run."""


@dataclass(frozen=True, eq=False, slots=True)
class PoolSources:
    """What scored pools are made from.

    Attributes:
        runs: The runs, the one whose pools were scored first.
        items: The scored items by task and document of the first run.
        answers: For each run, what its strategy made of the pools, by task and document of this run.
        labels: The cluster of each item.
        partial: Leave out items without a trace in some run, instead of raising an error.
    """

    runs: Sequence[Run]
    items: Mapping[Key, ScoredItem]
    answers: Sequence[Mapping[Key, AnswerRecord]]
    labels: Mapping[Item, str]
    partial: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class _Selected:
    """Items of one task that every run has: the item of each, its pool, and each run's record of its answer."""

    items: Sequence[Item]
    pools: Sequence[ScoredItem]
    records: Sequence[Sequence[AnswerRecord]]

    def take(self, places: Sequence[int]) -> _Selected:
        """Return these places alone."""
        return _Selected(
            [self.items[place] for place in places],
            [self.pools[place] for place in places],
            [[own[place] for place in places] for own in self.records],
        )


def scored_pools(
    sources: PoolSources, part: MatchedTask, metrics: Sequence[FilteredMetric], family: str, notes: list[str]
) -> list[ScoredPools]:
    """Return the scored pools of one task, one for each metric. Items without a value somewhere are left out.

    Args:
        sources: The runs with what was read and scored.
        part: The task in all runs.
        metrics: The metrics, in the order of the items' values.
        family: The task's name without its language.
        notes: Gets a note on items that are left out.

    Raises:
        ConfigError: A run lacks a pool, or has another one than the first run.
    """
    keys, selected = _select(sources, part, notes)
    result = []
    for number, metric in enumerate(metrics):
        of_runs = np.array(
            [[_number(entry[key].values.get(metric)) for key in keys] for entry in part.entries]
        ).reshape(len(part.entries), -1)
        values = np.array([one.values[number] for one in selected.pools]).reshape(len(keys), -1)
        known = ~(np.isnan(of_runs).any(axis=0) | np.isnan(values).any(axis=1))
        if lost := len(known) - int(known.sum()):
            notes.append(f"{part.task}: items without a value of {metric[0]} are left out ({lost:,})")
        if known.any():
            kept = selected.take(np.flatnonzero(known).tolist())
            result.append(_pools(sources, part, metric, family, kept, values[known], of_runs[:, known]))
    return result


def _select(sources: PoolSources, part: MatchedTask, notes: list[str]) -> tuple[list[str], _Selected]:
    """Return the items of a task whose pools were scored, and which every run answered, with their keys."""
    known: dict[str, list[Key]] = {}
    lost = 0
    for item in part.items:
        places = [(part.task, entry[item.key].item.doc_id) for entry in part.entries]
        absent = [
            (run, place)
            for run, place, own in zip(sources.runs, places, sources.answers, strict=True)
            if place not in own
        ]
        lost += bool(absent)
        if absent and not sources.partial:
            run, (_, document) = absent[0]
            raise ConfigError(
                f"The traces of {run.path} have no pool for document {document} of {part.task}; the option allow_partial leaves it out"
            )
        if not absent and places[0] in sources.items:
            _check_same_pools(sources, places)
            known[item.key] = places
    if lost:
        notes.append(f"{part.task}: items without a trace in some run are left out ({lost:,})")
    first = part.entries[0]
    return list(known), _Selected(
        [first[key].item for key in known],
        [sources.items[places[0]] for places in known.values()],
        [[own[places[run]] for places in known.values()] for run, own in enumerate(sources.answers)],
    )


def _check_same_pools(sources: PoolSources, places: Sequence[Key]) -> None:
    first = sources.answers[0][places[0]].digest
    for run, place, own in zip(sources.runs, places, sources.answers, strict=True):
        if own[place].digest != first:
            raise ConfigError(
                f"{run.name} and {sources.runs[0].name} have different pools, e.g. for document {place[1]} of {place[0]}; "
                "analyze them separately, or run both strategies in one fusion-eval run"
            )


def _pools(
    sources: PoolSources,
    part: MatchedTask,
    metric: FilteredMetric,
    family: str,
    selected: _Selected,
    values: Floats,
    of_runs: Floats,
) -> ScoredPools:
    own, runs = selected.pools, sources.runs
    names = list(dict.fromkeys(name for one in own for name in one.record.models))
    numbers = np.array([one.record.numbers for one in own])
    voted = [one.answers for one in own if one.answers is not None]
    scores, scorers = stored_scores(runs, numbers[:, :, 4], selected.records)
    return ScoredPools(
        task=part.task,
        family=family,
        language=part.language,
        metric=metric[0],
        filter=metric[1],
        higher_is_better=higher_is_better(metric[0], [run.tasks[part.task].info for run in runs]),
        documents=np.array([item.doc_id for item in selected.items], dtype=np.int64),
        clusters=np.array([sources.labels[item] for item in selected.items], dtype=object),
        values=values,
        models=tuple(names),
        model=np.array([[names.index(name) for name in one.record.models] for one in own], dtype=np.int64),
        prompt_tokens=numbers[:, :, 0].astype(np.int64),
        completion_tokens=numbers[:, :, 1].astype(np.int64),
        cost=numbers[:, :, 2],
        seconds=numbers[:, :, 3],
        answers=np.array(voted, dtype=np.int64) if len(voted) == len(own) else None,
        scores=scores,
        strategies=tuple(
            strategy_answers(run.name, row, records, scorer)
            for run, row, records, scorer in zip(runs, of_runs, selected.records, scorers, strict=True)
        ),
    )


def strategy_answers(
    name: str, values: Floats, records: Sequence[AnswerRecord], scorer: str | None = None
) -> StrategyAnswers:
    """Return a strategy's answers as arrays.

    Args:
        name: The run's name.
        values: The metric's values of the answers.
        records: The records of the answers' traces.
        scorer: Which scores of the pools the strategy gave or used.
    """
    return StrategyAnswers(
        name=name,
        values=values,
        chosen=np.array([one.chosen for one in records], dtype=np.int64),
        fallback=np.array([one.fallback for one in records], dtype=np.bool_),
        scorer=scorer,
        scoring=None if scorer is None else Calls(**_calls([one.scoring for one in records])),
        **_calls([one.total for one in records]),
    )


def _calls(totals: Sequence[CallTotals]) -> dict[str, Any]:
    kinds: dict[str, type] = dict.fromkeys(("calls", "prompt_tokens", "completion_tokens"), np.int64)
    kinds |= dict.fromkeys(("cost", "seconds"), np.float64)
    return {
        name: np.array([getattr(one, name) for one in totals], dtype=kind) for name, kind in kinds.items()
    }


def _number(value: object) -> float:
    return value if isinstance(value, float) else float("nan")
