"""Put the scores of candidates and the records of strategies into arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fusion_eval.analysis.pools import Floats, ScoredPools, StrategyAnswers
from fusion_eval.comparison.items import FilteredMetric, Item
from fusion_eval.comparison.matching import MatchedTask
from fusion_eval.errors import ConfigError
from fusion_eval.harness.pool_records import AnswerRecord, PoolRecord
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_info import higher_is_better

_LOGPROB = "logprob"
"""The scorer whose scores every candidate carries, if its model reports log-probabilities."""


@dataclass(frozen=True, eq=False, slots=True)
class ScoredItem:
    """One item: the record of its pool, the values (metrics, N) of its candidates, and the numbers of their answers."""

    record: PoolRecord
    values: Floats
    answers: tuple[int, ...] | None


Key = tuple[str, int]


def scored_pools(
    runs: Sequence[Run],
    part: MatchedTask,
    metrics: Sequence[FilteredMetric],
    family: str,
    items: Mapping[Key, ScoredItem],
    answers: Sequence[Mapping[Key, AnswerRecord]],
    labels: Mapping[Item, str],
    notes: list[str],
) -> list[ScoredPools]:
    """Return the scored pools of one task, one for each metric. Items without a value somewhere are left out.

    Args:
        runs: The runs, the one whose pools were scored first.
        part: The task in all runs.
        metrics: The metrics, in the order of the items' values.
        family: The task's name without its language.
        items: The scored items by task and document of the first run.
        answers: For each run, what its strategy made of the pools, by task and document of this run.
        labels: The cluster of each item.
        notes: Gets a note on items that are left out.

    Raises:
        ConfigError: A run lacks a pool, or has another one than the first run.
    """
    keys = [item.key for item in part.items if (part.task, item.doc_id) in items]
    places = [[(part.task, entry[key].item.doc_id) for key in keys] for entry in part.entries]
    _check_same_pools(runs, places, answers)
    result = []
    for number, metric in enumerate(metrics):
        of_runs = np.array(
            [[_number(entry[key].values.get(metric)) for key in keys] for entry in part.entries]
        ).reshape(len(runs), -1)
        values = np.array([items[place].values[number] for place in places[0]]).reshape(len(keys), -1)
        known = ~(np.isnan(of_runs).any(axis=0) | np.isnan(values).any(axis=1))
        if lost := len(known) - int(known.sum()):
            notes.append(f"{part.task}: items without a value of {metric[0]} are left out ({lost:,})")
        if not known.any():
            continue
        kept = np.flatnonzero(known)
        result.append(
            _pools(runs, part, metric, family, items, answers, labels, keys, places, kept, values, of_runs)
        )
    return result


def _pools(
    runs: Sequence[Run],
    part: MatchedTask,
    metric: FilteredMetric,
    family: str,
    items: Mapping[Key, ScoredItem],
    answers: Sequence[Mapping[Key, AnswerRecord]],
    labels: Mapping[Item, str],
    keys: Sequence[str],
    places: Sequence[Sequence[Key]],
    kept: npt.NDArray[np.intp],
    values: Floats,
    of_runs: Floats,
) -> ScoredPools:
    own = [items[places[0][index]] for index in kept]
    records = [
        [of_run[place[index]] for index in kept] for of_run, place in zip(answers, places, strict=True)
    ]
    names = list(dict.fromkeys(name for one in own for name in one.record.models))
    numbers = np.array([one.record.numbers for one in own])
    voted = [one.answers for one in own if one.answers is not None]
    first = part.entries[0]
    return ScoredPools(
        task=part.task,
        family=family,
        language=part.language,
        metric=metric[0],
        filter=metric[1],
        higher_is_better=higher_is_better(metric[0], [run.tasks[part.task].info for run in runs]),
        documents=np.array([places[0][index][1] for index in kept], dtype=np.int64),
        clusters=np.array([labels[first[keys[index]].item] for index in kept], dtype=object),
        values=values[kept],
        models=tuple(names),
        model=np.array([[names.index(name) for name in one.record.models] for one in own], dtype=np.int64),
        prompt_tokens=numbers[:, :, 0].astype(np.int64),
        completion_tokens=numbers[:, :, 1].astype(np.int64),
        cost=numbers[:, :, 2],
        seconds=numbers[:, :, 3],
        answers=np.array(voted, dtype=np.int64) if len(voted) == len(own) else None,
        scores=_scores(runs, numbers[:, :, 4], records),
        strategies=tuple(
            strategy_answers(run.name, row[kept], record)
            for run, row, record in zip(runs, of_runs, records, strict=True)
        ),
    )


def _scores(
    runs: Sequence[Run], logprobs: Floats, records: Sequence[Sequence[AnswerRecord]]
) -> dict[str, Floats]:
    """Return every stored score by its scorer: mean log-probabilities, then what the strategies scored by."""
    scores: dict[str, Floats] = {}
    if not np.isnan(logprobs).all():
        scores[_LOGPROB] = logprobs
    n = logprobs.shape[1]
    for run, own in zip(runs, records, strict=True):
        if scored := [one for one in own if len(one.scores) == n]:
            unscored = (None,) * n
            rows = [one.scores if len(one.scores) == n else unscored for one in own]
            matrix = np.array([[np.nan if score is None else score for score in row] for row in rows])
            if scored and not np.isnan(matrix).all():
                scores.setdefault(_scorer_of(run), matrix)
    return scores


def _scorer_of(run: Run) -> str:
    """Return the scorer that a run's signature names; the run's name for a strategy that scores by itself."""
    parts = (run.signature or "").split("|")
    return next((part.removeprefix("scorer:") for part in parts if part.startswith("scorer:")), run.name)


def strategy_answers(name: str, values: Floats, records: Sequence[AnswerRecord]) -> StrategyAnswers:
    """Return a strategy's answers as arrays, from their values and the records of their traces."""

    def column(field: str, kind: type) -> Any:
        return np.array([getattr(one, field) for one in records], dtype=kind)

    return StrategyAnswers(
        name=name,
        values=values,
        chosen=column("chosen", np.int64),
        fallback=column("fallback", np.bool_),
        calls=column("calls", np.int64),
        prompt_tokens=column("prompt_tokens", np.int64),
        completion_tokens=column("completion_tokens", np.int64),
        cost=column("cost", np.float64),
        seconds=column("seconds", np.float64),
    )


def _check_same_pools(
    runs: Sequence[Run], places: Sequence[Sequence[Key]], answers: Sequence[Mapping[Key, AnswerRecord]]
) -> None:
    for run, own, of_run in zip(runs, places, answers, strict=True):
        for first, place in zip(places[0], own, strict=True):
            if place not in of_run:
                raise ConfigError(
                    f"The traces of {run.path} have no pool for document {place[1]} of {place[0]}"
                )
            if of_run[place].digest != answers[0][first].digest:
                raise ConfigError(
                    f"{run.name} and {runs[0].name} have different pools, e.g. for document {place[1]} of {place[0]}; analyze "
                    "them separately, or run both strategies in one fusion-eval run"
                )


def _number(value: object) -> float:
    return value if isinstance(value, float) else float("nan")
