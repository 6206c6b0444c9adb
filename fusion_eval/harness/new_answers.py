"""Ask strategies about pools that a run has stored, whole or changed; or count what asking would cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion_eval.analysis.pools import Floats
from fusion_eval.errors import ConfigError
from fusion_eval.harness.candidate_scores import FilteredMetric, PoolToScore, score_all
from fusion_eval.harness.stored_questions import StoredItem
from fusion_eval.judging.dry_run import offline_note, planned_calls
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.counting import CountingOpener, StandInStore
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.progress import progress
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.report.dry_run_table import HOW_TO_READ, PlannedCalls, dry_run_table
from fusion_eval.strategies.interface import smallest_pool
from fusion_eval.strategies.solver import Aggregator
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate, Pool, Trace

WIDTH = 32
"""How many prompts a dry run works on at a time. There is no server to wait for."""


@dataclass(frozen=True, slots=True)
class Job:
    """A strategy to ask about every item, with these candidates in place of the item's own.

    Attributes:
        label: What the job is called in the table of a dry run; distinct.
        strategy: The strategy as text.
        candidates: The candidates of each item.
        fusor: The fusor; None leaves it to the model arguments.
        spec: The fusor with the options that the user gave it.
    """

    label: str
    strategy: str
    candidates: tuple[tuple[Candidate, ...], ...]
    fusor: str | None = None
    spec: str | None = None


def check_jobs(jobs: Sequence[Job]) -> None:
    """Raise a `ConfigError` if a strategy needs larger pools than it gets."""
    for job in jobs:
        needed, given = smallest_pool(load_strategy(job.strategy)), min(map(len, job.candidates))
        if needed > given:
            raise ConfigError(
                f"{job.label}: {job.strategy} needs pools of {needed} candidates, and there are {given}"
            )


def answer_jobs(
    jobs: Sequence[Job], items: Sequence[StoredItem], arguments: ModelArguments
) -> list[list[Trace]]:
    """Return the traces of every job, in the order of the items. What the store holds is not asked again.

    Raises:
        FusionEvalError: A model cannot be asked.
    """
    with open_store(arguments) as store:
        openers = _Openers(arguments, store, Opener)
        answers: list[list[Trace]] = []
        width = 2 * arguments.concurrency * len(arguments.base_url or (None,))

        async def answer_all() -> None:
            for job in jobs:
                opener = openers.of(job)
                aggregator = Aggregator(job.strategy, opener.arguments, opener)
                with progress(job.label, len(items), opener.endpoints, lambda: None, off=False) as done:
                    answers.append(await _answer(aggregator, job, items, width, done))

        openers.run(answer_all)
        return answers


def price_jobs(jobs: Sequence[Job], items: Sequence[StoredItem], arguments: ModelArguments) -> str:
    """Return a table of calls, tokens and dollars of every job, and how to read it. No model is asked."""
    with open_store(arguments) as real, closing(StandInStore(real)) as store:
        openers = _Openers(arguments, store, CountingOpener)
        planned: list[PlannedCalls] = []
        notes: list[str] = []

        async def count_all() -> None:
            for job in jobs:
                opener = openers.of(job)
                assert isinstance(opener, CountingOpener)  # noqa: S101 - for mypy
                opener.strategy = job.label
                aggregator = Aggregator(job.strategy, opener.arguments, opener)
                await _answer(aggregator, job, items, WIDTH, lambda: None)
                planned.extend(one for one in planned_calls(opener) if one.strategy == job.label)
                notes.extend(offline_note(opener, real))

        openers.run(count_all)
    return "\n".join(
        [
            dry_run_table(planned, [job.label for job in jobs]),
            HOW_TO_READ,
            f"{len(items):,} prompts; {len(store.found):,} generations are in the store and cost nothing again",
            *dict.fromkeys(notes),
        ]
    )


class _Openers:
    """One opener for each fusor. All share the store and the budget."""

    def __init__(
        self, arguments: ModelArguments, store: Store, kind: Callable[[ModelArguments, Store], Opener]
    ) -> None:
        self._arguments, self._store, self._kind = arguments, store, kind
        self._openers: dict[str | None, Opener] = {}

    def of(self, job: Job) -> Opener:
        if job.fusor not in self._openers:
            fusor = job.fusor or self._arguments.fusor
            opener = self._kind(dataclasses.replace(self._arguments, fusor=fusor), self._store)
            for other in self._openers.values():
                opener.budget = other.budget
            self._openers[job.fusor] = opener
        return self._openers[job.fusor]

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run all jobs in one event loop, since models belong to the loop that opened them, and close the openers."""

        async def then_close() -> None:
            try:
                await work()
            finally:
                for opener in self._openers.values():
                    await opener.close()

        run_anywhere(then_close)


async def _answer(
    aggregator: Aggregator, job: Job, items: Sequence[StoredItem], width: int, done: Callable[[], None]
) -> list[Trace]:
    traces: list[Trace | None] = [None] * len(items)
    waiting = iter(range(len(items)))

    async def work() -> None:
        for index in waiting:
            item = items[index]
            pool = Pool(item.pool.prompt, job.candidates[index])
            traces[index] = await aggregator.aggregate(item.question, pool)
            done()

    await gather_or_cancel(work() for _ in range(min(width, len(items))))
    return [trace for trace in traces if trace is not None]


def score_answers(
    answers: Sequence[Sequence[Trace]],
    items: Sequence[StoredItem],
    tasks: Mapping[str, Any],
    metrics: Mapping[str, tuple[FilteredMetric, ...]],
) -> dict[tuple[str, int], Floats]:
    """Score the answers of every job by the tasks' own metrics.

    Args:
        answers: The traces of each job, in the order of the items.
        items: The items.
        tasks: The harness's tasks by name.
        metrics: The metrics of each task.

    Returns:
        By task and document the values (metrics, jobs).
    """
    pools = (
        PoolToScore(
            *item.key, item.doc, tuple(of_job[index].final for of_job in answers), None, metrics[item.key[0]]
        )
        for index, item in enumerate(items)
    )
    scored = score_all(pools, tasks, len(items) * len(answers))
    return {(one.task, one.doc_id): np.asarray(one.values, dtype=np.float64) for one in scored}
