"""Say in one sentence what an analysis found: how much a perfect choice would give, and how much each strategy has."""

from __future__ import annotations

from fusion_eval.report.finding import ALL, joined
from fusion_eval.report.text_table import decimals
from fusion_eval.runs.analysis import Analysis, RecoveredRow

_MOST_NAMED = 4
"""With more strategies than these, the sentence names the best ones."""


def analysis_finding(analysis: Analysis) -> str:
    """Return what an analysis found, in one sentence about its first task and metric, over all languages.

    The sentence gives values and their intervals. It claims no difference between strategies.
    """
    if not analysis.recovered:
        return _of_curves(analysis)
    first = next((row for row in analysis.recovered if row.language == ALL), analysis.recovered[0])
    unit = (first.task, first.language, first.metric, first.filter)
    rows = [row for row in analysis.recovered if (row.task, row.language, row.metric, row.filter) == unit]
    digits = decimals(first.mean, first.oracle)
    levels = (
        f"On {first.task}, one candidate has {first.mean:.{digits}f} {first.metric} on average and a perfect choice "
        f"{first.oracle:.{digits}f}"
    )
    known = [row for row in rows if row.share is not None]
    if not known:
        return f"{levels}: there is nothing to gain by choosing."
    named = (
        sorted(known, key=lambda row: -(row.share or 0.0))[:_MOST_NAMED]
        if len(known) > _MOST_NAMED
        else known
    )
    return f"{levels}; of that gain {joined([_share(row) for row in named])}."  # fmt: skip


def _of_curves(analysis: Analysis) -> str:
    """Return a sentence on the largest number of candidates, for pools without a strategy to place."""
    if not analysis.curves:
        return "Nothing was analyzed."
    first = next((row for row in analysis.curves if row.language == ALL), analysis.curves[0])
    unit = (first.task, first.language, first.metric, first.filter)
    own = [row for row in analysis.curves if (row.task, row.language, row.metric, row.filter) == unit]
    k = max(row.k for row in own)
    values = {row.estimator: row.value for row in own if row.k == k}
    digits = decimals(*values.values())
    parts = [f"{values[name]:.{digits}f} {what}" for name, what in _LEVELS.items() if name in values]
    return f"On {first.task} by {first.metric}, {k} candidates have {joined(parts)}."


_LEVELS = {"mean": "on average", "majority": "by majority", "oracle": "by a perfect choice"}


def _share(row: RecoveredRow) -> str:
    ends = (
        " [unbounded]" * row.unbounded
        if row.ci_low is None or row.ci_high is None
        else f" [{round(100 * row.ci_low)}, {round(100 * row.ci_high)}]"
    )
    return f"{row.strategy} has {round(100 * (row.share or 0.0))}%{ends}"
