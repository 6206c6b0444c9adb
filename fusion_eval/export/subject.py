"""What is exported: one run, or all that one `fusion-eval run` left in its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import FILE_NAME, Comparison, read_comparison
from fusion_eval.runs.files import run_folders
from fusion_eval.runs.reading import Run, read_runs, with_unique_names
from fusion_eval.text.printable import printable


@dataclass(frozen=True, slots=True)
class Subject:
    """Runs, the baseline first where a comparison says which that is; `comparison` is the one that lies beside them."""

    path: Path
    runs: tuple[Run, ...]
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written; `notes` are sentences on what whoever publishes them should know."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def read_subject(path: Path) -> Subject:
    """The run at `path`, or the runs in the folders right below it. Raises `ConfigError` where there is none."""
    folders = run_folders(path)
    beside = path / FILE_NAME
    comparison = read_comparison(beside) if beside.is_file() else None
    runs = read_runs(folders)
    if (
        path.is_file() and runs[0].signature
    ):  # the folder of a file of ours has the model's name, which is not what answered
        runs = with_unique_names(runs, [runs[0].signature.partition("|")[0]])
    if comparison:
        order = [run.name for run in comparison.runs]
        runs.sort(key=lambda run: order.index(run.name) if run.name in order else len(order))
    return Subject(path, tuple(runs), comparison)


def written(folder: Path, name: str, content: str) -> Path:
    """The file `name` in `folder`, which is made where it is not there yet. Raises `ConfigError` where it cannot be written."""
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror}; name another folder with --output"
        ) from error
    return path


_LONGEST = 100
"""Bytes of a part of a path; file systems take 255."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|data)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, and the root of the shared datastore."""


def file_name(name: str) -> str:
    """A name from a file of others as one part of a path, on any system: it cannot lead out of its folder."""
    safe = re.sub(r'[<>:"/\\|?*]', "_", printable(name)).strip(" ").rstrip(". ")
    if len(safe.encode()) > _LONGEST:
        start = safe.encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")
        safe = f"{start}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
    return f"_{safe}" if not safe or _RESERVED.fullmatch(safe) else safe


def distinct(name: str) -> str:
    """A file's name; names that had to be changed stay apart from those that look alike then."""
    safe = file_name(name)
    return safe if safe == name else f"{safe}-{_digest(name)}"


def distinct_names(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """A file's name for each of several different names, none of them in `taken`; some systems know no capitals."""
    used = {name.casefold() for name in taken}
    made = []
    for name in names:
        safe = distinct(name)
        if safe.casefold() in used:
            safe = f"{file_name(name)}-{_digest(name)}"
        used.add(safe.casefold())
        made.append(safe)
    return made


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:6]
