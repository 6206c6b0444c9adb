"""Draw the tables of an analysis. All of them use `analysis.json` only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fusion_eval.report.text_table import Table, decimals, metric_name
from fusion_eval.runs.analysis import Analysis, CurveDifference, CurvePoint, RescueRow

MOST_UNITS = 4
"""Of more tasks than these only the aggregates are shown."""
_MOST_COLUMNS = 6
"""Numbers of candidates in one table."""
_ALL = "all"
"""The language of rows over several tasks."""
Block = Table | str


def blocks(analysis: Analysis) -> list[Block]:
    """Return the tables of an analysis, each after a line that says what it shows."""
    shown = _shown(analysis)
    parts = [_curves, _differences, _rescue, _outcomes, _ceiling, _recovered, _teachers]
    return [block for part in parts for block in part(analysis, shown)]


def estimator_name(row: CurvePoint | CurveDifference) -> str:
    """Return an estimator with its scorer: `best_of(logprob)`."""
    return f"{row.estimator}({row.scorer})" if row.scorer else row.estimator


def with_interval(
    value: float | None, low: float | None, high: float | None, digits: int = 2, sign: str = ""
) -> str:
    """Format a value with its interval; a dash for what is not known."""
    if value is None:
        return "-"
    ends = "" if low is None or high is None else f" [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"
    return f"{value:{sign}.{digits}f}{ends}"


def percent(share: float, low: float | None, high: float | None) -> str:
    """Format a share with its interval, if that is known, in percent."""
    ends = "" if low is None or high is None else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{share:.0%}{ends}"


def star(alpha: float) -> str:
    """Return what the star of `mark` says."""
    return f"*: not 0 at {alpha:.0%}, by Holm over all tests of this table that belong together; intervals are of single tests"


def mark(p_adjusted: float | None, alpha: float) -> str:
    """Return a star for a difference that is significant among all tests of its table."""
    return " *" if p_adjusted is not None and p_adjusted <= alpha else ""


def _shown(analysis: Analysis) -> set[tuple[object, ...]]:
    """Return which units to show: all if they are few, else those over several tasks."""
    return shown_units(map(_unit, analysis.curves))


def shown_units(units: Iterable[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """Return which units of tables to show: all if they are few, else those over several tasks.

    Args:
        units: The task, the language, and what else tells units apart.
    """
    known = set(units)
    several = {unit for unit in known if unit[1] == _ALL}
    return several if several and len(known) > MOST_UNITS else known


def _unit(row: Any) -> tuple[object, ...]:
    return row.task, row.language, row.metric, row.filter


def _head(row: Any) -> list[str]:
    return [row.task, row.language or "", metric_name(row.metric, row.filter)]


_NAMES = ["task", "lang", "metric"]


def _chosen_k(rows: Iterable[CurvePoint | CurveDifference]) -> list[int]:
    """Return the numbers of candidates to show: all if they are few, else powers of two and the last."""
    known = sorted({row.k for row in rows})
    if len(known) <= _MOST_COLUMNS:
        return known
    powers = [k for k in known if k & (k - 1) == 0]
    return sorted({*powers[: _MOST_COLUMNS - 1], known[-1]})


def _curves(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.curves if _unit(row) in shown]
    ks = _chosen_k(rows)
    lines: dict[tuple[object, ...], list[str]] = {}
    for row in rows:
        if row.k in ks:
            digits = decimals(row.value)
            cell = with_interval(row.value, row.ci_low, row.ci_high, digits)
            start = [*_head(row), f"{row.items}/{row.clusters}", estimator_name(row), *["-"] * len(ks)]
            line = lines.setdefault((*_unit(row), estimator_name(row)), start)
            line[len(start) - len(ks) + ks.index(row.k)] = cell
    return [
        f"What k candidates give, with {1 - analysis.alpha:.0%} intervals over clusters (n: items/clusters):",
        Table([*_NAMES, "n", "estimator", *(f"k={k}" for k in ks)], list(lines.values()), 5),
    ]


def _differences(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.differences if _unit(row) in shown]
    ks = [k for k in _chosen_k(rows) if k > 1]
    lines: dict[tuple[object, ...], list[str]] = {}
    for row in rows:
        if row.k in ks:
            against = f"{row.against}({row.against_scorer})" if row.against_scorer else row.against
            name = f"{estimator_name(row)} - {against}"
            cell = with_interval(row.delta, row.ci_low, row.ci_high, decimals(row.delta), "+")
            cell += mark(row.p_adjusted, analysis.alpha)
            start = [*_head(row), name, *["-"] * len(ks)]
            lines.setdefault((*_unit(row), name), start)[len(start) - len(ks) + ks.index(row.k)] = cell
    if not ks or not lines:
        return []
    return [
        f"Differences at the same k, paired by items ({star(analysis.alpha)}):",
        Table([*_NAMES, "difference", *(f"k={k}" for k in ks)], list(lines.values()), 4),
    ]


def _rescue(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.rescue if _unit(row) in shown]
    if not rows:
        return []
    strategies = list(dict.fromkeys(row.strategy for row in rows))
    cells: dict[tuple[object, ...], dict[str, str]] = {}
    heads: dict[tuple[object, ...], list[str]] = {}
    for row in rows:
        if row.items:
            key = (*_unit(row), row.right_candidates)
            heads[key] = [*_head(row), str(row.right_candidates)]
            cells.setdefault(key, {})[row.strategy] = _rescue_cell(row)
    lines = [[*heads[key], *(own.get(name, "-") for name in strategies)] for key, own in cells.items()]
    return [
        "How often the answer is right where c candidates are (right/items, exact intervals):",
        Table([*_NAMES, "c", *strategies], lines, 3),
    ]


def _rescue_cell(row: RescueRow) -> str:
    return f"{row.right}/{row.items} {percent(row.right / row.items, row.ci_low, row.ci_high)}"


def _outcomes(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.outcomes if _unit(row) in shown]
    if not rows:
        return []
    graded = any(row.range_share is not None for row in rows)
    lines = []
    for row in rows:
        counts = [row.items, row.new_texts, row.fallbacks, row.rescued, row.harmed]
        line = [*_head(row), row.scale, row.strategy, *map(str, counts), f"{row.net:+d}"]
        lines.append(line + [with_interval(row.range_share, row.range_low, row.range_high)] * graded)
    meanings = {
        "0/1": "where the scale is 0/1, rescued: right where no candidate is; harmed: wrong where most are right",
        "graded": "where it is graded, rescued: better than the best candidate; harmed: worse than the worst; "
        "place: from the worst candidate (0) to the best (1)",
    }
    meaning = "; ".join(text for scale, text in meanings.items() if any(row.scale == scale for row in rows))
    names = [*_NAMES, "scale", "strategy", "items", "new texts", "fallbacks", "rescued", "harmed", "net"]
    return [
        f"Items that strategies rescued and harmed ({meaning}):",
        Table(names + ["place"] * graded, lines, 5),
    ]


def _ceiling(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.ceiling if _unit(row) in shown]
    lines = [
        [
            *_head(row),
            f"{row.all_wrong}/{row.items}",
            percent(row.beta, row.ci_low, row.ci_high),
            f"{1 - row.beta:.1%}",
        ]
        for row in rows
    ]
    if not lines:
        return []
    return [
        "The ceiling: beta is the share of items that all candidates fail; no selection exceeds 1 - beta:",
        Table([*_NAMES, "all wrong", "beta", "1 - beta"], lines, 3),
    ]


def _recovered(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.recovered if _unit(row) in shown]
    if not rows:
        return []
    lines = []
    for row in rows:
        digits = decimals(row.value, row.oracle)
        levels = [f"{value:.{digits}f}" for value in (row.mean, row.value, row.oracle)]
        share = "-" if row.share is None else percent(row.share, row.ci_low, row.ci_high)
        share += " [unbounded]" * row.unbounded
        regret = with_interval(row.regret, row.regret_low, row.regret_high, digits)
        lines.append([*_head(row), row.strategy, *levels, share, regret])
    return [
        "How much of the oracle's gain over the mean candidate each strategy recovers (regret: oracle - value"
        + "; unbounded: the oracle's gain may be 0" * any(row.unbounded for row in rows)
        + "):",
        Table([*_NAMES, "strategy", "mean", "value", "oracle", "recovered", "regret"], lines, 4),
    ]


def _teachers(analysis: Analysis, shown: set[tuple[object, ...]]) -> list[Block]:
    rows = [row for row in analysis.teachers if _unit(row) in shown]
    if not rows:
        return []
    lines: list[Sequence[str]] = []
    for row in rows:
        digits = decimals(row.oracle)
        levels = [f"{value:.{digits}f}" for value in (row.mean, row.oracle, row.oracle_without)]
        added = with_interval(row.added, row.ci_low, row.ci_high, digits, "+")
        equal = with_interval(row.added_at_equal_size, row.equal_size_low, row.equal_size_high, digits, "+")
        equal += mark(row.p_adjusted, analysis.alpha)
        lines.append([*_head(row), row.teacher, *levels, added, equal, str(row.best_alone)])
    return [
        "What each teacher adds to the oracle (at equal size: against as many candidates of all teachers; "
        f"{star(analysis.alpha)}):",
        Table(
            [*_NAMES, "teacher", "mean", "oracle", "without it", "added", "at equal size", "best alone"],
            lines,
            4,
        ),
    ]
