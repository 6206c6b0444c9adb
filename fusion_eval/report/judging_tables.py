"""What stands beside a judge's win rates: whether they can be trusted. Drawn from `comparison.json` alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import JudgingSummary

Table = tuple[list[str], list[list[str]], int]
"""Head, lines, and how many columns hold words."""

WIN = "win: wins and half the ties; values above are mean scores, which differ from it where verdicts are graded or repeated"
NAMES = {
    "judges": "invalid: pairs without a verdict; consistent: pairs with the same winner in both orders; first: winners that stood first, 50% where position means nothing; retest: repeats with the same verdict; noise: the judge's own part in the standard error",
    "style": "adjusted: the win rate at equal length and Markdown; effects: log-odds for one standard deviation more of each",
    "strengths": "strength: Bradley–Terry, log-odds around the mean; no interval where some systems never win against the others",
    "humans": "agree: the judge's verdict is the human's; estimate: the human win rate over all pairs, from these labels and the judge's verdicts (prediction-powered)",
}


def tables(comparison: Comparison) -> list[tuple[Table, str]]:
    """The tables of a comparison that was judged, each with what its columns mean; none of any other."""
    judging = comparison.judging
    if judging is None:
        return []
    rows = [row for row in comparison.rows if row.invalid is not None]
    made = [(_rows(rows), f"prompt {judging.template}, swap {judging.swap}; {_usage(judging)}\n{WIN}")]
    if judging.against:
        made.append(
            (
                _against(judging),
                f"each run against {judging.opponent}; the rows above are of their differences",
            )
        )
    made.append((_judges(judging), NAMES["judges"]))
    for part, name, table in (
        (judging.style, "style", _style),
        (judging.strengths, "strengths", _strengths),
        (judging.humans, "humans", _humans),
    ):
        if part:
            made.append((table(judging), NAMES[name]))
    if judging.sequential:
        made.append(
            (_sequential(judging), "judging stopped as soon as the answer was known, or nothing was left")
        )
    return made


def agreement_line(judging: JudgingSummary) -> str | None:
    """How far several judges agree."""
    found = judging.agreement
    if found is None:
        return None
    return (
        f"the judges agree on {_share(found.share)} of {found.items:,} pairs: Cohen's kappa {_number(found.cohen)}, "
        f"Fleiss' kappa {_number(found.fleiss)}, Krippendorff's alpha {_number(found.alpha)}"
    )


def _usage(judging: JudgingSummary) -> str:
    cost = "no known price" if judging.cost is None else f"${judging.cost:,.4f}"
    if judging.cost is not None and judging.unpriced:
        cost += " without those of unknown price"
    return f"judge {judging.prompt_tokens:,} + {judging.completion_tokens:,} tokens, {cost}"


def _rows(rows: Sequence[Row]) -> Table:
    head = ["task", "lang", "baseline", "candidate", "n", "win", "ties", "invalid", "consistent"]
    lines = [
        [
            row.task, row.language or "-", row.baseline, row.candidate, f"{row.n:,}",
            f"{row.win_rate:.1%} [{100 * row.win_rate_low:.1f}, {100 * row.win_rate_high:.1f}]",
            _share(row.ties / row.n), _share(row.invalid), _share(row.position_consistency),
        ]
        for row in rows
    ]  # fmt: skip
    return head, lines, 4


def _judges(judging: JudgingSummary) -> Table:
    head = ["judge", "pairs", "invalid", "consistent", "first", "retest", "noise"]
    lines = [
        [
            judge.name, f"{judge.pairs:,}", _share(judge.invalid), _share(judge.position_consistency),
            _share(judge.first_wins), _share(judge.retest_agreement), _number(judge.noise),
        ]
        for judge in judging.judges
    ]  # fmt: skip
    return head, lines, 1


def _against(judging: JudgingSummary) -> Table:
    lines = [[run.name, f"{run.n:,}", _interval(run.win_rate, run.low, run.high)] for run in judging.against]
    return ["run", "n", "win"], lines, 1


def _style(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "raw", "adjusted", "effects"]
    lines = [
        [
            found.baseline, found.candidate, f"{found.raw:.1%}",
            _interval(found.adjusted, found.low, found.high),
            ", ".join(f"{effect.name} {effect.value:+.2f}{_ends(effect.low, effect.high)}" for effect in found.effects),
        ]
        for found in judging.style
    ]  # fmt: skip
    return head, lines, 2


def _strengths(judging: JudgingSummary) -> Table:
    head = ["system", "rank", "strength", "beats a random other"]
    lines = [
        [
            system.name,
            str(system.rank),
            f"{system.strength:+.2f}{_ends(system.low, system.high)}",
            f"{system.win_rate:.1%}",
        ]
        for system in judging.strengths
    ]
    return head, lines, 1


def _humans(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "labels", "agree", "estimate", "labels alone", "judge alone"]
    lines = [
        [
            found.baseline, found.candidate, f"{found.labels:,}",
            _interval(found.agreement, found.agreement_low, found.agreement_high),
            _interval(found.win_rate, found.low, found.high),
            _interval(found.labels_alone, found.labels_alone_low, found.labels_alone_high),
            f"{found.judge_alone:.1%}",
        ]
        for found in judging.humans
    ]  # fmt: skip
    return head, lines, 2


def _sequential(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "judged", "planned", "saved", "decided"]
    lines = [
        [
            stop.baseline, stop.candidate, f"{stop.judged:,}", f"{stop.planned:,}",
            f"{stop.planned - stop.judged:,} ({1 - stop.judged / stop.planned:.0%})", "yes" if stop.decided else "no",
        ]
        for stop in judging.sequential
    ]  # fmt: skip
    return head, lines, 2


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:+.2f}, {high:+.2f}]"


Drawn = Callable[[list[str], list[list[str]], int], str]


def drawn(comparison: Comparison, draw: Drawn) -> list[str]:
    """Every table as `draw` makes it, and the sentences under it."""
    parts = []
    for (head, lines, words), legend in tables(comparison):
        parts += [draw(head, lines, words), legend]
    if comparison.judging and (said := agreement_line(comparison.judging)):
        parts.append(said)
    return parts
