"""The first page of a site of reports: the finding of each, and a small leaderboard of its systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusion_eval.report.finding import finding, languages_of, main_rows
from fusion_eval.report.html.page import render_index
from fusion_eval.report.text_table import decimals, metric_name
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.stats.multiplicity import letter_groups


@dataclass(frozen=True, slots=True)
class SitePage:
    """One report of a site: its title, the address of its page, and what was compared."""

    title: str
    address: str
    comparison: Comparison


def site_index(pages: Sequence[SitePage]) -> str:
    """Return `index.html` of a site."""
    return render_index(
        [
            {
                "title": page.title,
                "address": page.address,
                "finding": finding(page.comparison),
                "date": page.comparison.created.partition("T")[0],
                "boards": leaderboards(page.comparison),
            }
            for page in pages
        ]
    )


def leaderboards(comparison: Comparison) -> list[dict[str, Any]]:
    """Return for each main task and metric the systems from best to worst, with the groups that cannot be told apart.

    Two systems, and those that a judge compared, have no table of ranks; they share a group unless their difference is
    significant.
    """
    boards = []
    mains = main_rows(comparison)
    for task, metric, filtered in dict.fromkeys((row.task, row.metric, row.filter) for row in mains):
        ranked = [
            one for one in comparison.ranks if (one.task, one.metric, one.filter) == (task, metric, filtered)
        ]
        lines = [
            (str(one.rank), one.run, one.value, one.groups)
            for one in sorted(ranked, key=lambda one: one.rank)
        ]
        rows = [row for row in mains if (row.task, row.metric, row.filter) == (task, metric, filtered)]
        lines = lines or _of_rows(rows)
        row = rows[0]
        boards.append(
            {
                "caption": _caption(comparison, row),
                "metric": metric_name(metric, filtered) + ("" if row.higher_is_better else " ↓"),
                "lines": _shown(lines),
                "letters": sorted({letter for _, _, _, groups in lines for letter in groups}),
            }
        )
    return boards


def _caption(comparison: Comparison, row: Row) -> str:
    """Return what a leaderboard is about: `quiz, 3 languages, 1,200 items`."""
    languages = len(languages_of(comparison, row))
    return ", ".join(filter(None, (row.task, f"{languages} languages" * (languages > 1), f"{row.n:,} items")))


def _of_rows(rows: Sequence[Row]) -> list[tuple[str, str, float, str]]:
    """Return rank, name, value and letters of the systems in rows of one metric. A judge's values are means over pairs."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        values[row.baseline].append(row.baseline_value)
        values[row.candidate].append(row.candidate_value)
    names = list(values)
    # Only the verdict of each row counts, so 0 stands for a significant difference and 1 for any other pair.
    p_values = np.ones((len(names), len(names)))
    for row in rows:
        one, other = names.index(row.baseline), names.index(row.candidate)
        p_values[one, other] = p_values[other, one] = 0 if row.significant else 1
    means = np.array([sum(own) / len(own) for own in values.values()])
    places = letter_groups(means, p_values, alpha=0.5, higher_is_better=rows[0].higher_is_better)
    return [
        (str(place.rank), names[place.position], float(means[place.position]), place.letters)
        for place in places
    ]


def _shown(lines: Sequence[tuple[str, str, float, str]]) -> list[tuple[str, ...]]:
    digits = decimals(*(value for _, _, value, _ in lines))
    return [(rank, name, f"{value:.{digits}f}", groups) for rank, name, value, groups in lines]
