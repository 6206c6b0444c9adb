"""`fusion-eval verify`: every number of a bundle, computed again from the samples, without a model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.archive import unpack, wrong_sums
from fusion_eval.export.bundle.files import CONTENTS, DRAWN, FILES, SCHEMA_VERSION, VERDICTS, Contents, draw
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.bundle.verify_comparison import verify_comparison
from fusion_eval.export.bundle.verify_results import verify_results
from fusion_eval.export.bundle.verify_traces import verify_traces
from fusion_eval.export.subject import Subject
from fusion_eval.runs.comparison import FILE_NAME, Comparison, read_comparison
from fusion_eval.runs.reading import Run, read_runs


@dataclass(frozen=True, slots=True)
class Verified:
    """Sentences on what differs, and on what could not be computed again; `left` counts the rows of that."""

    numbers: int
    left: int
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The last line of what is printed."""
        left = f"; {self.left:,} rows could not be computed again" if self.left else ""
        if self.differences:
            return (
                f"{len(self.differences):,} differences; {self.numbers:,} numbers were computed again{left}"
            )
        if left:
            return f"{self.numbers:,} numbers agree{left}"
        return f"all {self.numbers:,} numbers that were computed again agree"


def verify(bundle: Path) -> Verified:
    """Of an archive, or of the folder that it unpacks to.

    Checksums; values, standard errors and groups of the results files; the rows of the comparison; counts, tokens and dollars by the
    traces; the answers of the samples by the traces; and what is drawn from all this. The values of single items are the
    samples' own, and replies the judges': they are what everything else rests on. So are words: how a run was made, notes.
    Raises `ConfigError` for what is no bundle, or damaged.
    """
    if bundle.is_dir():
        return _verify(bundle)
    with tempfile.TemporaryDirectory() as place:
        unpack(bundle, Path(place))
        return _verify(Path(place))


def _verify(folder: Path) -> Verified:
    contents = _contents(folder)
    findings = Findings(differences=wrong_sums(folder))
    runs = _runs(folder, contents)
    for run in runs:
        verify_results(run, findings)
        verify_traces(run, findings)
    comparison = _comparison(folder, findings)
    if comparison:
        verify_comparison(comparison, runs, folder / VERDICTS, findings)
    elif len(runs) > 1:
        findings.notes.append(f"there is no {FILE_NAME} of these runs")
    findings.notes += _strays(folder, contents)
    if contents.fusion_eval == __version__:
        _verify_drawn(Subject(folder, runs, comparison), findings)
    else:
        findings.leave(
            f"{', '.join(DRAWN)} were drawn by version {contents.fusion_eval} and are not drawn again by {__version__}",
            sum((folder / name).exists() for name in DRAWN),
        )
    return Verified(
        findings.checked, findings.left, tuple(findings.differences), tuple(dict.fromkeys(findings.notes))
    )


def _contents(folder: Path) -> Contents:
    path = folder / CONTENTS
    try:
        contents = msgspec.json.decode(path.read_bytes(), type=Contents)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The bundle has no {CONTENTS} that can be read, so it is none of ours: {error}"
        ) from error
    if contents.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"The bundle has schema_version {contents.schema_version}, and this version reads {SCHEMA_VERSION}"
        )
    if not contents.runs:
        raise ConfigError(f"{CONTENTS} names no run, so there is nothing to compute again")
    names = contents.names or contents.runs
    if not len(set(names)) == len(names) == len(contents.runs):
        raise ConfigError(f"{CONTENTS} has not one name for each of its runs")
    return contents


def _runs(folder: Path, contents: Contents) -> tuple[Run, ...]:
    found = read_runs([_run_folder(folder, name) for name in contents.runs])
    return tuple(
        replace(run, name=name) for run, name in zip(found, contents.names or contents.runs, strict=True)
    )


def _comparison(folder: Path, findings: Findings) -> Comparison | None:
    """None where there is none, or nothing in it, of which no report could be drawn."""
    path = folder / FILE_NAME
    comparison = read_comparison(path) if path.is_file() else None
    if comparison and not (comparison.rows and comparison.runs):
        findings.differences.append("comparison: it has no rows, or no runs")
        return None
    return comparison


def _strays(folder: Path, contents: Contents) -> list[str]:
    """Notes on what lies in a bundle that none is made with, and that may look like a part of it."""
    known = {*FILES, *contents.runs}
    return [
        f"{path.name} is no part of a bundle, and is not looked at"
        for path in sorted(folder.iterdir())
        if path.name not in known
    ]


def _run_folder(folder: Path, name: str) -> Path:
    if name in ("", ".", "..") or "/" in name or "\\" in name or not (folder / name).is_dir():
        raise ConfigError(f"{CONTENTS} names a run '{name}', which the bundle does not have")
    return folder / name


def _verify_drawn(subject: Subject, findings: Findings) -> None:
    with tempfile.TemporaryDirectory() as place:
        draw(subject, Path(place))
        for name in DRAWN:
            there, again = subject.path / name, Path(place) / name
            if there.exists() != again.exists() or (
                there.exists() and there.read_bytes() != again.read_bytes()
            ):
                findings.differences.append(f"{name} is not what the results, samples and comparison give")
