"""Find what other commands left beside the runs of a folder: an analysis, verdicts of judges, a comparison's runs."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.runs import analysis, verdicts
from fusion_eval.runs.comparison import Comparison


def analysis_beside(folder: Path) -> analysis.Analysis | None:
    """Return the analysis in the folder of the runs, or in its folder `analysis`; None if there is none.

    Raises:
        ConfigError: The file cannot be read.
    """
    paths = (folder / analysis.FILE_NAME, folder / "analysis" / analysis.FILE_NAME)
    return next((analysis.read_analysis(path) for path in paths if path.is_file()), None)


def verdicts_beside(folder: Path) -> list[verdicts.Verdict]:
    """Return the verdicts in the folder of the runs; none if nothing was judged.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = folder / verdicts.FILE_NAME
    return verdicts.read_verdicts(path) if path.is_file() else []


def compared_folders(comparison: Comparison, folder: Path) -> dict[str, Path]:
    """Return where the compared runs are, by name: in the comparison's folder, beside it, or where they were then.

    Args:
        comparison: The comparison.
        folder: The folder that it was written to.
    """
    paths = {run.name: Path(run.path) for run in comparison.runs if run.path}
    for home in (folder, folder.parent):
        own = {child.name: child for child in home.iterdir()}
        if paths.keys() <= own.keys():
            return {name: own[name] for name in paths}
    return paths
