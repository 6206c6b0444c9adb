"""Write the captions of tables: the number of items, how the marks were tested, and the intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fusion_eval.exports.table.grid import Column, Layout
from fusion_eval.exports.table.scores import Measure, Scores
from fusion_eval.runs.comparison import Comparison, Row, adjustment
from fusion_eval.runs.reading import Run
from fusion_eval.text.redaction import public_note

DAGGER = (
    "†: the best of the column, and all that cannot be told apart from it; a column without it has systems that were not "
    "tested against the best."
)


def caption(
    scores: Scores,
    layout: Layout,
    measure: Measure,
    comparison: Comparison | None,
    digits: int,
    *,
    has_best_group: bool,
) -> list[str]:
    """Return the sentences of a caption.

    Args:
        scores: All values of the systems.
        layout: The columns.
        measure: The metric and its filter.
        comparison: The comparison that the marks come from, if there is one.
        digits: The decimals of the values.
        has_best_group: Whether a cell has the mark of the best group.
    """
    rows = [
        row
        for column in layout.columns
        for name in scores.systems
        if (row := scores.row(name, column, measure))
    ]
    sentences = [_items(scores, layout, measure)]
    if comparison and rows:
        tests = tests_text(comparison, rows)
        sentences.append(f"Baseline: {comparison.baseline}. *: differs from it (+ better, - worse): {tests}.")
        sentences += [DAGGER] if has_best_group else []
        sentences += _differences(scores, layout.columns[-1], measure, comparison, digits)
        signatures = dict.fromkeys(row.signature for row in rows if row.signature)
        sentences += [f"sacrebleu: {signature}." for signature in signatures]
    elif comparison:
        sentences.append("Not compared, so only the best is marked.")
    return [sentence for sentence in sentences if sentence]


def footnotes(
    runs: Sequence[Run], comparison: Comparison | None, why_not_comparable: str | None
) -> list[str]:
    """Return how each system was made, and the notes of the comparison."""
    notes = [
        f"{run.name}: {run.signature or run.model or 'no results file says how it was made'}" for run in runs
    ]
    if why_not_comparable:
        notes.append(f"Not compared, so only the best is marked: {why_not_comparable}")
    notes += dict.fromkeys(comparison.notes if comparison else [note for run in runs for note in run.notes])
    return [public_note(note, runs) for note in notes]


def tests_text(comparison: Comparison, rows: Iterable[Row]) -> str:
    """Return the level, the correction and the tests of rows."""
    tests = ", ".join(dict.fromkeys(row.test for row in rows))
    adjusted = "not adjusted" if comparison.correction == "none" else f"adjusted {adjustment(comparison)}"
    return f"p at most {comparison.alpha:g}, {adjusted}; test: {tests}"


def interval_text(comparison: Comparison, rows: Sequence[Row]) -> str:
    """Return the level and the method of the intervals: `95% intervals (bca bootstrap, 10,000 resamples)`."""
    level = f"{100 * (1 - comparison.alpha):g}% intervals"
    if any(row.test == "sequential" for row in rows):
        return f"{level} (anytime-valid)"
    return f"{level} ({comparison.interval} bootstrap, {comparison.resamples:,} resamples)"


def _differences(
    scores: Scores, column: Column, measure: Measure, comparison: Comparison, digits: int
) -> list[str]:
    by_system = {name: row for name in scores.systems if (row := scores.row(name, column, measure))}
    finer = digits + 1  # so that an end near 0 shows its sign
    differences = [
        f"{name} {row.delta:+z.{finer}f} [{row.ci_low:+z.{finer}f}, {row.ci_high:+z.{finer}f}]"
        for name, row in by_system.items()
        if row.ci_low is not None and row.ci_high is not None
    ]
    if not differences:
        return []
    intervals = interval_text(comparison, list(by_system.values()))
    return [f"Differences from the baseline in the last column, with {intervals}: {', '.join(differences)}."]


def _items(scores: Scores, layout: Layout, measure: Measure) -> str:
    counts = [scores.items(column, measure) for column in layout.columns]
    known = [count for count, column in zip(counts, layout.columns, strict=True) if count and not column.mean]
    if not known:
        return ""
    least, most = min(known), max(known)
    last = layout.columns[-1]
    text = f"N: {least:,}" if least == most else f"N: {least:,} to {most:,}"
    text += " items in a task" if last.mean else " items"
    if last.mean and counts[-1]:
        text += f", {counts[-1]:,} in all"
    row = next(filter(None, (scores.row(name, last, measure) for name in scores.systems)), None)
    return text + (f" ({row.clusters:,} independent clusters)." if row and row.clusters != row.n else ".")
