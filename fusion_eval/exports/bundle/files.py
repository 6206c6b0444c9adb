"""`fusion-eval export --format bundle`: write all files of a result into one archive."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.archive import SUMS, pack
from fusion_eval.exports.card.page import card
from fusion_eval.exports.comparable import find_comparisons, is_judged, runs_outside
from fusion_eval.exports.subject import ExportedFiles, Subject, folder_names
from fusion_eval.exports.system import arguments_of
from fusion_eval.exports.table.score_tables import write_tables
from fusion_eval.report.comparison_table import as_markdown
from fusion_eval.runs.comparison import FILE_NAME, Comparison, write_comparison
from fusion_eval.runs.reading import Run, read_runs
from fusion_eval.runs.reported_tasks import only_sampled
from fusion_eval.runs.results_file import load_results, section
from fusion_eval.runs.traces import read_traces
from fusion_eval.runs.verdicts import FILE_NAME as VERDICTS
from fusion_eval.text.redaction import public_note, withheld

SCHEMA_VERSION = 1
NAME, CONTENTS = "bundle.zip", "bundle.json"
REPORT, CARD = "report.md", "card.md"
DRAWN = (CARD, REPORT, "table.md", "table.tex")
"""Pages that are drawn from the other files of the bundle."""
FILES = (CONTENTS, FILE_NAME, VERDICTS, *DRAWN, SUMS)
"""All files of a bundle outside of the folders of its runs."""
_LISTS_OF_ARGUMENTS = ("model_args", "gen_kwargs")
"""Parts of a results file that older releases wrote as one text."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of `bundle.json`."""

    schema_version: int
    fusion_eval: str
    """The version that wrote the bundle."""
    runs: tuple[str, ...]
    """The folders of the runs, the baseline first."""
    names: tuple[str, ...] = ()
    """The names of the runs, which may not be possible as folders. If empty, the folders' names."""


def write_bundle(subject: Subject, folder: Path) -> ExportedFiles:
    """Write `bundle.zip` to `folder`.

    It holds results, samples, traces, verdicts, the comparison, a report, tables, a card and checksums.

    Raises:
        ConfigError: A run has no samples, or the bundle cannot be written.
    """
    if len(only_sampled(subject.runs)) < len(subject.runs):
        raise ConfigError(
            f"{subject.path} has results and no samples, from which a bundle's numbers are computed again; "
            "run lm_eval again with --log_samples, or export --format table"
        )
    for run in subject.runs:
        if cut := [task for task, part in run.tasks.items() if part.samples and not part.complete]:
            raise ConfigError(
                f"{run.path}: samples of {', '.join(cut[:3])} are missing, and a bundle's numbers are computed again from "
                "all of them; export another format"
            )
    with tempfile.TemporaryDirectory() as place:
        copy, notes = _copy_subject(subject, Path(place))
        draw_pages(copy, Path(place))
        return ExportedFiles((pack(Path(place), folder / NAME),), tuple(notes))


def draw_pages(subject: Subject, folder: Path) -> None:
    """Write the pages of `DRAWN` to `folder`. Runs without a results file have no tables."""
    (folder / CARD).write_text(card(subject), encoding="utf-8")
    if subject.comparison:
        (folder / REPORT).write_text(as_markdown(subject.comparison) + "\n", encoding="utf-8")
    try:
        write_tables(subject, folder)
    except ConfigError:  # there is no number for a table
        return


def _copy_subject(subject: Subject, folder: Path) -> tuple[Subject, list[str]]:
    """Copy the files of a subject to `folder`. Return the copy, and notes."""
    names = [run.name for run in subject.runs]
    folders = folder_names(subject.runs, taken=FILES)
    for run, name in zip(subject.runs, folders, strict=True):
        _copy_run(run, folder / name)
    copies = read_runs([folder / name for name in folders])
    runs = tuple(replace(run, name=name) for run, name in zip(copies, names, strict=True))
    comparison, notes = _comparison(subject)
    if comparison:
        write_comparison(comparison, folder)
        notes += _copy_verdicts(subject.path / VERDICTS, folder, comparison)
    contents = Contents(SCHEMA_VERSION, __version__, tuple(folders), tuple(names))
    (folder / CONTENTS).write_bytes(msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")
    return Subject(folder, runs, comparison), [*notes, *_privacy_notes(subject.runs)]


def _comparison(subject: Subject) -> tuple[Comparison | None, list[str]]:
    """Return the comparison for the bundle, and notes. It is of the bundle's runs alone: no others can be verified."""
    notes = []
    if subject.comparison and (
        others := runs_outside(subject.comparison, [run.name for run in subject.runs])
    ):
        subject = replace(subject, comparison=None)
        notes = [f"the comparison beside the runs also has {', '.join(others)}, so the bundle gets a new one"]
    comparisons = find_comparisons(subject)
    if comparisons.why_not_comparable:
        notes.append(f"no comparison: {comparisons.why_not_comparable}")
    comparison = comparisons.judged or comparisons.metrics
    return comparison and _without_paths(comparison, subject.runs), notes


def _copy_verdicts(path: Path, folder: Path, comparison: Comparison) -> list[str]:
    if not any(map(is_judged, comparison.rows)):
        return []
    if not path.is_file():
        return [f"there is no {VERDICTS} from which the judge's rows could be computed again"]
    shutil.copyfile(path, folder / VERDICTS)
    return []


def _copy_run(run: Run, folder: Path) -> None:
    """Copy the newest samples of each task, the results files that belong to them, and the traces."""
    samples = run.files.samples
    results = {file.results for file in samples if file.results}
    folder.mkdir()
    for path in [*(file.path for file in samples), *results]:
        # No system but Windows minds a colon in a name; the name of a results file has no meaning but its date.
        name = path.name.replace(":", "_") if path in results else path.name
        shutil.copyfile(path, folder / name.replace("\\", "_"))
    for path in run.traces:
        _copy_traces(path, folder / path.name)


def _copy_traces(path: Path, target: Path) -> None:
    """Copy a trace file after reading it, so that a bundle holds no file that is something else.

    Raises:
        ConfigError: The file is a link to a file elsewhere, or holds something else than traces.
    """
    if not path.is_file() or path.resolve().parent != path.parent.resolve():
        raise ConfigError(
            f"{path} is no file of the run but a link to one elsewhere, which a bundle does not copy; remove the link, or put "
            "the traces in its place"
        )
    for _ in read_traces(path):
        pass
    shutil.copyfile(path, target)


def _without_paths(comparison: Comparison, runs: Sequence[Run]) -> Comparison:
    """Replace the paths of the runs by their names."""
    return replace(
        comparison,
        runs=tuple(replace(run, path=run.name) for run in comparison.runs),
        notes=tuple(public_note(note, runs) for note in comparison.notes),
    )


def _privacy_notes(runs: Sequence[Run]) -> list[str]:
    """Name the arguments that a card hides or cuts: the bundle has the results files as the harness wrote them."""
    runs_by_arguments: dict[tuple[str, ...], list[str]] = {}
    for run in runs:
        if arguments := _withheld(run):
            runs_by_arguments.setdefault(arguments, []).append(run.name)
    return [
        f"{', '.join(names)}: the bundle has the results files unchanged, with arguments that a card cuts or leaves out: "
        f"{', '.join(arguments)}"
        for arguments, names in runs_by_arguments.items()
    ]


def _withheld(run: Run) -> tuple[str, ...]:
    names: set[str] = set()
    for path in {file.results for file in run.files.samples if file.results}:
        config = section(load_results(path), "config")
        arguments = {
            name: arguments_of(value) if name in _LISTS_OF_ARGUMENTS else value
            for name, value in config.items()
        }
        names |= set(withheld(arguments))
    return tuple(sorted(names))
