"""Merge the parts of a job that machines made by themselves: the union, with what is there twice and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.locking import lock_folder
from fusion_eval.runs.usage import sum_of_all
from fusion_eval.runs.writing import check_folder, write_file
from fusion_eval.synth.card import dataset_card, index_card
from fusion_eval.synth.files import staging_folder
from fusion_eval.synth.job import Job, Shard
from fusion_eval.synth.manifest import Counts, Manifest, check_output, read_manifest, write_manifest
from fusion_eval.synth.merge_files import Part, indices_of, merge_strategy, records_of
from fusion_eval.text.file_names import safe_file_name

if TYPE_CHECKING:
    import numpy as np

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
    """Prompts with the id of an earlier one. Without `--columns id=`, they repeat it word for word."""


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
    overlapping = sum(len(indices_of(part, first)) for part in parts if part.finished) - int(
        (owners != _NOBODY).sum()
    )
    if overlapping and not allow_overlap:
        raise ConfigError(
            f"The shards overlap: {overlapping:,} prompts are in more than one of the {len(parts)} folders. Leave out the "
            "folder that is too much, or add --allow_overlap to keep the first folder's rows"
        )
    job = _job_of(first, output, command)
    manifest = Manifest(first.job, first.digest, str(Shard()), first.version, len(owners))
    with lock_folder(output), staging_folder(output) as staging:
        check_output(output, manifest)
        counts = {
            strategy: merge_strategy(job, strategy, parts, owners, staging / safe_file_name(strategy))
            for strategy in job.strategies
        }
        manifest.strategies = {strategy: one for strategy, (one, _) in counts.items()}
        manifest.cost = sum_of_all(part.manifest.cost for part in parts if part.finished)
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


def _read_parts(folders: Sequence[Path], output: Path) -> list[Part]:
    parts: list[Part] = []
    if not folders:
        raise ConfigError("merge needs a folder with a part, or several")
    for folder in folders:
        if folder.resolve() == output.resolve():
            raise ConfigError(f"--output {output} is one of the folders to merge; name another")
        manifest = read_manifest(folder)
        parts.append(Part(folder, manifest, manifest.prompts is not None))
    first = parts[0].manifest
    for part in parts[1:]:
        if part.manifest.digest != first.digest:
            name = next((n for n in first.job if first.job[n] != part.manifest.job.get(n)), "job")
            raise ConfigError(
                f"{part.folder} is of another job than {parts[0].folder}: its {name} differs; merge the shards of one job"
            )
    sizes = {part.manifest.prompts: part.folder for part in parts if part.finished}
    if len(sizes) > 1:
        (size, folder), (other_size, other), *_ = sizes.items()
        raise ConfigError(
            f"{folder} was made of {size:,} prompts and {other} of {other_size:,}; merge shards of the same prompts"
        )
    if not sizes:
        raise ConfigError(f"None of the {len(parts)} folders is finished; run their commands again")
    return parts


def _owners(parts: Sequence[Part]) -> tuple[np.ndarray[Any, Any], int]:
    """Return for each prompt the number of the first part that answered it, and how many prompts are repeated."""
    import numpy as np

    owners = np.full(max(part.manifest.prompts or 0 for part in parts), _NOBODY, dtype=np.int32)
    ids: set[int] = set()
    answered = 0
    for number, part in enumerate(parts):
        if not part.finished:
            continue
        indices = indices_of(part, part.manifest)
        free = indices[owners[indices] == _NOBODY]
        owners[free] = number
    for number, part in enumerate(parts):
        for record in records_of(part, part.manifest, ["id", "index"]) if part.finished else ():
            if owners[record["index"]] == number:
                answered += 1
                ids.add(hash(record["id"]))
    return owners, answered - len(ids)


def _missing_parts(parts: Sequence[Part]) -> tuple[str, ...]:
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
