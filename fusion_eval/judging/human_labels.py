"""A few human verdicts: how often the judge says the same, and what humans would say of all pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.judging.panel import Judged
from fusion_eval.judging.verdicts import Identity, Pair
from fusion_eval.runs.judging_summary import HumanEstimate
from fusion_eval.runs.samples import read_records
from fusion_eval.stats.prediction_powered import judge_agreement, prediction_powered

_SCORES = {"win": 1.0, "tie": 0.5, "loss": 0.0}
_FORM = 'lines look like {"task": …, "doc_id": …, "baseline": …, "candidate": …, "verdict": "win"}'
_FIELDS = ("task", "doc_id", "baseline", "candidate")

Labels = Mapping[Identity, float]
"""A human's score of a pair: what it is worth to the candidate."""


def human_labels(path: Path, pairs: Sequence[Pair]) -> Labels:
    """Human scores of the pairs that a file has verdicts on, before anybody is asked.

    A line is one of `verdicts.jsonl` with a human's `verdict` (win, tie or loss of the candidate); fields that all
    pairs share may be left out. Raises `ConfigError`, which names the line, for one that fits no pair, or several.
    """
    by_document: dict[object, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_document[pair.doc_id].append(pair)
    found: dict[Identity, float] = {}
    for where, line in read_records(path):
        record = _record(path, where, line)
        score = _score(path, where, record)
        among = by_document[record["doc_id"]] if "doc_id" in record else pairs
        fitting = [pair for pair in among if _fits(record, pair)]
        if len(fitting) != 1:
            raise ConfigError(
                f"{path}, {where} fits {len(fitting) or 'none'} of the pairs to be judged; {_FORM}, and systems are called "
                f"{', '.join(sorted({pair.baseline for pair in pairs} | {pair.candidate for pair in pairs}))}"
            )
        if found.setdefault(fitting[0].identity, score) != score:
            raise ConfigError(f"{path}, {where} contradicts an earlier line on the same pair; leave one")
    if not found:
        raise ConfigError(f"{path} holds no verdicts; {_FORM}")
    return found


def _record(path: Path, where: str, found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict) or not set(_FIELDS) & found.keys():
        raise ConfigError(f"{path}, {where} is not a human verdict; {_FORM}")
    return found


def _score(path: Path, where: str, record: Mapping[str, Any]) -> float:
    said = record.get("verdict")
    if not isinstance(said, str) or said not in _SCORES:
        raise ConfigError(
            f"{path}, {where}: verdict '{said}' is none of win, tie, loss (of the candidate).{nearest(str(said), _SCORES)}"
        )
    return _SCORES[said]


def _fits(record: Mapping[str, object], pair: Pair) -> bool:
    return all(record[field] == getattr(pair, field) for field in _FIELDS if field in record)


def human_estimates(
    labels: Labels, judged: Sequence[Judged], clusters: Sequence[str], confidence: float
) -> tuple[HumanEstimate, ...]:
    """For each two systems that there are labels on; `clusters` are the labels of the judged pairs.

    A pair without a verdict counts as a prediction of one half: the estimate holds whatever is predicted.
    """
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(judged):
        places[one.pair.baseline, one.pair.candidate].append(place)
    return tuple(
        _estimate(match, mine, labels, judged, clusters, confidence)
        for match, mine in places.items()
        if any(judged[place].pair.identity in labels for place in mine)
    )


def _estimate(
    match: tuple[str, str],
    places: Sequence[int],
    labels: Labels,
    judged: Sequence[Judged],
    clusters: Sequence[str],
    confidence: float,
) -> HumanEstimate:
    said = [0.5 if one.verdict.score is None else one.verdict.score for one in judged]
    human = {
        place: labels[judged[place].pair.identity]
        for place in places
        if judged[place].pair.identity in labels
    }
    others = [place for place in places if place not in human]
    found = prediction_powered(
        list(human.values()),
        [said[place] for place in human],
        [said[place] for place in others],
        [clusters[place] for place in human],
        [clusters[place] for place in others],
        confidence,
    )
    read = [place for place in human if judged[place].verdict.score is not None]
    agreed = judge_agreement(
        [human[place] for place in read],
        [said[place] for place in read],
        [clusters[place] for place in read],
        confidence,
    )
    return HumanEstimate(
        baseline=match[0],
        candidate=match[1],
        labels=len(human),
        agreement=agreed.rate,
        agreement_low=agreed.low,
        agreement_high=agreed.high,
        win_rate=found.powered.rate,
        low=found.powered.low,
        high=found.powered.high,
        labels_alone=found.human.rate,
        labels_alone_low=found.human.low,
        labels_alone_high=found.human.high,
        judge_alone=found.judge_rate,
    )
