"""Show on a card the results of the runs."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.comparison.units import ALL
from fusion_eval.exports.comparable import Comparisons
from fusion_eval.exports.table.captions import interval_text, tests_text
from fusion_eval.report.text_table import decimals
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.text.escaping import escaped, escaped_table
from fusion_eval.text.redaction import public_note


def results(runs: Sequence[Run], comparisons: Comparisons) -> str:
    """Return tables of the comparisons' headline rows. Without a comparison, show what the harness reported."""
    parts = [] if comparisons.metrics else [_reported(runs)]
    parts += [part for comparison in comparisons.distinct for part in _table(comparison)]
    if comparisons.why_not_comparable:
        reason = public_note(comparisons.why_not_comparable, runs)
        parts.append(escaped(f"The runs were not compared: {reason}"))
    return "\n\n".join(parts)


def _reported(runs: Sequence[Run]) -> str:
    lines = [[run.name, *_reported_cells(score)] for run in runs for score in reported_scores(run)]
    if not lines:
        return "No results file was written with these samples."
    return escaped_table(["run", "task", "metric", "n", "value ± standard error"], lines, 3)


def _reported_cells(score: ReportedScore) -> list[str]:
    digits = decimals(score.value)
    spread = "" if score.stderr is None else f" ± {score.stderr:.{digits}f}"
    return [
        score.task,
        _metric_name(score.metric, score.filter, score.higher_is_better),
        "-" if score.n is None else f"{score.n:,}",
        f"{score.value:.{digits}f}{spread}",
    ]


def headline_rows(comparison: Comparison) -> list[Row]:
    """Return the rows over all languages; for metrics that have none, all their rows."""
    overall = {(row.metric, row.filter) for row in comparison.rows if row.language == ALL}
    return [row for row in comparison.rows if row.language == ALL or (row.metric, row.filter) not in overall]


def _table(comparison: Comparison) -> list[str]:
    head = [
        "task",
        "lang",
        "metric",
        "n",
        "baseline",
        "its value",
        "candidate",
        "its value",
        "delta",
        "p adj",
        "",
    ]
    rows = headline_rows(comparison)
    legend = f"delta: candidate - baseline, with {interval_text(comparison, rows)}; ↓: lower is better; *: {tests_text(comparison, rows)}."
    return [escaped_table(head, [_row_cells(row) for row in rows], 3), escaped(legend)]


def _row_cells(row: Row) -> list[str]:
    digits = decimals(row.baseline_value, row.candidate_value)
    known = row.ci_low is not None and row.ci_high is not None
    return [
        row.task,
        row.language or "-",
        _metric_name(row.metric, row.filter, row.higher_is_better),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        row.baseline,
        f"{row.baseline_value:.{digits}f}",
        row.candidate,
        f"{row.candidate_value:.{digits}f}",
        f"{row.delta:+z.{digits}f}"
        + (f" [{row.ci_low:+z.{digits}f}, {row.ci_high:+z.{digits}f}]" if known else ""),
        f"{row.p_adjusted:.4f}",
        "*" if row.significant else "",
    ]


def _metric_name(metric: str, filtered: str, higher_is_better: bool) -> str:
    return (metric if filtered == "none" else f"{metric},{filtered}") + ("" if higher_is_better else " ↓")
