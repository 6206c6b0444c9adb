"""Draw what a judging found besides its rows: how far the judge can be trusted, and rankings by its verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.report.text_table import Table
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import JudgingSummary

_WIN = "win: wins and half the ties; values above are mean scores, which differ from it where verdicts are graded or repeated"
_AGAINST = "each run against {opponent}; the rows above are of their differences"
_JUDGES = "invalid: pairs without a verdict; consistent: pairs with the same winner in both orders; first: winners that stood first, 50% where position means nothing; retest: repeats with the same verdict; noise: the judge's own part in the standard error"
_STYLE = "adjusted: the win rate at equal length and Markdown; effects: log-odds for one standard deviation more of each"
_STRENGTHS = "strength: Bradley–Terry, log-odds around the mean; no interval where some systems never win against the others"
_HUMANS = "agree: the judge's verdict is the human's; estimate: the human win rate over all pairs, from these labels and the judge's verdicts (prediction-powered)"
_SEQUENTIAL = "judging stopped as soon as the answer was known, or nothing was left"


def judging_blocks(comparison: Comparison) -> list[Table | str]:
    """Return the tables of a judged comparison, each with a text that explains its columns. Empty without a judge."""
    judging = comparison.judging
    if judging is None:
        return []
    rows = [row for row in comparison.rows if row.invalid is not None]
    blocks: list[Table | str] = [
        _row_table(rows),
        f"prompt {judging.template}, swap {judging.swap}; {_usage(judging)}\n{_WIN}",
    ]
    if judging.against:
        blocks += [_against_table(judging), _AGAINST.format(opponent=judging.opponent)]
    blocks += [_judge_table(judging), _JUDGES]
    if judging.style:
        blocks += [_style_table(judging), _STYLE]
    if judging.strengths:
        blocks += [_strength_table(judging), _STRENGTHS]
    if judging.humans:
        blocks += [_human_table(judging), _HUMANS]
    if judging.sequential:
        blocks += [_sequential_table(judging), _SEQUENTIAL]
    if judging.agreement:
        blocks.append(_agreement(judging))
    return blocks


def _agreement(judging: JudgingSummary) -> str:
    agreement = judging.agreement
    if agreement is None:
        return ""
    return (
        f"the judges agree on {_share(agreement.share)} of {agreement.items:,} pairs: "
        f"Cohen's kappa {_number(agreement.cohen)}, Fleiss' kappa {_number(agreement.fleiss)}, "
        f"Krippendorff's alpha {_number(agreement.alpha)}"
    )


def _usage(judging: JudgingSummary) -> str:
    cost = "no known price" if judging.cost is None else f"${judging.cost:,.4f}"
    if judging.cost is not None and judging.unpriced:
        cost += " without those of unknown price"
    return f"judge {judging.prompt_tokens:,} + {judging.completion_tokens:,} tokens, {cost}"


def _row_table(rows: Sequence[Row]) -> Table:
    head = ["task", "lang", "baseline", "candidate", "n", "win", "ties", "invalid", "consistent"]
    lines = [
        [
            row.task, row.language or "-", row.baseline, row.candidate, f"{row.n:,}",
            _interval(row.win_rate, row.win_rate_low, row.win_rate_high),
            _share(row.ties / row.n), _share(row.invalid), _share(row.position_consistency),
        ]
        for row in rows
    ]  # fmt: skip
    return Table(head, lines, 4)


def _judge_table(judging: JudgingSummary) -> Table:
    head = ["judge", "pairs", "invalid", "consistent", "first", "retest", "noise"]
    lines = [
        [
            judge.name, f"{judge.pairs:,}", _share(judge.invalid), _share(judge.position_consistency),
            _share(judge.first_wins), _share(judge.retest_agreement), _number(judge.noise),
        ]
        for judge in judging.judges
    ]  # fmt: skip
    return Table(head, lines)


def _against_table(judging: JudgingSummary) -> Table:
    lines = [[run.name, f"{run.n:,}", _interval(run.win_rate, run.low, run.high)] for run in judging.against]
    return Table(["run", "n", "win"], lines)


def _style_table(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "raw", "adjusted", "effects"]
    lines = [
        [
            style.baseline, style.candidate, f"{style.raw:.1%}",
            _interval(style.adjusted, style.low, style.high),
            ", ".join(f"{effect.name} {effect.value:+.2f}{_bounds(effect.low, effect.high)}" for effect in style.effects),
        ]
        for style in judging.style
    ]  # fmt: skip
    return Table(head, lines, 2)


def _strength_table(judging: JudgingSummary) -> Table:
    head = ["system", "rank", "strength", "beats a random other"]
    lines = [
        [
            system.name,
            str(system.rank),
            f"{system.strength:+.2f}{_bounds(system.low, system.high)}",
            f"{system.win_rate:.1%}",
        ]
        for system in judging.strengths
    ]
    return Table(head, lines)


def _human_table(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "labels", "agree", "estimate", "labels alone", "judge alone"]
    lines = [
        [
            human.baseline, human.candidate, f"{human.labels:,}",
            _interval(human.agreement, human.agreement_low, human.agreement_high),
            _interval(human.win_rate, human.low, human.high),
            _interval(human.labels_alone, human.labels_alone_low, human.labels_alone_high),
            f"{human.judge_alone:.1%}",
        ]
        for human in judging.humans
    ]  # fmt: skip
    return Table(head, lines, 2)


def _sequential_table(judging: JudgingSummary) -> Table:
    head = ["baseline", "candidate", "judged", "planned", "saved", "decided"]
    lines = [
        [
            stop.baseline, stop.candidate, f"{stop.judged:,}", f"{stop.planned:,}",
            f"{stop.planned - stop.judged:,} ({1 - stop.judged / stop.planned:.0%})", "yes" if stop.decided else "no",
        ]
        for stop in judging.sequential
    ]  # fmt: skip
    return Table(head, lines, 2)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{100 * low:.1f}, {100 * high:.1f}]"


def _bounds(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:+.2f}, {high:+.2f}]"
