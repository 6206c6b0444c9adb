"""Merge the parts of a job that machines made by themselves: the union, with what is there twice and what is missing."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.locking import lock_folder
from fusion_eval.runs.writing import check_folder, write_file
from fusion_eval.synth.card import dataset_card, index_card
from fusion_eval.synth.files import PartFiles, staging_folder
from fusion_eval.synth.job import Job, Shard
from fusion_eval.synth.manifest import Counts, Manifest, check_output, read_manifest, write_manifest
from fusion_eval.synth.tables import failure_schema, pair_schema, row_schema
from fusion_eval.text.file_names import safe_file_name

if TYPE_CHECKING:
    import numpy as np

_EXAMPLES = 2
_BATCH = 256
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge found and wrote."""

    output: Path
    prompts: int
    """How many prompts the source has."""
    strategies: dict[str, Counts]
    overlapping: int
    """Prompts that several folders answered; the first folder's answer counts."""
    missing: int
    """Prompts that no folder answered."""
    missing_parts: tuple[str, ...]
    """The shards that are not there or not finished, as `i/n`."""
    repeated: int
    """Prompts of the source that repeat an earlier one word for word."""


@dataclass(frozen=True, slots=True)
class _Part:
    folder: Path
    manifest: Manifest
    finished: bool


def merge(
    folders: Sequence[Path], output: Path, *, allow_overlap: bool = False, command: tuple[str, ...] = ()
) -> Merged:
    """Write the union of the shards of one job.

    Args:
        folders: The outputs of `fusion-eval synth`.
        output: Where the union goes.
        allow_overlap: Keep the first folder's answer where several answered a prompt, instead of raising an error.
        command: The words of the command line, for the card.

    Raises:
        ConfigError: A folder is none of this job, shards overlap, or the output holds something else.
    """
    check_folder(output)
    parts = _read_parts(folders, output)
    first = parts[0].manifest
    owners, repeated = _owners(parts)
    overlapping = sum(len(_indices(part, first)) for part in parts if part.finished) - int(
        (owners != _NOBODY).sum()
    )
    if overlapping and not allow_overlap:
        raise ConfigError(
            f"The shards overlap: {overlapping:,} prompts are in more than one of the {len(parts)} folders. Leave out the "
            "folder that is too much, or add --allow_overlap to keep the first folder's rows"
        )
    job = _job_of(first, output, command)
    manifest = Manifest(
        first.job, first.digest, str(Shard()), first.version, len(owners), license=first.license
    )
    with lock_folder(output), staging_folder(output) as staging:
        check_output(output, manifest)
        counts = {
            strategy: _merge_strategy(job, strategy, parts, owners, staging / safe_file_name(strategy))
            for strategy in job.strategies
        }
        manifest.strategies = {strategy: one for strategy, (one, _) in counts.items()}
        manifest.cost = _sum([part.manifest.cost for part in parts if part.finished])
        for strategy, (one, examples) in counts.items():
            card = dataset_card(job, strategy, one, manifest, examples)
            write_file(job.folder(strategy) / "README.md", card.encode())
        if len(job.strategies) > 1:
            write_file(output / "README.md", index_card(job, manifest).encode())
        write_manifest(output, manifest)
    missing = int((owners == _NOBODY).sum())
    return Merged(
        output, len(owners), manifest.strategies, overlapping, missing, _missing_parts(parts), repeated
    )


def _read_parts(folders: Sequence[Path], output: Path) -> list[_Part]:
    parts: list[_Part] = []
    for folder in folders:
        if folder.resolve() == output.resolve():
            raise ConfigError(f"--output {output} is one of the folders to merge; name another")
        manifest = read_manifest(folder)
        parts.append(_Part(folder, manifest, manifest.prompts is not None))
    first = parts[0].manifest
    for part in parts[1:]:
        if part.manifest.digest != first.digest:
            name = next((n for n in first.job if first.job[n] != part.manifest.job.get(n)), "job")
            raise ConfigError(
                f"{part.folder} is of another job than {parts[0].folder}: its {name} differs; merge the shards of one job"
            )
    if not any(part.finished for part in parts):
        raise ConfigError(f"None of the {len(parts)} folders is finished; run their commands again")
    return parts


def _owners(parts: Sequence[_Part]) -> tuple[np.ndarray[Any, Any], int]:
    """Return for each prompt the number of the first part that answered it, and how many prompts are repeated."""
    import numpy as np

    owners = np.full(max(part.manifest.prompts or 0 for part in parts), _NOBODY, dtype=np.int32)
    ids: set[int] = set()
    answered = 0
    for number, part in enumerate(parts):
        if not part.finished:
            continue
        indices = _indices(part, part.manifest)
        free = indices[owners[indices] == _NOBODY]
        owners[free] = number
    for number, part in enumerate(parts):
        for record in _records(part, part.manifest, ["id", "index"]) if part.finished else ():
            if owners[record["index"]] == number:
                answered += 1
                ids.add(hash(record["id"]))
    return owners, answered - len(ids)


def _files(part: _Part, manifest: Manifest, strategy: str | None = None) -> list[Path]:
    strategies = manifest.job["strategies"]
    name = strategies[0] if strategy is None else strategy
    folder = part.folder if len(strategies) == 1 else part.folder / safe_file_name(name)
    return [*sorted((folder / "data").glob("train-*.parquet")), folder / "failed.parquet"]


def _indices(part: _Part, manifest: Manifest) -> np.ndarray[Any, Any]:
    import numpy as np

    columns = [_read(path, ["index"])["index"].to_numpy() for path in _files(part, manifest)]
    return np.unique(np.concatenate(columns)).astype(np.int64)


def _read(path: Path, columns: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path} cannot be read ({error}); run the shard's command again") from error


def _records(part: _Part, manifest: Manifest, columns: list[str]) -> Iterator[dict[str, Any]]:
    for path in _files(part, manifest):
        yield from _stream(path, columns)


def _stream(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
            yield from batch.to_pylist()


def _merge_strategy(
    job: Job, strategy: str, parts: Sequence[_Part], owners: np.ndarray[Any, Any], staging: Path
) -> tuple[Counts, list[tuple[str, str]]]:
    """Merge the files of one strategy. Return its counts, and examples for the card."""
    folder, size = job.folder(strategy), job.rows_per_file
    rows = PartFiles(folder / "data", staging / "data", row_schema(job.format), size)
    failed = PartFiles(folder, staging / "failed", failure_schema(), size, "failed.parquet")
    pairs = PartFiles(folder / "pairs", staging / "pairs", pair_schema(job.format), size)
    counts, examples = Counts(), list[tuple[str, str]]()
    for record in _in_order(parts, strategy, owners, "data/train-*.parquet"):
        rows.add(record)
        _count(counts, record)
        if len(examples) < _EXAMPLES:
            examples.append(_example(record))
    for record in _in_order(parts, strategy, owners, "failed.parquet"):
        failed.add(record)
        counts.failed[record["reason"]] = counts.failed.get(record["reason"], 0) + 1
        _count_cost(counts, record)
    rows.place()
    failed.place()
    if job.pairs:
        for record in _in_order(parts, strategy, owners, "pairs/train-*.parquet"):
            pairs.add(record)
            counts.pairs += 1
        pairs.place()
    return counts, examples


def _in_order(
    parts: Sequence[_Part], strategy: str, owners: np.ndarray[Any, Any], pattern: str
) -> Iterator[dict[str, Any]]:
    """Yield the records of all parts in the order of the prompts."""

    def own(number: int, part: _Part) -> Iterator[dict[str, Any]]:
        several = len(part.manifest.job["strategies"]) > 1
        folder = part.folder / safe_file_name(strategy) if several else part.folder
        for path in sorted(folder.glob(pattern)):
            for record in _stream(path):
                if owners[record["index"]] == number:
                    yield record

    streams = [own(number, part) for number, part in enumerate(parts) if part.finished]
    return heapq.merge(*streams, key=lambda record: record["index"])


def _count(counts: Counts, record: dict[str, Any]) -> None:
    counts.rows += 1
    counts.fallbacks += record["fallback"] is not None
    language = record["language"] or ""
    counts.languages[language] = counts.languages.get(language, 0) + 1
    for candidate in record["candidates"]:
        if candidate["error"] is None:
            counts.teachers[candidate["model"]] = counts.teachers.get(candidate["model"], 0) + 1
    _count_cost(counts, record)


def _count_cost(counts: Counts, record: dict[str, Any]) -> None:
    counts.prompt_tokens += record["prompt_tokens"]
    counts.completion_tokens += record["completion_tokens"]
    counts.cost = _sum([counts.cost, record["cost"] if record["completion_tokens"] else 0.0])


def _sum(costs: Sequence[float | None]) -> float | None:
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _example(record: dict[str, Any]) -> tuple[str, str]:
    if "messages" not in record:
        return record["prompt"], record["completion"]
    *turns, answer = record["messages"]
    return "\n\n".join(turn["content"] for turn in turns), answer["content"]


def _missing_parts(parts: Sequence[_Part]) -> tuple[str, ...]:
    of = max(int(part.manifest.shard.partition("/")[2]) for part in parts)
    there = {part.manifest.shard for part in parts if part.finished}
    if "0/1" in there:
        return ()
    return tuple(shard for shard in (f"{number}/{of}" for number in range(of)) if shard not in there)


def _job_of(manifest: Manifest, output: Path, command: tuple[str, ...]) -> Job:
    job = manifest.job
    made = Job(
        output=output, prompts=job["prompts"], strategies=tuple(job["strategies"]), format=job["format"]
    )
    return replace(made, pairs=job["pairs"], rows_per_file=job["rows_per_file"], command=command)
