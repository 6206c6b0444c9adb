"""Say in one sentence what a comparison found. The sentence claims no more than its tests do."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.report.text_table import decimals, metric_name
from fusion_eval.runs.comparison import JUDGE_FAMILY, Comparison, Row
from fusion_eval.text.language import NAMES

_METHODS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
_MOST_NAMED = 4
"""With more candidates than these, the sentence counts them."""
ALL = "all"


def finding(comparison: Comparison) -> str:
    """Return what a comparison found, in one sentence.

    The sentence is about the main rows: each task's first metric, over all of its languages if there are several. A
    candidate "beats" the baseline only where its adjusted p-value is significant.
    """
    rows = main_rows(comparison)
    if not rows:
        return "Nothing was compared."
    candidates = list(dict.fromkeys(row.candidate for row in rows))
    if len(rows) == 1:
        return _of_one_row(comparison, rows[0])
    if len(rows) == len(candidates):
        return _of_candidates(comparison, rows)
    return _of_tasks(comparison, rows)


def language_counts(comparison: Comparison) -> list[str]:
    """Return for each main row with languages a sentence on how many of them differ significantly.

    Of many rows, those that differ in no language have one sentence together.
    """
    rows = [(row, parts) for row in main_rows(comparison) if (parts := languages_of(comparison, row))]
    alike = [row for row, parts in rows if not any(part.significant for part in parts)]
    if len(rows) <= _MOST_NAMED or len(alike) < 2:
        return [_language_count(row, parts) for row, parts in rows]
    sentences = [_language_count(row, parts) for row, parts in rows if row not in alike]
    whose = "The other" if sentences else "All"
    return [
        *sentences,
        f"{whose} {len(alike)} do not differ significantly from {alike[0].baseline} in any language.",
    ]


def _language_count(row: Row, parts: Sequence[Row]) -> str:
    better = [part for part in parts if part.significant and improves(part)]
    worse = [part for part in parts if part.significant and not improves(part)]
    return (
        f"{row.candidate} is significantly better than {row.baseline} in {len(better)} of {len(parts)} "
        f"languages{_named(better)} and significantly worse in {len(worse)}{_named(worse)}."
    )


def main_rows(comparison: Comparison, *, judged: bool = False) -> list[Row]:
    """Return the rows that the finding is about: of each task and candidate the first metric, over all languages.

    Args:
        comparison: The comparison.
        judged: Return the rows of a judge, as for a comparison that only a judge made.
    """
    measured = [row for row in comparison.rows if row.invalid is None and not judged]
    if not measured:
        rows = [row for row in comparison.rows if row.invalid is not None]
        overall = [row for row in rows if row.family == JUDGE_FAMILY or row.language == ALL]
        return _first_metrics(overall or rows)
    primary = [row for row in measured if row.family == "primary"]
    overall = [row for row in measured if row.language == ALL]
    return _first_metrics(primary or overall or measured)


def languages_of(comparison: Comparison, row: Row) -> list[Row]:
    """Return the rows of the single languages behind a row over all of them."""
    if row.language != ALL:
        return []
    return [
        part
        for part in comparison.rows
        if part.language != ALL
        and (part.metric, part.filter, part.baseline, part.candidate)
        == (row.metric, row.filter, row.baseline, row.candidate)
        and _is_language_of(part, row.task)
    ]


def _is_language_of(part: Row, task: str) -> bool:
    """Return whether a row is one language of a task. Rows of one large family do not name it; their task's name does."""
    family = part.family or ""
    return family.startswith(f"languages of {task} by ") if family else part.task.startswith(task)


def significant_first(rows: Sequence[Row]) -> list[Row]:
    """Return the significant rows, then the others. In each part rows over all languages come first."""
    return sorted(rows, key=lambda row: (not row.significant, row.language != ALL))


def improves(row: Row) -> bool:
    """Return whether the candidate's value is the better one."""
    return row.delta > 0 if row.higher_is_better else row.delta < 0


def _first_metrics(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, tuple[str, str]] = {}
    for row in rows:
        first.setdefault(row.task, (row.metric, row.filter))
    return [row for row in rows if first[row.task] == (row.metric, row.filter)]


def _of_one_row(comparison: Comparison, row: Row) -> str:
    """Return the sentence on one candidate and one task."""
    languages = languages_of(comparison, row)
    method, effect = _method(comparison), _effect(comparison, row)
    if not languages:
        return f"{row.candidate} {_verb(row)} {row.baseline} on {row.task}: {effect} ({method})."
    better = sum(part.significant and improves(part) for part in languages)
    worse = sum(part.significant and not improves(part) for part in languages)
    lost = f" and loses on {worse}" if worse else ""
    return (
        f"{row.candidate} beats {row.baseline} on {better} of {len(languages)} languages{lost} ({method}); "
        f"over all of them it {_verb(row)} {row.baseline}: {effect}."
    )


def _of_candidates(comparison: Comparison, rows: Sequence[Row]) -> str:
    """Return the sentence on several candidates and one task."""
    first = rows[0]
    where = f"On {first.task}{_over(comparison, first)} by {metric_name(first.metric, first.filter)}"
    if len(rows) <= _MOST_NAMED:
        parts = [
            f"{row.candidate} {_verb(row)} {row.baseline} ({_effect(comparison, row, metric=False)})"
            for row in rows
        ]
        return f"{where}, {joined(parts)}; {_method(comparison)}."
    better = [row for row in rows if row.significant and improves(row)]
    worse = sum(row.significant and not improves(row) for row in rows)
    rest = len(rows) - len(better) - worse
    text = f"{where}, {len(better)} of {len(rows)} systems beat {first.baseline}, {worse} {'is' if worse == 1 else 'are'} worse and {rest} do not differ significantly"
    best = max(rows, key=lambda row: row.delta if row.higher_is_better else -row.delta)
    effect = _effect(comparison, best, metric=False)
    return f"{text}; the largest gain is that of {best.candidate} ({effect}; {_method(comparison)})."


def _of_tasks(comparison: Comparison, rows: Sequence[Row]) -> str:
    """Return the sentence on several tasks: it counts."""
    tasks = len({row.task for row in rows})
    parts = []
    for candidate in dict.fromkeys(row.candidate for row in rows):
        own = [row for row in rows if row.candidate == candidate]
        better = sum(row.significant and improves(row) for row in own)
        worse = sum(row.significant and not improves(row) for row in own)
        parts.append(f"{candidate} beats {own[0].baseline} on {better} of {tasks} tasks and loses on {worse}")
    return f"{joined(parts)} ({_method(comparison)})."


def _verb(row: Row) -> str:
    if not row.significant:
        return "does not differ significantly from"
    return "beats" if improves(row) else "is worse than"


def _effect(comparison: Comparison, row: Row, *, metric: bool = True) -> str:
    """Return the difference with its interval and its p-value, which is named `p adj` if it is adjusted."""
    name = f" {metric_name(row.metric, row.filter)}" if metric else ""
    digits = min(decimals(row.baseline_value, row.candidate_value), 2 if abs(row.delta) >= 1 else 4)
    interval = "" if row.ci_low is None else f" [{row.ci_low:z.{digits}f}, {row.ci_high:z.{digits}f}]"
    p_name = "p adj" if _family_size(comparison, row) > 1 else "p"
    p_value = "< 0.0001" if row.p_adjusted < 0.0001 else f"= {_digits(row.p_adjusted)}"
    return f"{row.delta:+z.{digits}f}{name}{interval}, {p_name} {p_value}"


def _family_size(comparison: Comparison, row: Row) -> int:
    """Return how many rows a row's p-value is adjusted over. In a family of one it stays as it is."""
    return sum(
        (other.family, other.invalid is None) == (row.family, row.invalid is None)
        for other in comparison.rows
    )


def _digits(p_value: float) -> str:
    return f"{p_value:.2f}" if p_value >= 0.1 else f"{p_value:.2g}"


def _over(comparison: Comparison, row: Row) -> str:
    languages = len(languages_of(comparison, row))
    return f", over {languages} languages," if languages else ""


def _method(comparison: Comparison) -> str:
    return f"{_METHODS.get(comparison.correction, comparison.correction)}, α = {comparison.alpha:g}"


def _named(rows: Sequence[Row]) -> str:
    names = [NAMES.get(row.language or "", row.language or row.task) for row in rows]
    return f" ({', '.join(names)})" if 0 < len(names) <= _MOST_NAMED else ""


def joined(parts: Sequence[str]) -> str:
    """Return parts of a sentence as a list: `a, b and c`."""
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]
