"""Draw the tables of an analysis that go beyond the scores: equal cost, origins of fused texts, fusors, robustness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.report.analysis_tables import Block, blocks, shown_units, with_interval
from fusion_eval.report.text_table import Table, decimals, metric_name
from fusion_eval.runs.analysis import Analysis

Row = Mapping[str, Any]
_MOST_LEVELS = 8
"""So many positions or ranks are shown; `analysis.json` has all."""
_UNIT = ("task", "language", "metric", "filter")
_CHEAPER = "; < : cheaper than a single sample, with which it is compared"
_CENTS = {"usd": 6, "seconds": 2}
"""Digits of a cost by its unit; others have one."""
_EQUAL_COST_HEAD = ("task", "lang", "metric", "system", "k", "against", "N'")


def all_blocks(analysis: Analysis) -> list[Block]:
    """Return all tables of an analysis, each after a line that says what it shows.

    Raises:
        ConfigError: A row lacks a field, as in a file that an older version wrote.
    """
    parts: list[tuple[Callable[[Sequence[Row]], list[Block]], Sequence[Row]]] = [
        (budget_tables, analysis.budget),
        (fusor_tables, analysis.fusors),
        (robustness_tables, analysis.robustness),
        (contribution_tables, analysis.contribution),
    ]
    try:
        further = [block for draw, rows in parts for block in draw(_shown(rows))]
    except KeyError as error:
        raise ConfigError(
            f"A row of the analysis lacks the field {error}, which this version writes; analyze again"
        ) from error
    return [*blocks(analysis), *further]


def captioned_tables(analysis: Analysis) -> list[tuple[str, Table]]:
    """Return all tables of an analysis, each with the sentence that says what it shows."""
    parts = all_blocks(analysis)
    return [
        (str(caption).rstrip(":"), table) for caption, table in pairwise(parts) if isinstance(table, Table)
    ]


def _shown(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of all tasks if they are few, else those over several tasks."""
    shown = shown_units(map(_unit, rows))
    return [row for row in rows if _unit(row) in shown]


def _unit(row: Row) -> tuple[object, ...]:
    return tuple(row.get(name) for name in _UNIT)


def _head(row: Row) -> list[str]:
    metric = [] if "metric" not in row else [metric_name(row["metric"], row["filter"])]
    return [str(row["task"]), str(row["language"] or ""), *metric]


def budget_tables(rows: Sequence[Row]) -> list[Block]:
    """Draw the Pareto front, and each strategy against others at equal cost."""
    if not rows:
        return []
    unit = rows[0]["unit"]
    digits = _CENTS.get(unit, 1)
    front = [
        _front_line(row, digits)
        for row in rows
        if row["against"] is None and (row["on_front"] or row["estimator"] == "strategy")
    ]
    equal = [_equal_cost_line(row, digits) for row in rows if row["against"] is not None]
    tables: list[Block] = [
        f"Cost and quality, in {unit} for an item (*: nothing else is as good and as cheap):",
        Table(["task", "lang", "metric", "system", "front", "k", unit, "value"], front, 5),
    ]
    if equal:
        tables += [
            f"At equal cost in {unit} (N' lies between whole numbers; > : the pool is too small, and N' is what it would take"
            f"{_CHEAPER * any(map(_is_cheaper, rows))}; adjusted p: by Holm over all tests of this table that belong together):",
            Table([*_EQUAL_COST_HEAD, unit, "difference", "p", "adjusted p"], equal, 4),
        ]
    return tables


def _front_line(row: Row, digits: int) -> list[str]:
    return [
        *_head(row),
        system_name(row),
        "*" if row["on_front"] else "",
        str(row["k"]),
        f"{row['cost']:.{digits}f}",
        with_interval(row["value"], row["ci_low"], row["ci_high"], decimals(row["value"])),
    ]


def system_name(row: Row) -> str:
    """Return the name of a system: a strategy, `best_of(chrf)`, `majority` or `mean`."""
    name = row["strategy"] or row["estimator"]
    return f"{name}({row['scorer']})" if row["scorer"] else str(name)


def _equal_cost_line(row: Row, digits: int) -> list[str]:
    against = f"{row['against']}({row['against_scorer']})" if row["against_scorer"] else str(row["against"])
    cost = f"{row['cost']:.{digits}f}"
    if row["limited"] or _is_cheaper(row):
        cost += f" {'>' if row['limited'] else '<'} {row['against_cost']:.{digits}f}"
    difference = with_interval(row["delta"], row["delta_low"], row["delta_high"], decimals(row["delta"]), "+")
    number = f"> {row['against_k']:.1f}" if row["limited"] else f"{row['against_k']:.1f}"
    return [
        *_head(row),
        system_name(row),
        str(row["k"]),
        against,
        number,
        cost,
        difference,
        f"{row['p_value']:.4f}",
        f"{row['p_adjusted']:.4f}",
    ]


def _is_cheaper(row: Row) -> bool:
    """Return whether a strategy costs less than the single sample that it is compared with."""
    return row["against"] is not None and row["cost"] < row["against_cost"] * (1 - 1e-9)


def fusor_tables(rows: Sequence[Row]) -> list[Block]:
    """Draw fusors side by side, with a column for each number of candidates."""
    ks = sorted({row["k"] for row in rows})
    lines: dict[tuple[object, ...], dict[int, str]] = {}
    heads: dict[tuple[object, ...], list[str]] = {}
    for row in rows:
        key = (*_unit(row), row["fusor"])
        heads[key] = [*_head(row), row["fusor"]]
        lines.setdefault(key, {})[row["k"]] = with_interval(
            row["value"], row["ci_low"], row["ci_high"], decimals(row["value"])
        )
    if not lines:
        return []
    cells = [[*heads[key], *(of_k.get(k, "-") for k in ks)] for key, of_k in lines.items()]
    return [
        "Fusors side by side, on the first k candidates of the same pools:",
        Table(["task", "lang", "metric", "fusor", *(f"k={k}" for k in ks)], cells, 4),
    ]


def robustness_tables(rows: Sequence[Row]) -> list[Block]:
    """Draw what strategies lose by bad candidates, and how often one comes through."""
    lines = [
        [
            *_head(row),
            row["strategy"],
            f"{row['kind']}:{row['corrupted']}",
            f"{row['clean_value']:.{decimals(row['clean_value'])}f}",
            f"{row['value']:.{decimals(row['value'])}f}",
            with_interval(row["loss"], row["ci_low"], row["ci_high"], decimals(row["clean_value"]), "+"),
            with_interval(row["leak_rate"], row["leak_low"], row["leak_high"]),
        ]
        for row in rows
    ]
    if not lines:
        return []
    return [
        "What bad candidates cost (leaks: the share of answers that let one through):",
        Table(
            ["task", "lang", "metric", "strategy", "corrupted", "clean", "then", "loss", "leaks"], lines, 5
        ),
    ]


def contribution_tables(rows: Sequence[Row]) -> list[Block]:
    """Draw what fused texts are made of, and what the fusor prefers."""
    whole = [row for row in rows if row["by"] is None]
    shares = [row for row in rows if row["by"] is not None and _is_shown(row)]
    if not whole:
        return []
    made: dict[tuple[object, ...], list[str]] = {}
    for row in whole:
        made.setdefault(
            (*_unit(row), row["strategy"]), [*_head(row), row["strategy"], str(row["items"])]
        ).append(with_interval(row["value"], row["ci_low"], row["ci_high"]))
    lines = [
        [
            *_head(row),
            row["strategy"],
            f"{row['by']}({row['scorer']})" if row["scorer"] else row["by"],
            row["level"],
            f"{row['value']:.2f}",
            f"{row['expected']:.2f}",
            with_interval(row["difference"], row["ci_low"], row["ci_high"], 2, "+"),
        ]
        for row in shares
    ]
    tables: list[Block] = [
        "What fused texts are made of (new: the share that no candidate holds; candidates: how many hold a part):",
        Table(["task", "lang", "strategy", "texts", "new", "candidates"], list(made.values()), 3),
    ]
    if lines:
        tables += [
            "Where it comes from (difference: from the share without a preference, each with its own interval; 1 is the first position, the best "
            "rank, the longest text):",
            Table(["task", "lang", "strategy", "by", "level", "share", "fair", "difference"], lines, 5),
        ]
    return tables


def _is_shown(row: Row) -> bool:
    return not str(row["level"]).isdecimal() or int(row["level"]) <= _MOST_LEVELS
