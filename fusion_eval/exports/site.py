"""Write a folder for any static host: the report of each comparison in a folder, and an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fusion_eval.errors import ConfigError
from fusion_eval.exports.subject import ExportedFiles
from fusion_eval.report.html.charts import INSTALL
from fusion_eval.report.html.pictures import can_draw, draw
from fusion_eval.report.html.report import FILE_NAME, Report, write_page
from fusion_eval.report.html.report_charts import report_charts
from fusion_eval.report.html.site import SitePage, site_index
from fusion_eval.runs.beside_runs import analysis_beside, compared_folders, verdicts_beside
from fusion_eval.runs.comparison import FILE_NAME as COMPARISON
from fusion_eval.runs.comparison import Comparison, read_comparison
from fusion_eval.runs.reading import Run, read_runs, with_unique_names
from fusion_eval.runs.writing import write_file
from fusion_eval.text.file_names import safe_file_name

_INDEX = "index.html"
_WARNING = "the site holds the prompts, answers and verdicts of the runs; look at it before you publish it"
_DEEPEST = ("", "*/", "*/*/")
"""Where comparisons are looked for: in the folder, in its folders, and in theirs, as `judge --output out/demo/judged`."""


def write_site(path: Path, output: Path, allow_partial: bool = False) -> ExportedFiles:
    """Write `index.html`, and `NAME/report.html` of each folder with a comparison.

    A comparison whose runs are not there any more is left out, and noted.

    Args:
        path: A folder that `fusion-eval run` or `compare --output` wrote, or a folder of such folders.
        output: The folder to write to.
        allow_partial: Read runs whose sample files lack items.

    Raises:
        ConfigError: No folder has a comparison with its runs, or a comparison cannot be read.
    """
    pages, paths, notes = [], [], [_WARNING]
    for folder in _compared_folders(path):
        comparison = read_comparison(folder / COMPARISON)
        try:
            runs = _runs_of(comparison, folder, allow_partial)
        except ConfigError as error:
            notes.append(f"{folder} is left out: {error}")
            continue
        place = folder.resolve().relative_to(path.resolve()).parts or (path.resolve().name,)
        names = [safe_file_name(name) for name in place]
        index = "../" * len(names) + _INDEX
        paths += write_page(_report(runs, comparison, folder, index), output.joinpath(*names))
        address = "/".join([*map(quote, names), FILE_NAME])
        pages.append(SitePage("/".join(place), address, comparison))
    if not pages:
        raise ConfigError(
            "; ".join(notes[1:])
            or f"{path} holds no {COMPARISON}, and neither does a folder in it; fusion-eval compare … --output DIR writes one"
        )
    write_file(output / _INDEX, site_index(pages).encode())
    return ExportedFiles((output / _INDEX, *paths), tuple(notes))


def _compared_folders(path: Path) -> Iterator[Path]:
    """Yield the folders with a comparison."""
    for pattern in _DEEPEST:
        for file in sorted(path.glob(pattern + COMPARISON)):
            yield file.parent


def _runs_of(comparison: Comparison, folder: Path, allow_partial: bool) -> list[Run]:
    folders = compared_folders(comparison, folder)
    return with_unique_names(read_runs(list(folders.values()), allow_partial), list(folders))


def _report(runs: list[Run], comparison: Comparison, folder: Path, index: str) -> Report:
    verdicts, analysis = verdicts_beside(folder), analysis_beside(folder)
    return Report(
        runs,
        comparison,
        verdicts=verdicts,
        pictures=draw(report_charts(comparison, verdicts, analysis)) if can_draw() else (),
        pictures_note="" if can_draw() else INSTALL,
        analysis=analysis,
        index=index,
    )
