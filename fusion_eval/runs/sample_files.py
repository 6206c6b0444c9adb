"""Tell sample files and results files from others, and find the results file of a sample file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fusion_eval.runs.results_file import has_results, load_results, section
from fusion_eval.runs.samples import has_sample
from fusion_eval.runs.traces import FILE_NAME
from fusion_eval.types import without_surrogates

_TRACES = Path(FILE_NAME).stem
_DATE = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
_SAMPLES = re.compile(rf"samples_(.+)_({_DATE})\.jsonl?(?:\.gz)?")
_RESULTS = re.compile(rf".+_({_DATE})\.json(?:\.gz)?|results\.json(?:\.gz)?")
_UNDATED = ("results.json", "results.json.gz")
FILES = "*.json*"
OTHER_FILES = ("comparison.json", "bundle.json", "verdicts.jsonl")
"""Files that this package leaves beside runs."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """The samples of one task. `results` is the results file that was written with them, if there is one."""

    task: str
    path: Path
    date: str
    results: Path | None

    @property
    def names_its_task(self) -> bool:
        """Whether the file's name, or the results file, tells the task's name."""
        if self.results is None:
            return bool(_SAMPLES.fullmatch(self.path.name))
        return True


def is_results(file: Path) -> bool:
    """Recognize results files by name, and those of another name by their content."""
    if (
        not file.name.endswith((".json", ".json.gz"))
        or not file.is_file()
        or file.name in OTHER_FILES
        or _SAMPLES.fullmatch(file.name)
    ):
        return False
    # A .json.gz of another name is a baseline as a rule.
    return bool(_RESULTS.fullmatch(file.name)) or (file.suffix == ".json" and has_results(file))


def is_samples(file: Path) -> bool:
    """Recognize sample files by name. Releases before 0.4.3 wrote `<anything>_<task>.jsonl` beside a `results.json`."""
    if _SAMPLES.fullmatch(file.name):
        return file.is_file()
    return (
        file.name.endswith((".jsonl", ".jsonl.gz"))
        and file.is_file()
        and file.name not in OTHER_FILES
        and not file.name.startswith(_TRACES)
        and has_sample(file)
    )


def sample_file(samples: Path, root: Path | None = None) -> SampleFile:
    """Pair a sample file with the results file of the same date, in its folder or in one above up to `root`.

    A file without a date in its name is paired with `results.json`, or with the only results file beside it. So is a
    file with a date if no results file has that date.
    """
    named = _SAMPLES.fullmatch(samples.name)
    date = named[2] if named else ""
    results = None
    for folder in (samples.parent, *samples.parent.parents):
        beside = sorted(folder.glob(f"*_{date}.json*" if date else FILES))
        same_date = [file for file in beside if is_results(file)]
        if not date:
            same_date = [file for file in same_date if file.name in _UNDATED] or same_date
        if same_date and (date or len(same_date) == 1):
            results = same_date[0]
        elif date:
            results = _results_without_date(folder, named[1] if named else "")
        if results or root is None or folder == root:
            break
    return SampleFile(_task_name(samples, results), samples, date, results)


def _results_without_date(folder: Path, stem: str) -> Path | None:
    """Return the folder's only results file if its name has no date, as after renaming, and it has the task.

    None if the sample files beside it have several dates: the file could be of any.
    """
    dates = {named[2] for file in folder.glob(FILES) if (named := _SAMPLES.fullmatch(file.name))}
    files = [file for file in sorted(folder.glob(FILES)) if is_results(file)]
    if len(dates) > 1 or len(files) != 1 or re.search(_DATE, files[0].name):
        return None
    tasks = section(load_results(files[0]), "results")
    return files[0] if any(stem in (task, re.sub(r"\W", "_", task)) for task in tasks) else None


def _task_name(samples: Path, results: Path | None) -> str:
    """Return the task's name as the results file has it. In file names some characters are replaced."""
    named = _SAMPLES.fullmatch(samples.name)
    stem = named[1] if named else samples.name.removesuffix(".gz").removesuffix(".jsonl")
    known = list(section(load_results(results), "configs")) if results else []
    for task in sorted(known, key=len, reverse=True):
        spellings = {task, re.sub(r"\W", "_", task)}
        if stem in spellings or (not named and any(stem.endswith(f"_{name}") for name in spellings)):
            return str(task)
    return without_surrogates(stem)
