"""Read the shards of a job, and merge the files of one strategy in the order of the prompts."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError
from fusion_eval.synth.files import PartFiles
from fusion_eval.synth.job import Job
from fusion_eval.synth.manifest import Counts, Manifest
from fusion_eval.synth.tables import failure_schema, pair_schema, row_schema
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.redaction import safe_message

if TYPE_CHECKING:
    import numpy as np

_EXAMPLES = 2
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Part:
    """The output of one shard. An unfinished one has no data files."""

    folder: Path
    manifest: Manifest
    finished: bool


def _files(part: Part, manifest: Manifest, strategy: str | None = None) -> list[Path]:
    strategies = manifest.job["strategies"]
    name = strategies[0] if strategy is None else strategy
    folder = part.folder if len(strategies) == 1 else part.folder / safe_file_name(name)
    return [*sorted((folder / "data").glob("train-*.parquet")), folder / "failed.parquet"]


def indices_of(part: Part, manifest: Manifest) -> np.ndarray[Any, Any]:
    """Return the places of the prompts that a shard has rows or failures for, by its first strategy."""
    import numpy as np

    columns = [_read(path, ["index"])["index"].to_numpy() for path in _files(part, manifest)]
    return np.unique(np.concatenate(columns)).astype(np.int64)


def _read(path: Path, columns: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ConfigError:
    reason = safe_message(str(error)).rstrip(".")
    return ConfigError(f"{path} cannot be read ({reason}); run the shard's command again")


def records_of(part: Part, manifest: Manifest, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Yield some columns of the rows and the failures of a shard's first strategy."""
    for path in _files(part, manifest):
        yield from stream(path, columns)


def stream(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the records of a Parquet file, a few hundred in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def merge_strategy(
    job: Job, strategy: str, parts: Sequence[Part], owners: np.ndarray[Any, Any], staging: Path
) -> tuple[Counts, list[tuple[str, str]]]:
    """Merge the files of one strategy. Return its counts, and examples for the card."""
    folder, size = job.folder(strategy), job.rows_per_file
    rows = PartFiles(folder / "data", staging / "data", row_schema(job.format), size)
    failed = PartFiles(folder, staging / "failed", failure_schema(), size, "failed.parquet")
    pairs = PartFiles(folder / "pairs", staging / "pairs", pair_schema(job.format), size)
    counts, examples = Counts(), list[tuple[str, str]]()
    for record in _in_order(parts, strategy, owners, "data/train-*.parquet"):
        rows.add(record)
        usable = (one["model"] for one in record["candidates"] if one["error"] is None)
        counts.add_row(record["language"], fell_back=record["fallback"] is not None, teachers=usable)
        if len(examples) < _EXAMPLES:
            examples.append(_example(record))
    for record in _in_order(parts, strategy, owners, "failed.parquet"):
        failed.add(record)
        counts.failed[record["reason"]] = counts.failed.get(record["reason"], 0) + 1
    _add_costs(counts, parts, strategy, owners)
    rows.place()
    failed.place()
    if job.pairs:
        for record in _in_order(parts, strategy, owners, "pairs/train-*.parquet"):
            pairs.add(record)
            counts.pairs += 1
        pairs.place()
    return counts, examples


def _in_order(
    parts: Sequence[Part],
    strategy: str,
    owners: np.ndarray[Any, Any],
    pattern: str,
    columns: list[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the records of all parts in the order of the prompts."""

    def own(number: int, part: Part) -> Iterator[dict[str, Any]]:
        several = len(part.manifest.job["strategies"]) > 1
        folder = part.folder / safe_file_name(strategy) if several else part.folder
        for path in sorted(folder.glob(pattern)):
            for record in stream(path, columns):
                if owners[record["index"]] == number:
                    yield record

    streams = [own(number, part) for number, part in enumerate(parts) if part.finished]
    return heapq.merge(*streams, key=lambda record: record["index"])


def _add_costs(counts: Counts, parts: Sequence[Part], strategy: str, owners: np.ndarray[Any, Any]) -> None:
    """Count the costs of rows and failures in the order of the prompts, so that the sum has the digits of one job."""
    columns = ["index", "prompt_tokens", "completion_tokens", "cost"]
    streams = [
        _in_order(parts, strategy, owners, pattern, columns)
        for pattern in ("data/train-*.parquet", "failed.parquet")
    ]
    for record in heapq.merge(*streams, key=lambda record: record["index"]):
        counts.add_cost(record["prompt_tokens"], record["completion_tokens"], record["cost"])


def _example(record: dict[str, Any]) -> tuple[str, str]:
    if "messages" not in record:
        return record["prompt"], record["completion"]
    *turns, answer = record["messages"]
    return "\n\n".join(turn["content"] for turn in turns), answer["content"]
