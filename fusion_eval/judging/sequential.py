"""Rows of a judging that stopped early: tests and intervals that are valid at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fusion_eval.comparison.correction import adjust_rows
from fusion_eval.judging.job import Job, PlannedPairs, hypothesis_scores, judged_systems
from fusion_eval.judging.panel import JudgedPair, SystemPair
from fusion_eval.judging.rows import of_row
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import SequentialStop
from fusion_eval.stats.sequential import sequential_test

NOTE = (
    "judging stopped early: values of the rows weigh all judged items alike and are no means of languages; "
    "style, strengths and human estimates assume a fixed number of pairs"
)


def with_sequential_rows(
    job: Job, planned: PlannedPairs, judged: Sequence[JudgedPair], comparison: Comparison
) -> Comparison:
    """Replace the tests and intervals of all rows by ones that are valid whenever judging stops.

    A row's own verdicts, in the order of judging, test the row's own hypothesis. So the row stays valid if other rows'
    verdicts decided when to stop. The rows that judging stopped by are one family of tests. The other rows are adjusted
    over all rows.
    """
    rows = [_sequential_row(row, planned, judged, 1 - comparison.alpha) for row in comparison.rows]
    adjusted = adjust_rows(rows, comparison.alpha, job.statistics.correction)
    deciding = [place for place, row in enumerate(rows) if _covers_hypothesis(row, planned)]
    family = adjust_rows([rows[place] for place in deciding], comparison.alpha, job.statistics.correction)
    for place, row in zip(deciding, family, strict=True):
        adjusted[place] = row
    return replace(comparison, rows=tuple(adjusted), notes=(*comparison.notes, NOTE))


def sequential_stops(
    comparison: Comparison,
    hypotheses: Sequence[SystemPair],
    planned: PlannedPairs,
    judged: Sequence[JudgedPair],
) -> tuple[SequentialStop, ...]:
    """Say for each hypothesis how many pairs were judged, readable or not, and whether its row is significant."""
    counts = Counter((one.pair.baseline, one.pair.candidate) for one in judged)
    deciding = {
        (row.baseline, row.candidate): row for row in comparison.rows if _covers_hypothesis(row, planned)
    }
    return tuple(
        SequentialStop(
            *hypothesis,
            judged=counts[judged_systems(hypothesis, planned)],
            planned=len(planned.by_systems[judged_systems(hypothesis, planned)]),
            decided=hypothesis in deciding and deciding[hypothesis].significant,
        )
        for hypothesis in hypotheses
    )


def _covers_hypothesis(row: Row, planned: PlannedPairs) -> bool:
    """Whether a row covers all pairs of its hypothesis, not only those of one task or language."""
    pairs = planned.by_systems[judged_systems((row.baseline, row.candidate), planned)]
    return len(of_row(row, pairs)) == len(pairs)


def _sequential_row(row: Row, planned: PlannedPairs, judged: Sequence[JudgedPair], confidence: float) -> Row:
    hypothesis = (row.baseline, row.candidate)
    covered = {id(verdict) for verdict in of_row(row, [one.verdict for one in judged])}
    own = [one for one in judged if id(one.verdict) in covered]
    own_scores = hypothesis_scores(hypothesis, planned.opponent is not None)(own)
    scored = [(score, one) for score, one in zip(own_scores, own, strict=True) if score is not None]
    scores = [score for score, _ in scored]
    labels = [planned.cluster(one.pair) for _, one in scored]
    # The largest cluster of the plan: the test needs a bound that does not depend on what has been judged.
    pairs = of_row(row, planned.by_systems[judged_systems(hypothesis, planned)])
    largest = max(Counter(planned.cluster(pair) for pair in pairs).values())
    by_score = sequential_test(scores, labels, confidence, largest)
    # The win rate is tested separately, since scores may be graded or differences of two scores.
    by_wins = sequential_test([_win_tie_loss(score) for score in scores], labels, confidence, largest)
    candidate = sum(one.verdict.score or 0.0 for _, one in scored) / len(scored)
    delta = 2 * by_score.rate - 1
    return replace(
        row,
        baseline_value=candidate - delta,
        candidate_value=candidate,
        delta=delta,
        ci_low=2 * by_score.low - 1,
        ci_high=2 * by_score.high - 1,
        ci_method="confidence sequence",
        test="sequential",
        p_value=by_score.p_value,
        win_rate=by_wins.rate,
        win_rate_low=by_wins.low,
        win_rate_high=by_wins.high,
        win_p_value=by_wins.p_value,
        standard_error=None,
        minimal_detectable_effect=None,
        items_needed=None,
    )


def _win_tie_loss(score: float) -> float:
    return 0.5 if abs(score - 0.5) < 1e-9 else float(score > 0.5)
