"""A comparison, computed again: which runs it is of, its rows and ranks by metrics, and those by a judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.bundle.verify_judged import verify_judged
from fusion_eval.export.bundle.verify_metrics import verify_metrics
from fusion_eval.export.comparable import JUDGE, is_judged, strangers
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import Run


def verify_comparison(
    comparison: Comparison, runs: Sequence[Run], verdicts: Path, findings: Findings
) -> None:
    """Every number of every row, and every rank; rows are computed again, noted, or a difference.

    Notes say what cannot be computed again, and what the runs have that the comparison is not of.
    """
    _runs(comparison, runs, findings)
    judged = any(map(is_judged, comparison.rows))
    if not all(map(is_judged, comparison.rows)):
        verify_metrics(comparison, runs, findings)
    if judged or comparison.judging or comparison.by_judge:
        verify_judged(comparison, runs, verdicts, findings)
    elif verdicts.is_file():
        findings.notes.append(f"comparison: no row is of {verdicts.name}")
    _ranks_of_no_row(comparison, findings)


def _runs(comparison: Comparison, runs: Sequence[Run], findings: Findings) -> None:
    """That it is of these runs, each once, as their files have them."""
    names, known = [run.name for run in comparison.runs], {run.name: run for run in runs}
    for name in strangers(comparison, known):
        findings.differences.append(f"comparison: {name} is of no run here")
    for name in known:
        if name not in names:
            findings.differences.append(f"comparison: the run {name} is left out")
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.differences.append(f"comparison: the run {name} is there twice")
    findings.compare("comparison: created", comparison.created, max(run.date for run in runs))
    for one in comparison.runs:
        if run := known.get(one.name):
            stated = {"model": one.model, "date": one.date, "signature": one.signature}
            told = {name: value for name, value in stated.items() if value is not None}
            again = {"model": run.model, "date": run.date or None, "signature": run.signature}
            findings.compare_all(f"comparison: {one.name}", told, again)


def _ranks_of_no_row(comparison: Comparison, findings: Findings) -> None:
    """Ranks are computed again with the rows of their kind; where there are none of these, nothing does so."""
    kinds = {is_judged(row) for row in comparison.rows}
    for rank in comparison.ranks:
        if rank.metric.startswith(JUDGE) not in kinds:
            findings.differences.append(
                f"comparison: the rank of {rank.run} in {rank.metric} of {rank.task} is of no row"
            )
