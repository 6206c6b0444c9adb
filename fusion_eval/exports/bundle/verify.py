"""`fusion-eval verify`: compute every number of a bundle again from its samples, without a model."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.archive import unpack, wrong_sums
from fusion_eval.exports.bundle.differ import Differ
from fusion_eval.exports.bundle.files import (
    CONTENTS,
    DRAWN,
    FILES,
    SCHEMA_VERSION,
    Contents,
    draw_pages,
)
from fusion_eval.exports.bundle.rebuild_comparison import compare_comparison
from fusion_eval.exports.bundle.rebuild_judging import compare_judging, has_judging
from fusion_eval.exports.bundle.rebuild_scores import compare_scores
from fusion_eval.exports.bundle.rebuild_traces import compare_traces
from fusion_eval.exports.subject import Subject
from fusion_eval.runs.comparison import FILE_NAME, Comparison, read_comparison
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.verdicts import FILE_NAME as VERDICTS
from fusion_eval.text.parse_errors import why_unreadable


def verify(bundle: Path) -> Differ:
    """Compute the numbers of a bundle again, and compare them with those in its files.

    This checks the checksums; the results files, totals and answers; the rows of the comparison; a judge's verdicts;
    and the pages that are drawn from these. The values of single items and the judges' replies are taken as they are,
    because everything else is computed from them. Texts on how a run was made are not checked either.

    Args:
        bundle: The archive, or the folder that it was unpacked to.

    Raises:
        ConfigError: `bundle` is not a bundle, or is damaged.
    """
    if bundle.is_dir():
        return _verify(bundle)
    with tempfile.TemporaryDirectory() as folder:
        unpack(bundle, Path(folder))
        return _verify(Path(folder))


def _verify(folder: Path) -> Differ:
    contents = _contents(folder)
    differ = Differ(differences=wrong_sums(folder))
    found = read_runs([_run_folder(folder, name) for name in contents.runs])
    names = contents.names or contents.runs
    runs = tuple(replace(run, name=name) for run, name in zip(found, names, strict=True))
    for run in runs:
        compare_scores(run, differ)
        compare_traces(run, differ)
    comparison = _comparison(folder, differ)
    if comparison:
        compare_comparison(comparison, runs, differ)
        if has_judging(comparison):
            compare_judging(comparison, runs, folder / VERDICTS, differ)
        elif (folder / VERDICTS).is_file():
            differ.note(f"comparison: no row is of {VERDICTS}")
    elif len(runs) > 1:
        differ.note(f"there is no {FILE_NAME} of these runs")
    strays = {path.name for path in folder.iterdir()} - {*FILES, *contents.runs}
    for name in sorted(strays):
        differ.note(f"{name} is no part of a bundle, and is not looked at")
    _compare_drawn(Subject(folder, runs, comparison), contents.fusion_eval, differ)
    return differ


def _contents(folder: Path) -> Contents:
    try:
        content = (folder / CONTENTS).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The bundle has no {CONTENTS} that can be read, so fusion-eval did not write it; name a bundle.zip that "
            "fusion-eval export --format bundle wrote, or the folder it was unpacked to"
        ) from error
    try:
        contents = msgspec.json.decode(content, type=Contents)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"The bundle has no {CONTENTS} that can be read, so fusion-eval did not write it: {why_unreadable(error, content)}"
        ) from error
    if contents.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"The bundle has schema_version {contents.schema_version}, and this version reads {SCHEMA_VERSION}"
        )
    if not contents.runs:
        raise ConfigError(f"{CONTENTS} names no run, so there is nothing to compute again")
    names = contents.names or contents.runs
    if not len(set(names)) == len(names) == len(contents.runs):
        raise ConfigError(f"{CONTENTS} does not have one name for each of its runs")
    return contents


def _run_folder(folder: Path, name: str) -> Path:
    if name in ("", ".", "..") or "/" in name or "\\" in name or not (folder / name).is_dir():
        raise ConfigError(f"{CONTENTS} names a run '{name}', which the bundle does not have")
    return folder / name


def _comparison(folder: Path, differ: Differ) -> Comparison | None:
    """Return the comparison; None if there is none, or if it is empty and no report can be drawn of it."""
    path = folder / FILE_NAME
    comparison = read_comparison(path) if path.is_file() else None
    if comparison and not (comparison.rows and comparison.runs):
        differ.differences.append("comparison: it has no rows, or no runs")
        return None
    return comparison


def _compare_drawn(subject: Subject, version: str, differ: Differ) -> None:
    """Draw the pages of a bundle again, and compare them. Other versions draw them differently."""
    if version != __version__:
        for name in DRAWN:
            if (subject.path / name).exists():
                differ.skip(f"{name} was drawn by version {version}, and this is {__version__}")
        return
    with tempfile.TemporaryDirectory() as folder:
        draw_pages(subject, Path(folder))
        for name in DRAWN:
            differ.compare(name, _content(subject.path / name), _content(Path(folder) / name))


def _content(path: Path) -> str | None:
    return path.read_bytes().decode(errors="replace") if path.exists() else None
