"""Say what a reader should know about how a run was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from fusion_eval.runs.files import RunFiles
from fusion_eval.runs.sample_files import SampleFile
from fusion_eval.runs.samples import Sample


def absent_note(files: RunFiles, absent: Sequence[str], outcome: str = "which are left out") -> str:
    """Say which tasks have no samples, and what becomes of them."""
    names = f"{', '.join(absent[:3])}{', …' * (len(absent) > 3)}"
    also = " also" if files.samples else ""
    tasks = "1 task" if len(absent) == 1 else f"{len(absent)} tasks"
    return f"{files.path}: the results file{also} has {tasks} without samples, {outcome}: {names}"


def count_difference(file: SampleFile, counted: int, missing: int) -> str:
    """Say how many items the results file counts, and how many are in the sample file, in which some are missing."""
    return (
        f"{file.path}: the results file counts {counted:,} items of {file.task}, "
        f"and {counted - missing:,} are in the file"
    )


def notes_on_nan(file: SampleFile, samples: Sequence[Sample]) -> Iterator[str]:
    """Say for each metric with values that are NaN how many there are, and where the first stands."""
    names = Counter(name for sample in samples for name in sample.not_a_number)
    for name, count in names.items():
        first = next(sample for sample in samples if name in sample.not_a_number)
        more = f" (the first of {count:,} such values)" if count > 1 else ""
        yield f"{file.path}, {first.where}: {name} is NaN{more}, which counts as no value"
