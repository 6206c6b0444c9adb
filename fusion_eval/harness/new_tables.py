"""Tables of an analysis that need new answers: fusion of parts of the pools, several fusors, and corrupted pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusion_eval.analysis.corruption import CorruptedPool, Kind, comes_through, corrupt
from fusion_eval.analysis.fused_curves import FusedAnswers, PoolKey
from fusion_eval.analysis.pools import Floats, ScoredPools
from fusion_eval.analysis.robustness import CorruptedAnswers, key_of
from fusion_eval.errors import ConfigError
from fusion_eval.harness import host
from fusion_eval.harness.candidate_scores import FilteredMetric
from fusion_eval.harness.choices import load_run_tasks
from fusion_eval.harness.new_answers import Job, answer_jobs, check_jobs, price_jobs, score_answers
from fusion_eval.harness.pool_arrays import strategy_answers
from fusion_eval.harness.pool_records import answer_record, traces_of
from fusion_eval.harness.stored_questions import StoredItem, stored_items, stored_pool
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.runs.reading import Run
from fusion_eval.text.specs import spec_name
from fusion_eval.types import Trace


@dataclass(frozen=True, slots=True)
class NewCalls:
    """What to ask beyond the runs.

    Attributes:
        fuse: For each number, fuse the first so many candidates of every pool.
        fusors: The fusors to ask, with options of fusion in parentheses: `a`, `b(prompt=direct)`. Empty is the one of the
            model arguments.
        corrupt: How to corrupt pools, and how many candidates, for each table of robustness.
        seed: The seed of the corruption.
    """

    fuse: tuple[int, ...] = ()
    fusors: tuple[str, ...] = ()
    corrupt: tuple[tuple[Kind, int], ...] = ()
    seed: int = 0

    @property
    def any(self) -> bool:
        """Whether anything is asked."""
        return bool(self.fuse or self.fusors or self.corrupt)


@dataclass(frozen=True, eq=False, slots=True)
class NewAnswers:
    """The answers to new calls."""

    fused: tuple[FusedAnswers, ...] = ()
    corrupted: tuple[CorruptedAnswers, ...] = ()


class NewTables:
    """The jobs behind the tables that need new answers: they can be priced, and then answered.

    Args:
        runs: Runs on the same pools.
        pools: Their scored pools.
        calls: What to ask.
        arguments: The model arguments, as the runs had them.
        include_path: A folder with the tasks of the runs, if they are not ours.

    Raises:
        ConfigError: Something of it cannot be asked about these pools.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        pools: Sequence[ScoredPools],
        calls: NewCalls,
        arguments: ModelArguments,
        include_path: Path | None,
    ) -> None:
        self._pools, self._calls, self._arguments = pools, calls, arguments
        host.silence()
        names = list(dict.fromkeys(one.task for one in pools))
        self._tasks: Mapping[str, Any] = load_run_tasks(names, include_path)
        self._items = stored_items(runs[0], self._tasks, _documents(pools), arguments)
        n = min(one.n_candidates for one in pools)
        for k in calls.fuse:
            if not 1 <= k <= n:
                raise ConfigError(
                    f"--fuse {k}: the pools have {n} candidates, so k is a number from 1 to {n}"
                )
        self._corrupted: list[tuple[Kind, int, str, list[CorruptedPool]]] = []
        self._jobs = [*self._fusion_jobs(n)]
        self._fusions = len(self._jobs)
        if calls.corrupt:
            named = _strategies(runs)
            self._jobs += self._corruption_jobs([*named, *free_selections(named, self._items)])
        check_jobs(self._jobs)

    def price(self) -> str:
        """Return a table of the calls, tokens and dollars that the answers cost at most. No model is asked."""
        return price_jobs(self._jobs, self._items, self._arguments)

    def answer(self) -> NewAnswers:
        """Ask what the store does not hold, and score the answers.

        Raises:
            FusionEvalError: A model cannot be asked.
        """
        traces = answer_jobs(self._jobs, self._items, self._arguments)
        metrics: dict[str, tuple[FilteredMetric, ...]] = {}
        for one in self._pools:
            metrics[one.task] = (*metrics.get(one.task, ()), (one.metric, one.filter))
        values = score_answers(traces, self._items, self._tasks, metrics)
        arrays = [self._values(number, values, metrics) for number in range(len(traces))]
        return NewAnswers(
            tuple(self._fused(traces[: self._fusions], arrays)),
            tuple(self._corruptions(traces[self._fusions :], arrays[self._fusions :])),
        )

    def _fusion_jobs(self, n: int) -> Iterator[Job]:
        if not (self._calls.fuse or self._calls.fusors):
            return
        for fusor in self._calls.fusors or (None,):
            for k in self._calls.fuse or (n,):
                name, _, options = (fusor or "").partition("(")
                yield Job(
                    label=f"fusion@{k}" + (f" by {fusor}" if fusor else ""),
                    strategy=f"fusion({options}" if options else "fusion",
                    candidates=tuple(item.pool.candidates[:k] for item in self._items),
                    fusor=name or None,
                    spec=fusor,
                )

    def _corruption_jobs(self, strategies: Sequence[str]) -> Iterator[Job]:
        """Yield a job for each strategy on whole pools, and one for each corruption."""
        stored = [stored_pool(item) for item in self._items]
        variants = [
            (kind, k, corrupt(stored, kind, k, self._calls.seed))
            for kind, k in dict.fromkeys(self._calls.corrupt)
        ]
        for strategy in strategies:
            yield Job(strategy, strategy, tuple(item.pool.candidates for item in self._items))
            for kind, k, pools in variants:
                self._corrupted.append((kind, k, strategy, pools))
                yield Job(f"{strategy}, {kind}:{k}", strategy, tuple(one.candidates for one in pools))

    def _fused(
        self, traces: Sequence[Sequence[Trace]], arrays: Sequence[Mapping[PoolKey, Floats]]
    ) -> Iterator[FusedAnswers]:
        for job, own, values in zip(self._jobs, traces, arrays, strict=False):
            records = {item.key: answer_record(trace) for item, trace in zip(self._items, own, strict=True)}
            yield FusedAnswers(
                job.spec or self._arguments.fusor or self._arguments.model[0],
                len(job.candidates[0]),
                {
                    key_of(one): strategy_answers(
                        job.label, values[key_of(one)], [records[one.task, int(doc)] for doc in one.documents]
                    )
                    for one in self._pools
                },
            )

    def _corruptions(
        self, traces: Sequence[Sequence[Trace]], arrays: Sequence[Mapping[PoolKey, Floats]]
    ) -> Iterator[CorruptedAnswers]:
        clean: dict[str, Mapping[PoolKey, Floats]] = {}
        variants = iter(self._corrupted)
        for job, own, values in zip(self._jobs[self._fusions :], traces, arrays, strict=True):
            if job.label == job.strategy:
                clean[job.strategy] = values
                continue
            kind, k, strategy, pools = next(variants)
            leaked = {
                item.key: comes_through(kind, pool, trace, stored_pool(item))
                for item, pool, trace in zip(self._items, pools, own, strict=True)
            }
            yield CorruptedAnswers(
                strategy,
                kind,
                k,
                clean[strategy],
                values,
                {
                    key_of(one): np.array([leaked[one.task, int(doc)] for doc in one.documents])
                    for one in self._pools
                },
            )

    def _values(
        self,
        job: int,
        values: Mapping[tuple[str, int], Floats],
        metrics: Mapping[str, tuple[FilteredMetric, ...]],
    ) -> dict[PoolKey, Floats]:
        """Return one job's values for the items of each scored pools."""
        arrays = {}
        for one in self._pools:
            place = metrics[one.task].index((one.metric, one.filter))
            own = np.array([values[one.task, int(doc)][place, job] for doc in one.documents])
            if np.isnan(own).any():
                raise ConfigError(
                    f"{one.task} has no value of {one.metric} for some new answers of {self._jobs[job].label}; choose other "
                    "--metrics"
                )
            arrays[key_of(one)] = own
        return arrays


def _documents(pools: Sequence[ScoredPools]) -> dict[str, set[int]]:
    documents: dict[str, set[int]] = {}
    for one in pools:
        documents.setdefault(one.task, set()).update(map(int, one.documents))
    return documents


def _strategies(runs: Sequence[Run]) -> list[str]:
    """Return the strategies of the runs as texts, each once."""
    return list(dict.fromkeys(trace.strategy for run in runs for trace in [next(traces_of(run))]))


def free_selections(strategies: Sequence[str], items: Sequence[StoredItem]) -> list[str]:
    """Return selections that ask no model and are not among the strategies: a vote, and the likeliest candidate."""
    names = {spec_name(strategy) for strategy in strategies}
    candidates = [candidate for item in items for candidate in item.pool.candidates]
    free = []
    if "majority" not in names and all(item.question.extract for item in items):
        free.append("majority")
    if "bon" not in names and any(candidate.mean_logprob is not None for candidate in candidates):
        free.append("bon(scorer=logprob)")
    return free
