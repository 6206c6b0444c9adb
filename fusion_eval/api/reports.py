"""Write the report of runs as a web page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.api.argument_types import checks_types
from fusion_eval.api.loading import load_runs
from fusion_eval.errors import ConfigError, FusionEvalError

if TYPE_CHECKING:
    from fusion_eval.report.html.items import CandidateValues
    from fusion_eval.report.html.report import Report
    from fusion_eval.runs.comparison import Comparison
    from fusion_eval.runs.reading import Run

FIRST_BASELINE = "single"
"""The run that is the baseline if nobody names one."""


@checks_types
def write_report(
    *runs: Run | str | Path,
    output: str | Path | None = None,
    plots: str | Path | None = None,
    candidate_scores: bool = True,
    allow_partial: bool = False,
    include_path: str | Path | None = None,
) -> Path:
    """Write `report.html`: the finding, pictures, the table of the comparison, and every item with its texts.

    Args:
        runs: Runs, or their folders; the baseline first. One folder with a comparison.json stands for the runs that were
            compared; one with several runs and no comparison has the run named `single` as its baseline.
        output: Folder to write to; the folder of the runs by default.
        plots: Folder to write each picture to, as SVG and PNG.
        candidate_scores: Score every candidate by the tasks' metrics, where that is possible. No model is asked.
        allow_partial: Leave out lines that cannot be read, and note it, instead of raising an error.
        include_path: Folder with the task YAMLs that candidates are scored by.

    Returns:
        The path of the page.
    """
    from fusion_eval.report.html.report import write_page

    loaded, comparison, home = _read(runs, allow_partial, "write_report")
    parts = report_of(
        loaded, comparison, home, candidate_scores=candidate_scores, include_path=include_path, plots=plots
    )
    return write_page(parts, home if output is None else Path(output))[0]


@checks_types
def charts(*runs: Run | str | Path, allow_partial: bool = False) -> dict[str, Any]:
    """Return the pictures that `write_report` shows of runs, as Altair charts for a notebook.

    Args:
        runs: Runs, or their folders, as `write_report` takes them.
        allow_partial: Leave out lines that cannot be read instead of raising an error.

    Returns:
        The charts by name, such as `forest` and `wins`; of an analysis `curves`, `pareto`, `rescue`, `outcomes` and
        `contribution`; of verdicts `judges`. Names have a suffix where there are several of a kind.

    Raises:
        ConfigError: Altair is not installed, or a run cannot be read.
    """
    from fusion_eval.report.html.charts import altair
    from fusion_eval.report.html.report_charts import report_charts
    from fusion_eval.runs.beside_runs import analysis_beside, verdicts_beside

    altair()
    _, comparison, home = _read(runs, allow_partial, "charts")
    drawn = report_charts(comparison, verdicts_beside(home), analysis_beside(home))
    return {chart.name: chart.chart.properties(title=chart.title) for chart in drawn}


def report_of(
    runs: Sequence[Run],
    comparison: Comparison | None,
    home: Path,
    *,
    candidate_scores: bool = True,
    include_path: str | Path | None = None,
    plots: str | Path | None = None,
) -> Report:
    """Return the parts of a report of runs that are in memory.

    Args:
        runs: The runs, the baseline first.
        comparison: Their comparison; None if there is none.
        home: The folder that may hold verdicts.jsonl and analysis.json.
        candidate_scores: Score every candidate, where that is possible.
        include_path: Folder with the task YAMLs that candidates are scored by.
        plots: Folder to write each picture to.
    """
    from fusion_eval.report.html.charts import INSTALL
    from fusion_eval.report.html.pictures import can_draw, draw, write_pictures
    from fusion_eval.report.html.report import Report
    from fusion_eval.report.html.report_charts import report_charts
    from fusion_eval.runs.beside_runs import analysis_beside, verdicts_beside

    if plots is not None and not can_draw():
        raise ConfigError(f"--plots: {INSTALL}")
    analysis = analysis_beside(home)
    verdicts = verdicts_beside(home)
    values, notes = _candidate_values(runs, include_path) if candidate_scores else ({}, [])
    charts = report_charts(comparison, verdicts, analysis) if can_draw() else []
    if plots is not None:
        write_pictures(charts, Path(plots))
    return Report(
        runs=runs,
        comparison=comparison,
        candidate_values=values,
        verdicts=verdicts,
        pictures=draw(charts),
        pictures_note="" if can_draw() else INSTALL,
        notes=notes,
        analysis=analysis,
    )


def write_report_beside(
    runs: Sequence[Run],
    comparison: Comparison | None,
    folder: Path,
    note: Callable[[str], None],
) -> None:
    """Write `report.html` of runs that a command has just made or compared; single candidates are not scored.

    A page that cannot be written is no reason to lose the command's result: `note` is called with the reason.
    """
    from fusion_eval.report.html.report import write_page

    try:
        write_page(report_of(runs, comparison, folder, candidate_scores=False), folder)
    except FusionEvalError as error:
        note(f"report.html is not written: {error}")


def write_analysis_page(
    runs: Sequence[str | Path],
    folder: Path,
    note: Callable[[str], None],
    *,
    allow_partial: bool = False,
    include_path: str | Path | None = None,
) -> None:
    """Write `report.html` with the pictures and tables of the analysis that stands in a folder, and the runs' items.

    A page that cannot be written is no reason to lose the command's result: `note` is called with the reason.
    """
    from fusion_eval.report.html.report import write_page
    from fusion_eval.runs.files import run_folders

    try:
        paths = {path.resolve(): path for one in runs for path in run_folders(Path(one))}
        loaded = load_runs(list(paths.values()), allow_partial)
        loaded.sort(key=lambda run: run.name != FIRST_BASELINE)
        write_page(report_of(loaded, None, folder, include_path=include_path), folder)
    except FusionEvalError as error:
        note(f"report.html is not written: {error}")


def _read(
    runs: Sequence[Run | str | Path], allow_partial: bool, function: str
) -> tuple[list[Run], Comparison | None, Path]:
    """Return the runs with the baseline first, their comparison, and the folder that they are in."""
    from fusion_eval.runs.files import run_folders
    from fusion_eval.runs.reading import Run

    if not runs:
        raise ConfigError(f"{function}() needs a run, or a folder with runs")
    first = runs[0]
    home = first.path if isinstance(first, Run) else Path(first)
    home = home if home.is_dir() else home.parent
    is_folder = len(runs) == 1 and not isinstance(first, Run) and Path(first).is_dir()
    if is_folder and (stored := _read_compared(home, allow_partial)):
        return *stored, home
    parts: list[Run | Path] = []
    for one in runs:
        parts += [one] if isinstance(one, Run) else run_folders(Path(one))
    loaded = load_runs(parts, allow_partial)
    if len(runs) > 1 or len(loaded) < 2:
        return loaded, _compared(loaded, allow_partial), home if len(runs) < 2 else Path()
    loaded.sort(key=lambda run: run.name != FIRST_BASELINE)
    return loaded, _compared(loaded, allow_partial), home


def _read_compared(home: Path, allow_partial: bool) -> tuple[list[Run], Comparison] | None:
    """Return the comparison in a folder and its runs; None if there is none, or its runs are not there any more.

    Raises:
        ConfigError: A run has lost its samples, or a file cannot be read.
    """
    from fusion_eval.runs.beside_runs import compared_folders
    from fusion_eval.runs.comparison import FILE_NAME, read_comparison
    from fusion_eval.runs.reading import with_unique_names

    if not (home / FILE_NAME).is_file():
        return None
    comparison = read_comparison(home / FILE_NAME)
    folders = compared_folders(comparison, home)
    if not folders or not all(map(Path.exists, folders.values())):
        return None
    return with_unique_names(load_runs(list(folders.values()), allow_partial), list(folders)), comparison


def _compared(runs: Sequence[Run], allow_partial: bool) -> Comparison | None:
    from fusion_eval.api.comparisons import compare

    return None if len(runs) < 2 else compare(*runs, allow_partial=allow_partial).comparison


def _candidate_values(
    runs: Sequence[Run], include_path: str | Path | None
) -> tuple[CandidateValues, list[str]]:
    """Return the value of every candidate, as an analysis scores them; none if the runs have no pools to score."""
    from fusion_eval.harness.stored_pools import stored_pools

    traced = [run for run in runs if run.traces]
    if not traced:
        return {}, []
    with contextlib.suppress(FusionEvalError):
        pools, _ = stored_pools(traced, include_path=None if include_path is None else Path(include_path))
        return {
            (one.task, one.metric, one.filter): dict(
                zip(one.documents.tolist(), one.values.tolist(), strict=True)
            )
            for one in pools
        }, []
    return {}, ["The candidates could not be scored by themselves; fusion-eval analyze says why."]
