"""Score every candidate of many pools with the task's own filters and metrics, in several processes if it is much."""

from __future__ import annotations

import itertools
import math
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host_tasks
from fusion_eval.runs.values import metric_value
from fusion_eval.text.redaction import safe_message

_MANY = 20_000
"""From so many responses on, processes pay for their start."""
_CHUNK = 64
"""Pools in one piece of work."""

FilteredMetric = tuple[str, str]
_tasks: dict[str, Any] = {}
"""The tasks, for the processes that are forked from this one."""


@dataclass(frozen=True, slots=True)
class PoolToScore:
    """The texts of one pool, and the metrics that score them."""

    task: str
    doc_id: int
    doc: Mapping[str, Any]
    texts: tuple[str, ...]
    final: str | None
    """The run's own answer, scored too; None if that is not needed."""
    metrics: tuple[FilteredMetric, ...]


@dataclass(frozen=True, eq=False, slots=True)
class PoolScores:
    """The values (metrics, N) of the candidates, those (metrics,) of the run's answer, and the numbers of the answers."""

    task: str
    doc_id: int
    values: npt.NDArray[np.float64]
    final: npt.NDArray[np.float64] | None
    answers: tuple[int, ...] | None


def score_all(
    pools: Iterable[PoolToScore], tasks: Mapping[str, Any], items: int, workers: int | None = None
) -> Iterator[PoolScores]:
    """Yield the scores of pools in their order.

    Args:
        pools: The pools. Only a few are in memory at a time.
        tasks: The harness's tasks by name.
        items: About how many pools there are.
        workers: How many processes score; None decides by the number of candidates and processors.

    Raises:
        ConfigError: A task's own code fails on a candidate.
    """
    source = iter(pools)
    first = list(itertools.islice(source, 1))
    if workers is None:
        many = items * sum(len(pool.texts) for pool in first) >= _MANY
        workers = _processors() if many and sys.platform == "linux" else 1
    source = itertools.chain(first, source)
    if workers < 2:
        yield from (_score(pool, tasks[pool.task]) for pool in source)
        return
    _tasks.clear()
    _tasks.update(tasks)
    waiting: deque[Future[list[PoolScores]]] = deque()
    with ProcessPoolExecutor(workers, get_context("fork"), _end_without_traceback) as executor:
        try:
            while chunk := list(itertools.islice(source, _CHUNK)):
                waiting.append(executor.submit(_score_chunk, chunk))
                if len(waiting) >= 4 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BaseException:
            # A signal may reach this process alone, and the executor would wait for all that was submitted. Python 3.14
            # has a public method for this, `terminate_workers`.
            for process in list((executor._processes or {}).values()):
                process.terminate()
            raise


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _end_without_traceback() -> None:
    """Let Ctrl-C and SIGTERM end this process at once. The parent says that the command was interrupted."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # In the background of a shell script the parent ignores Ctrl-C, and would lose its processes.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _score_chunk(pools: Sequence[PoolToScore]) -> list[PoolScores]:
    return [_score(pool, _tasks[pool.task]) for pool in pools]


def _score(pool: PoolToScore, task: Any) -> PoolScores:
    texts = dict.fromkeys(pool.texts if pool.final is None else (*pool.texts, pool.final))
    scored: dict[str, list[float]] = {text: _values(pool, task, text) for text in texts}
    return PoolScores(
        pool.task,
        pool.doc_id,
        np.array([scored[text] for text in pool.texts], dtype=np.float64).reshape(len(pool.texts), -1).T,
        None if pool.final is None else np.array(scored[pool.final]),
        _answers(pool, task),
    )


def _values(pool: PoolToScore, task: Any, text: str) -> list[float]:
    values: dict[FilteredMetric, float] = {}
    for filtered in dict.fromkeys(name for _, name in pool.metrics):
        try:
            scores = host_tasks.score_response(task, pool.doc, pool.doc_id, filtered, text)
        except Exception as error:  # a task's own code may raise anything
            raise _cannot_score(pool, error) from error
        values |= {(name, filtered): _number(value) for name, value in scores.items()}
    return [values.get(metric, math.nan) for metric in pool.metrics]


def _number(value: object) -> float:
    """Return a metric's value; NaN for anything that is no finite number."""
    try:
        number = metric_value(value.item() if isinstance(value, np.generic) else value)
    except TypeError:
        return math.nan
    return number if isinstance(number, float) else math.nan


def _answers(pool: PoolToScore, task: Any) -> tuple[int, ...] | None:
    read = host_tasks.answer_reader_of(task, pool.doc)
    if read is None:
        return None
    numbers: dict[str | None, int] = {None: -1}
    try:
        return tuple(numbers.setdefault(read(text), len(numbers) - 1) for text in pool.texts)
    except Exception as error:  # so may its filters
        raise _cannot_score(pool, error) from error


def _cannot_score(pool: PoolToScore, error: Exception) -> ConfigError:
    reason = safe_message(str(error)) or type(error).__name__
    return ConfigError(f"{pool.task} cannot score a candidate of document {pool.doc_id} again: {reason}")
