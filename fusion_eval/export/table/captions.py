"""What stands under a table of scores: how its marks came about, of how many items, with which intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fusion_eval.export.table.grid import Column, Layout
from fusion_eval.export.table.scores import Measure, Scores
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reading import Run
from fusion_eval.text.redaction import public_note

ALIKE = "†: in a column that has it, the best and all that cannot be told apart from it; in one without it, not every system was tested against the best."


def caption(
    scores: Scores,
    layout: Layout,
    measure: Measure,
    comparison: Comparison | None,
    digits: int,
    *,
    alike: bool,
) -> list[str]:
    """Sentences. `alike` says whether any cell of the table has the mark of a group."""
    rows = [
        row
        for column in layout.columns
        for name in scores.systems
        if (row := scores.row(name, column, measure))
    ]
    said = [_items(scores, layout, measure)]
    if comparison and rows:
        said += [_tests(comparison, rows), *([ALIKE] if alike else [])]
        said += _intervals(scores, layout.columns[-1], measure, comparison, digits)
        signatures = dict.fromkeys(row.signature for row in rows if row.signature)
        said += [f"sacrebleu: {signature}." for signature in signatures]
    elif comparison:
        said.append("Not compared, so nothing is marked but the best.")
    return [sentence for sentence in said if sentence]


def footnotes(runs: Sequence[Run], comparison: Comparison | None, why_not: str | None) -> list[str]:
    """How each system was made, and what the comparison notes."""
    made = [
        f"{run.name}: {run.signature or run.model or 'no results file says how it was made'}" for run in runs
    ]
    if why_not:
        made.append(f"Not compared, so nothing is marked but the best: {why_not}")
    notes = dict.fromkeys(comparison.notes if comparison else [note for run in runs for note in run.notes])
    return [public_note(note, runs) for note in (*made, *notes)]


def method(comparison: Comparison, rows: Iterable[Row]) -> str:
    """Baseline, alpha, correction and tests, in a sentence."""
    tests = ", ".join(dict.fromkeys(row.test for row in rows))
    adjusted = (
        "not adjusted"
        if comparison.correction == "none"
        else f"adjusted over all {len(comparison.rows):,} rows of the comparison ({comparison.correction})"
    )
    return f"p at most {comparison.alpha:g}, {adjusted}; test: {tests}"


def interval_name(comparison: Comparison, rows: Sequence[Row]) -> str:
    """`95% intervals (bca bootstrap, 10,000 resamples)`."""
    level = f"{100 * (1 - comparison.alpha):g}% intervals"
    if any(row.test == "sequential" for row in rows):
        return f"{level} (anytime-valid)"
    return f"{level} ({comparison.interval} bootstrap, {comparison.resamples:,} resamples)"


def _tests(comparison: Comparison, rows: Sequence[Row]) -> str:
    return f"Baseline: {comparison.baseline}. *: differs from it (+ better, - worse): {method(comparison, rows)}."


def _intervals(
    scores: Scores, column: Column, measure: Measure, comparison: Comparison, digits: int
) -> list[str]:
    found = [(name, row) for name in scores.systems if (row := scores.row(name, column, measure))]
    finer = digits + 1  # an end near 0 should show its side
    told = [
        f"{name} {row.delta:+.{finer}f} [{row.ci_low:+.{finer}f}, {row.ci_high:+.{finer}f}]"
        for name, row in found
        if row.ci_low is not None and row.ci_high is not None
    ]
    if not told:
        return []
    rows = [row for _, row in found]
    return [
        f"Differences from the baseline in the last column, with {interval_name(comparison, rows)}: {', '.join(told)}."
    ]


def _items(scores: Scores, layout: Layout, measure: Measure) -> str:
    counts = [scores.items(column, measure) for column in layout.columns]
    known = [count for count, column in zip(counts, layout.columns, strict=True) if count and not column.mean]
    if not known:
        return ""
    least, most = min(known), max(known)
    last = layout.columns[-1]
    said = (
        f"N: {least:,}"
        + (f" to {most:,}" if most != least else "")
        + (" items in a task" if last.mean else " items")
    )
    if last.mean and counts[-1]:
        said += f", {counts[-1]:,} in all"
    row = next(filter(None, (scores.row(name, last, measure) for name in scores.systems)), None)
    return said + (f" ({row.clusters:,} independent clusters)." if row and row.clusters != row.n else ".")
