"""Rows of a judging that stopped when it liked: tests and intervals that hold at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fusion_eval.compare.correction import adjust_rows
from fusion_eval.judging.job import Job, Prepared, question_scores, shown
from fusion_eval.judging.panel import Judged, Match
from fusion_eval.judging.rows import of_row
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import SequentialStop
from fusion_eval.stats.sequential import sequential_test

NOTE = (
    "judging stopped when the answer was known: values of the rows are of all judged items alike, not means of languages; "
    "style, strengths and human estimates are as if the number of pairs had been fixed"
)


def at_any_moment(job: Job, ready: Prepared, judged: Sequence[Judged], comparison: Comparison) -> Comparison:
    """The comparison with anytime-valid rows.

    A row's own verdicts, in their order, are bets on the row's own hypothesis; that holds at whatever moment, one that
    the other rows' verdicts decided included. The rows by which judging stopped are one family of tests, as it stopped
    at each question's share of the level; the others are adjusted over all rows.
    """
    rows = [_row(row, ready, judged, 1 - comparison.alpha) for row in comparison.rows]
    adjusted = adjust_rows(rows, comparison.alpha, job.statistics.correction)
    heads = [place for place, row in enumerate(rows) if _is_widest(row, ready)]
    own = adjust_rows([rows[place] for place in heads], comparison.alpha, job.statistics.correction)
    for place, row in zip(heads, own, strict=True):
        adjusted[place] = row
    return replace(comparison, rows=tuple(adjusted), notes=(*comparison.notes, NOTE))


def stopped(
    comparison: Comparison, questions: Sequence[Match], ready: Prepared, judged: Sequence[Judged]
) -> tuple[SequentialStop, ...]:
    """How far each question went, readable or not, and whether its row decides it."""
    done = Counter((one.pair.baseline, one.pair.candidate) for one in judged)
    heads = {(row.baseline, row.candidate): row for row in comparison.rows if _is_widest(row, ready)}
    return tuple(
        SequentialStop(
            *question,
            judged=done[shown(question, ready)],
            planned=len(ready.matches[shown(question, ready)]),
            decided=question in heads and heads[question].significant,
        )
        for question in questions
    )


def _is_widest(row: Row, ready: Prepared) -> bool:
    """Whether a row is of everything that its question asked about."""
    plan = ready.matches[shown((row.baseline, row.candidate), ready)]
    return len(of_row(row, plan)) == len(plan)


def _row(row: Row, ready: Prepared, judged: Sequence[Judged], confidence: float) -> Row:
    question = (row.baseline, row.candidate)
    mine = {id(verdict) for verdict in of_row(row, [one.verdict for one in judged])}
    asked = [one for one in judged if id(one.verdict) in mine]
    worth = question_scores(question, ready.opponent is not None)(asked)
    known = [(score, one) for score, one in zip(worth, asked, strict=True) if score is not None]
    scores = [score for score, _ in known]
    labels = [ready.cluster(one.pair) for _, one in known]
    sizes = Counter(ready.cluster(pair) for pair in of_row(row, ready.matches[shown(question, ready)]))
    largest = max(sizes.values())  # of the plan, not of what has been judged
    found = sequential_test(scores, labels, confidence, largest)
    # Wins and losses are a question of their own where scores are graded, or differences of two.
    won = sequential_test([_sign(score) for score in scores], labels, confidence, largest)
    candidate = sum(one.verdict.score or 0.0 for _, one in known) / len(known)
    delta = 2 * found.rate - 1
    return replace(
        row,
        baseline_value=candidate - delta,
        candidate_value=candidate,
        delta=delta,
        ci_low=2 * found.low - 1,
        ci_high=2 * found.high - 1,
        ci_method="confidence sequence",
        test="sequential",
        p_value=found.p_value,
        win_rate=won.rate,
        win_rate_low=won.low,
        win_rate_high=won.high,
        win_p_value=won.p_value,
        standard_error=None,
        minimal_detectable_effect=None,
        items_needed=None,
    )


def _sign(score: float) -> float:
    return 0.5 if abs(score - 0.5) < 1e-9 else float(score > 0.5)
