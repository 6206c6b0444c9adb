"""Read what other commands left beside the runs of a folder: an analysis, and the verdicts of judges."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.runs import analysis, verdicts


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
