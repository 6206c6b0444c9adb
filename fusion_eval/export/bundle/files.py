"""`fusion-eval export --format bundle`: all of a result in one archive, which `verify` computes again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.archive import SUMS, pack
from fusion_eval.export.card.page import card
from fusion_eval.export.comparable import compared, is_judged, runs_outside
from fusion_eval.export.subject import Subject, Written, distinct_names
from fusion_eval.export.system import arguments_of
from fusion_eval.export.table.files import write_tables
from fusion_eval.report.comparison_table import as_markdown
from fusion_eval.runs.comparison import FILE_NAME, Comparison, write_comparison
from fusion_eval.runs.reading import Run, read_runs
from fusion_eval.runs.results_file import load_results, section
from fusion_eval.text.redaction import public_note, withheld

SCHEMA_VERSION = 1
NAME, CONTENTS = "bundle.zip", "bundle.json"
VERDICTS, REPORT, CARD = "verdicts.jsonl", "report.md", "card.md"
DRAWN = (CARD, REPORT, "table.md", "table.tex")
"""Drawn from the other files alone, so that they can be drawn again."""
FILES = (CONTENTS, FILE_NAME, VERDICTS, *DRAWN, SUMS)
"""All that a bundle has beside the folders of its runs."""


_TYPED = ("model_args", "gen_kwargs")
"""Arguments that older releases wrote as one text."""


@dataclass(frozen=True, slots=True)
class Contents:
    """`bundle.json`: which folders are runs, the baseline first, and which version of this package drew the rest.

    `names` are what the runs are called, which not every file system could call a folder; empty: as the folders are.
    """

    schema_version: int
    fusion_eval: str
    runs: tuple[str, ...]
    names: tuple[str, ...] = ()


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
    names = [run.name for run in subject.runs]
    folders = distinct_names(names, taken=FILES)
    for run, name in zip(subject.runs, folders, strict=True):
        _copy_run(run, folder / name)
    runs = tuple(
        replace(run, name=name)
        for run, name in zip(read_runs([folder / name for name in folders]), names, strict=True)
    )
    comparison, notes = _comparison(subject)
    if comparison:
        write_comparison(comparison, folder)
        notes += _copy_verdicts(subject.path / VERDICTS, folder, comparison)
    contents = Contents(SCHEMA_VERSION, __version__, tuple(folders), tuple(names))
    (folder / CONTENTS).write_bytes(msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")
    return Subject(folder, runs, comparison), [*notes, *_as_they_are(subject.runs)]


def _comparison(subject: Subject) -> tuple[Comparison | None, list[str]]:
    """The one that goes into the bundle: of its runs alone, as nobody could compute others again."""
    notes = []
    if subject.comparison and (
        others := runs_outside(subject.comparison, [run.name for run in subject.runs])
    ):
        subject = replace(subject, comparison=None)
        notes = [
            f"the comparison beside the runs is of {', '.join(others)} as well, so a new one goes into the bundle"
        ]
    found = compared(subject)
    if found.why_not:
        notes.append(f"no comparison: {found.why_not}")
    comparison = found.judged or found.metrics
    return comparison and _without_places(comparison, subject.runs), notes


def _copy_verdicts(path: Path, folder: Path, comparison: Comparison) -> list[str]:
    if not any(map(is_judged, comparison.rows)):
        return []
    if not path.is_file():
        return [f"there is no {VERDICTS} that the judge's rows could be computed from again"]
    shutil.copyfile(path, folder / VERDICTS)
    return []


def _copy_run(run: Run, folder: Path) -> None:
    """The newest samples of each task, the results files that go with them, and the traces."""
    samples = run.files.samples
    results = {file.results for file in samples if file.results}
    folder.mkdir()
    for path in [*(file.path for file in samples), *results, *run.traces]:
        shutil.copyfile(path, folder / path.name)


def _without_places(comparison: Comparison, runs: Sequence[Run]) -> Comparison:
    """Runs are where the bundle has them, and no longer where they were made."""
    return replace(
        comparison,
        runs=tuple(replace(run, path=run.name) for run in comparison.runs),
        notes=tuple(public_note(note, runs) for note in comparison.notes),
    )


def _as_they_are(runs: Sequence[Run]) -> list[str]:
    """Notes on arguments that a card does not tell, or not in full: the harness's own files are copied byte by byte."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        if names := _withheld(run):
            alike.setdefault(names, []).append(run.name)
    return [
        f"{', '.join(named)}: results files are in the bundle as they are, and with them what a card cuts or leaves out: "
        f"{', '.join(names)}"
        for names, named in alike.items()
    ]


def _withheld(run: Run) -> tuple[str, ...]:
    found: set[str] = set()
    for path in {file.results for file in run.files.samples if file.results}:
        config = section(load_results(path), "config")
        found |= set(
            withheld(
                {name: arguments_of(value) if name in _TYPED else value for name, value in config.items()}
            )
        )
    return tuple(sorted(found))
