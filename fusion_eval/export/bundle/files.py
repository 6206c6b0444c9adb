"""`fusion-eval export --format bundle`: all of a result in one archive, which `verify` computes again."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.comparison import Comparison, write_comparison
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.archive import pack
from fusion_eval.export.card.page import card
from fusion_eval.export.comparable import compared
from fusion_eval.export.subject import Subject, Written, file_name
from fusion_eval.export.table.files import write_tables
from fusion_eval.report.comparison_table import as_markdown
from fusion_eval.runs.files import find
from fusion_eval.runs.run import Run, read_runs

SCHEMA_VERSION = 1
NAME, CONTENTS = "bundle.zip", "bundle.json"
VERDICTS, REPORT, CARD = "verdicts.jsonl", "report.md", "card.md"
DRAWN = (CARD, REPORT, "table.md", "table.tex")
"""Drawn from the other files alone, so that they can be drawn again."""


@dataclass(frozen=True, slots=True)
class Contents:
    """`bundle.json`: which folders are runs, the baseline first, and which version of this package drew the rest."""

    schema_version: int
    fusion_eval: str
    runs: tuple[str, ...]


def write_bundle(subject: Subject, folder: Path) -> Written:
    """`bundle.zip` in `folder`: results, samples, traces, verdicts, comparison, report, tables, card, checksums."""
    with tempfile.TemporaryDirectory() as place:
        staged, notes = _stage(subject, Path(place))
        draw(staged, Path(place))
        return Written((pack(Path(place), folder / NAME),), tuple(notes))


def draw(subject: Subject, folder: Path) -> None:
    """Everything that is drawn from the runs and their comparison."""
    (folder / CARD).write_text(card(subject), encoding="utf-8")
    if subject.comparison:
        (folder / REPORT).write_text(as_markdown(subject.comparison) + "\n", encoding="utf-8")
    try:
        write_tables(subject, folder)
    except ConfigError:  # runs without a results file have no number to put into a table
        return


def _stage(subject: Subject, folder: Path) -> tuple[Subject, list[str]]:
    """The subject again, of copies of its files in `folder`."""
    names = [file_name(Path(run.name).stem if run.path.is_file() else run.name) for run in subject.runs]
    for run, name in zip(subject.runs, names, strict=True):
        _copy_run(run, folder / name)
    runs = tuple(read_runs([folder / name for name in names]))
    found = compared(subject)
    comparison = found.judged or found.metrics
    notes = [f"no comparison: {found.why_not}"] if found.why_not else []
    if comparison:
        write_comparison(_without_places(comparison), folder)
    if (verdicts := subject.path / VERDICTS).is_file():
        shutil.copyfile(verdicts, folder / VERDICTS)
    contents = Contents(SCHEMA_VERSION, __version__, tuple(names))
    (folder / CONTENTS).write_bytes(msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")
    return Subject(folder, runs, _without_places(comparison) if comparison else None), notes


def _copy_run(run: Run, folder: Path) -> None:
    """The newest samples of each task, the results files that go with them, and the traces."""
    samples = find(run.path).samples
    results = {file.results for file in samples if file.results}
    folder.mkdir()
    for path in [*(file.path for file in samples), *results, *run.traces]:
        shutil.copyfile(path, folder / path.name)


def _without_places(comparison: Comparison) -> Comparison:
    """Runs are where the bundle has them, and no longer where they were made."""
    return replace(comparison, runs=tuple(replace(run, path=run.name) for run in comparison.runs))
