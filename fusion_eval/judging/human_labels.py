"""Human verdicts on a few pairs: how often the judge agrees, and what humans would say of all pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.judging.pair_verdicts import AnswerPair, PairKey
from fusion_eval.judging.panel import JudgedPair, SystemPair
from fusion_eval.runs.judging_summary import HumanEstimate
from fusion_eval.runs.verdicts import HUMAN_FORM, PAIR_FIELDS, read_human_verdicts
from fusion_eval.stats.prediction_powered import judge_agreement, prediction_powered

HumanLabels = Mapping[PairKey, float]
"""The candidate's score by a human, from 0 to 1, for each labelled pair."""


def read_human_labels(path: Path, pairs: Sequence[AnswerPair]) -> HumanLabels:
    """Read human scores of some of the pairs.

    A line is one of `verdicts.jsonl` with a human's `verdict`. A field that is the same in all pairs may be left out.

    Args:
        path: A JSON Lines file.
        pairs: The pairs to be judged.

    Raises:
        ConfigError: A line fits no pair or several, or contradicts an earlier line. The message names the line.
    """
    by_document: dict[object, list[AnswerPair]] = defaultdict(list)
    for pair in pairs:
        by_document[pair.doc_id].append(pair)
    labels: dict[PairKey, float] = {}
    for where, record, score in read_human_verdicts(path):
        possible = by_document[record["doc_id"]] if isinstance(record.get("doc_id"), int) else pairs
        fitting = [pair for pair in possible if _fits(record, pair)]
        if len(fitting) != 1:
            raise ConfigError(
                f"{path}, {where} fits {len(fitting) or 'none'} of the pairs to be judged; {HUMAN_FORM}, and systems are called "
                f"{', '.join(sorted({pair.baseline for pair in pairs} | {pair.candidate for pair in pairs}))}"
            )
        if labels.setdefault(fitting[0].key, score) != score:
            raise ConfigError(f"{path}, {where} contradicts an earlier line on the same pair; leave one")
    if not labels:
        raise ConfigError(f"{path} holds no verdicts; {HUMAN_FORM}")
    return labels


def _fits(record: Mapping[str, object], pair: AnswerPair) -> bool:
    return all(record[field] == getattr(pair, field) for field in PAIR_FIELDS if field in record)


def human_estimates(
    labels: HumanLabels, judged: Sequence[JudgedPair], clusters: Sequence[str], confidence: float
) -> tuple[HumanEstimate, ...]:
    """Estimate the human win rate of every two systems that have labels.

    Args:
        labels: The human scores.
        judged: All judged pairs.
        clusters: The cluster label of each judged pair.
        confidence: The confidence of the intervals.
    """
    places: dict[SystemPair, list[int]] = defaultdict(list)
    for place, one in enumerate(judged):
        places[one.pair.baseline, one.pair.candidate].append(place)
    return tuple(
        _estimate(systems, own, labels, judged, clusters, confidence)
        for systems, own in places.items()
        if any(judged[place].pair.key in labels for place in own)
    )


def _estimate(
    systems: SystemPair,
    places: Sequence[int],
    labels: HumanLabels,
    judged: Sequence[JudgedPair],
    clusters: Sequence[str],
    confidence: float,
) -> HumanEstimate:
    # A pair without a verdict counts as a prediction of one half: the estimate is valid for any predictions.
    predicted = [0.5 if one.verdict.score is None else one.verdict.score for one in judged]
    human = {place: labels[judged[place].pair.key] for place in places if judged[place].pair.key in labels}
    others = [place for place in places if place not in human]
    estimate = prediction_powered(
        list(human.values()),
        [predicted[place] for place in human],
        [predicted[place] for place in others],
        [clusters[place] for place in human],
        [clusters[place] for place in others],
        confidence,
    )
    readable = [place for place in human if judged[place].verdict.score is not None]
    agreement = judge_agreement(
        [human[place] for place in readable],
        [predicted[place] for place in readable],
        [clusters[place] for place in readable],
        confidence,
    )
    return HumanEstimate(
        baseline=systems[0],
        candidate=systems[1],
        labels=len(human),
        agreement=agreement.rate,
        agreement_low=agreement.low,
        agreement_high=agreement.high,
        win_rate=estimate.powered.rate,
        low=estimate.powered.low,
        high=estimate.powered.high,
        labels_alone=estimate.human.rate,
        labels_alone_low=estimate.human.low,
        labels_alone_high=estimate.human.high,
        judge_alone=estimate.judge_rate,
    )
