"""Write scored pools to `candidates.parquet` and `answers.parquet`, and read them back.

`candidates.parquet` has a row for each candidate, metric and filter; `answers.parquet` one for each strategy's answer.
Every table can be computed from these two files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fusion_eval.analysis.pools import Calls, ScoredPools, StrategyAnswers
from fusion_eval.errors import ConfigError
from fusion_eval.runs.writing import whole_file

CANDIDATES, ANSWERS = "candidates.parquet", "answers.parquet"
SCORE_PREFIX = "score:"
"""Before a scorer's name in the name of a column."""
_HEAD = ("task", "family", "language", "metric", "filter", "higher_is_better")
_CALLS = {
    "calls": "calls",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "tokens",
    "cost": "cost",
    "seconds": "seconds",
}
"""The fields of calls, and their columns; those that scored have `scorer_` before the name."""
_KEY = ("task", "metric", "filter")


def write_pools(
    pools: Sequence[ScoredPools], folder: Path, fingerprint: str = "", notes: Sequence[str] = ()
) -> None:
    """Write scored pools to a folder.

    Args:
        pools: The pools.
        folder: The folder, which is created if needed.
        fingerprint: Says what the pools were scored from; it is kept in the files.
        notes: What was left out; kept in the files.

    Raises:
        ConfigError: A file cannot be written.
    """
    for name, tables in ((CANDIDATES, map(_candidates, pools)), (ANSWERS, _answers(pools))):
        table = pa.concat_tables(list(tables), promote_options="default")
        table = table.replace_schema_metadata({"fingerprint": fingerprint, "notes": json.dumps(list(notes))})
        with whole_file(folder / name) as partial:
            pq.write_table(table, partial, compression="zstd")


def notes_of(folder: Path, fingerprint: str) -> list[str] | None:
    """Return the notes on the pools in a folder; None if none are there that were scored from the same."""
    try:
        marks = [pq.read_schema(folder / name).metadata or {} for name in (CANDIDATES, ANSWERS)]
        if any(mark.get(b"fingerprint") != fingerprint.encode() for mark in marks):
            return None
        return [str(note) for note in json.loads(marks[0][b"notes"])]
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def read_pools(folder: Path) -> list[ScoredPools]:
    """Read the scored pools in a folder, in the order in which they were written.

    Raises:
        ConfigError: The files cannot be read, or lack a column.
    """
    try:
        candidates, answers = (pq.read_table(folder / name) for name in (CANDIDATES, ANSWERS))
        return [_pools(head, part, own) for head, part, own in _parts(candidates, answers)]
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise ConfigError(f"{folder}: the scored candidates cannot be read: {error}") from error


def _candidates(pools: ScoredPools) -> pa.Table:
    items, n = pools.values.shape
    columns: dict[str, Any] = _head(pools, items * n)
    columns |= {
        "document": np.repeat(pools.documents, n),
        "cluster": pa.array(np.repeat(pools.clusters, n).tolist(), pa.string()).dictionary_encode(),
        "candidate": np.tile(np.arange(n), items),
        "model": pa.DictionaryArray.from_arrays(pools.model.ravel().astype(np.int32), list(pools.models)),
        "value": pools.values.ravel(),
        "prompt_tokens": pools.prompt_tokens.ravel(),
        "tokens": pools.completion_tokens.ravel(),
        "cost": pa.array(pools.cost.ravel(), from_pandas=True),
        "seconds": pools.seconds.ravel(),
        "answer": pa.nulls(items * n, pa.int64())
        if pools.answers is None
        else pa.array(pools.answers.ravel()),
    }
    columns |= {
        f"{SCORE_PREFIX}{name}": pa.array(scores.ravel(), from_pandas=True)
        for name, scores in pools.scores.items()
    }
    return pa.table(columns)


def _answers(pools: Sequence[ScoredPools]) -> Iterator[pa.Table]:
    for one in pools:
        for strategy in one.strategies:
            columns: dict[str, Any] = _head(one, one.n_items)
            columns |= {
                "document": one.documents,
                "strategy": _constant(strategy.name, one.n_items),
                "value": strategy.values,
                "chosen": strategy.chosen,
                "fallback": strategy.fallback,
                "scorer": _constant(strategy.scorer, one.n_items),
            }
            columns |= _call_columns(strategy, "")
            if strategy.scoring is not None:
                columns |= _call_columns(strategy.scoring, "scorer_")
            yield pa.table(columns)


def _call_columns(calls: Calls | StrategyAnswers, prefix: str) -> dict[str, Any]:
    return {
        prefix + column: pa.array(getattr(calls, field), from_pandas=True) for field, column in _CALLS.items()
    }


def _head(pools: ScoredPools, rows: int) -> dict[str, Any]:
    head: dict[str, Any] = {
        name: _constant(getattr(pools, name), rows) for name in _HEAD if name != "higher_is_better"
    }
    return head | {"higher_is_better": np.full(rows, pools.higher_is_better)}


def _constant(value: str | None, rows: int) -> pa.DictionaryArray:
    if value is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), pa.array([value], pa.string()))


def _parts(candidates: pa.Table, answers: pa.Table) -> Iterator[tuple[Mapping[str, Any], pa.Table, pa.Table]]:
    """Yield the rows of each task, metric and filter. They stand together in the file."""
    changed = np.zeros(len(candidates), dtype=bool)
    changed[:1] = True
    for name in _KEY:
        column = candidates[name].unify_dictionaries().combine_chunks().indices.to_numpy()
        changed[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(changed)
    for start, end in zip(starts, [*starts[1:], len(candidates)], strict=True):
        part = candidates.slice(start, end - start)
        head = {name: part[name][0].as_py() for name in _HEAD}
        own = answers
        for name in _KEY:
            own = own.filter(pc.equal(own[name], head[name]))
        yield head, part, own


def _pools(head: Mapping[str, Any], part: pa.Table, answers: pa.Table) -> ScoredPools:
    n = int(pc.max(part["candidate"]).as_py()) + 1
    if len(part) % n:
        raise ValueError(f"{head['task']} has pools of different sizes")

    def matrix(name: str) -> np.ndarray[Any, Any]:
        return np.asarray(part[name].to_numpy().reshape(-1, n))

    model = part["model"].unify_dictionaries().combine_chunks()
    documents = matrix("document")[:, 0]
    no_answers = part["answer"].null_count == len(part)
    return ScoredPools(
        **head,
        documents=documents,
        clusters=part["cluster"].slice(0).to_numpy().reshape(-1, n)[:, 0],
        values=matrix("value"),
        models=tuple(model.dictionary.to_pylist()),
        model=model.indices.to_numpy().astype(np.int64).reshape(-1, n),
        prompt_tokens=matrix("prompt_tokens"),
        completion_tokens=matrix("tokens"),
        cost=matrix("cost"),
        seconds=matrix("seconds"),
        answers=None if no_answers else matrix("answer"),
        scores={
            name.removeprefix(SCORE_PREFIX): matrix(name)
            for name in part.column_names
            if name.startswith(SCORE_PREFIX) and part[name].null_count < len(part)
        },
        strategies=tuple(
            _strategy(str(name), answers.filter(pc.equal(answers["strategy"], name)), documents)
            for name in pc.unique(answers["strategy"]).to_pylist()
        ),
    )


def _strategy(name: str, rows: pa.Table, documents: np.ndarray[Any, Any]) -> StrategyAnswers:
    if not np.array_equal(rows["document"].to_numpy(), documents):
        raise ValueError(f"the answers of {name} are not those of the candidates' documents")
    scored = "scorer_calls" in rows.column_names and rows["scorer_calls"].null_count < len(rows)
    return StrategyAnswers(
        name=name,
        values=rows["value"].to_numpy(),
        chosen=rows["chosen"].to_numpy(),
        fallback=rows["fallback"].to_numpy(),
        scorer=rows["scorer"][0].as_py(),
        scoring=Calls(**_calls(rows, "scorer_")) if scored else None,
        **_calls(rows, ""),
    )


def _calls(rows: pa.Table, prefix: str) -> dict[str, Any]:
    return {field: rows[prefix + column].to_numpy() for field, column in _CALLS.items()}
