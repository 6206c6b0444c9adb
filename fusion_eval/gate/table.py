"""Draw the rows of a check as lines of a table, and as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.gate.checked_rows import CheckedRow, UncheckedMetric
from fusion_eval.report.text_table import decimals, text_table

TEXT_COLUMNS = 3
HEAD = (
    *("task", "lang", "metric", "n", "baseline", "candidate", "delta", "loss at most", "margin"),
    *("p not worse", "p worse", "verdict", "detects", "needs"),
)
_LEGEND = (
    "↓: lower is better; n: items/independent clusters; loss at most: the largest loss that fits the sample, at {confidence:g}%",
    "p not worse: p-value of a loss of the margin or more; p worse: of a loss of the margin at most, Holm-adjusted over "
    "{rows} rows; alpha {alpha:g}",
    "detects: the smallest true loss that so many items show as a regression with 80% power; needs: the items that would decide",
)


def rows_table(rows: Sequence[CheckedRow]) -> str:
    """Return the rows as a table for a terminal."""
    return text_table(HEAD, [row_cells(row) for row in rows], left=TEXT_COLUMNS)


def legend(rows: int, alpha: float) -> str:
    """Return the lines that explain the columns of the table."""
    return "\n".join(_LEGEND).format(confidence=100 * (1 - alpha), rows=rows, alpha=alpha)


def row_cells(row: CheckedRow) -> list[str]:
    """Return the cells of a row, in the order of the table's columns."""
    digits = decimals(row.baseline_value, row.candidate_value, row.margin)
    metric = row.metric if row.filter == "none" else f"{row.metric},{row.filter}"
    return [
        row.task,
        row.language or "-",
        metric + ("" if row.higher_is_better else " ↓"),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        f"{row.baseline_value:.{digits}f}",
        f"{row.candidate_value:.{digits}f}",
        "unchanged" if row.unchanged else f"{row.delta:+z.{digits}f}",
        "-" if row.largest_loss is None else f"{row.largest_loss:.{digits}f}",
        f"{row.margin:.{digits}f}",
        "-" if row.unchanged else _p_value(row.p_not_worse),
        "-" if row.unchanged else _p_value(row.p_worse_adjusted),
        row.verdict if row.verdict != "regression" else "REGRESSION",
        "-" if row.detects is None else f"{row.detects:.{digits}f}",
        "-" if row.items_needed is None else f"{row.items_needed:,}",
    ]


def describe_row(row: CheckedRow) -> str:
    """Return a row as a sentence: `exact_match went from 0.8000 to 0.7700 (-0.0300), and the margin is 0.0100: …`."""
    cells = dict(zip(HEAD, row_cells(row), strict=True))
    change = (
        f"{cells['metric']} went from {cells['baseline']} to {cells['candidate']} ({cells['delta']}), "
        f"and the margin is {cells['margin']}"
    )
    if row.verdict == "regression":
        return f"{change}: a loss beyond it is shown (p {cells['p worse']})"
    if row.verdict == "inconclusive":
        at_most = "" if row.largest_loss is None else f" (it may be {cells['loss at most']})"
        needs = "" if row.items_needed is None else f"; about {cells['needs']} would decide"
        return f"{change}: {row.n:,} items do not tell whether the loss is smaller{at_most}{needs}"
    return change


def describe_unchecked(unchecked: UncheckedMetric) -> str:
    """Return a metric that was not tested as a phrase: `micro_f1 of belief went from 0.3019 to 0.2857`."""
    metric = unchecked.metric if unchecked.filter == "none" else f"{unchecked.metric},{unchecked.filter}"
    old, new = unchecked.baseline_value, unchecked.candidate_value
    if old is None or new is None:
        lost = " has no value in the candidate" if unchecked.worse else ""
        return f"{metric} of {unchecked.task}{lost}"
    digits = decimals(old, new)
    return f"{metric} of {unchecked.task} went from {old:.{digits}f} to {new:.{digits}f}"


def _p_value(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"
