"""What a card says the runs came to."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.compare.units import ALL
from fusion_eval.export.comparable import Compared
from fusion_eval.export.table.captions import interval_name, method
from fusion_eval.report.text_table import decimals
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.text.escaping import escaped, escaped_table
from fusion_eval.text.redaction import public_note


def results(runs: Sequence[Run], compared: Compared) -> str:
    """The widest rows of the comparison, and of the judge's; of runs without one what the harness reported."""
    parts = [] if compared.metrics else [_values(runs)]
    parts += [part for comparison in compared.comparisons for part in _rows(comparison)]
    if compared.why_not:
        parts.append(escaped(f"The runs were not compared: {public_note(compared.why_not, runs)}"))
    return "\n\n".join(parts)


def _values(runs: Sequence[Run]) -> str:
    lines = [[run.name, *_value(one)] for run in runs for one in reported_scores(run)]
    if not lines:
        return "No results file was written with these samples."
    return escaped_table(["run", "task", "metric", "n", "value ± standard error"], lines, 3)


def _value(one: ReportedScore) -> list[str]:
    digits = decimals(one.value)
    spread = "" if one.stderr is None else f" ± {one.stderr:.{digits}f}"
    return [
        one.task,
        _metric(one.metric, one.filter, one.higher_is_better),
        "-" if one.n is None else f"{one.n:,}",
        f"{one.value:.{digits}f}{spread}",
    ]


def headlines(comparison: Comparison) -> list[Row]:
    """Of each metric the rows over all languages, or all its rows where there are none."""
    wide = {(row.metric, row.filter) for row in comparison.rows if row.language == ALL}
    return [row for row in comparison.rows if row.language == ALL or (row.metric, row.filter) not in wide]


def _rows(comparison: Comparison) -> list[str]:
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
    rows = headlines(comparison)
    words = f"delta: candidate - baseline, with {interval_name(comparison, rows)}; ↓: lower is better; *: {method(comparison, rows)}."
    return [escaped_table(head, [_line(row) for row in rows], 3), escaped(words)]


def _line(row: Row) -> list[str]:
    digits = decimals(row.baseline_value, row.candidate_value)
    known = row.ci_low is not None and row.ci_high is not None
    return [
        row.task,
        row.language or "-",
        _metric(row.metric, row.filter, row.higher_is_better),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        row.baseline,
        f"{row.baseline_value:.{digits}f}",
        row.candidate,
        f"{row.candidate_value:.{digits}f}",
        f"{row.delta:+.{digits}f}"
        + (f" [{row.ci_low:+.{digits}f}, {row.ci_high:+.{digits}f}]" if known else ""),
        f"{row.p_adjusted:.4f}",
        "*" if row.significant else "",
    ]


def _metric(metric: str, filtered: str, higher_is_better: bool) -> str:
    return (metric if filtered == "none" else f"{metric},{filtered}") + ("" if higher_is_better else " ↓")
