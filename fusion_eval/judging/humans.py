"""A few human verdicts: how often the judge says the same, and what humans would say of all pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.judgement import HumanEstimate
from fusion_eval.judging.verdicts import Verdict
from fusion_eval.judging.work import Judged
from fusion_eval.runs.samples import records
from fusion_eval.stats.prediction_powered import prediction_powered

_SCORES = {"win": 1.0, "tie": 0.5, "loss": 0.0}
_FORM = 'lines look like {"task": …, "doc_id": …, "baseline": …, "candidate": …, "verdict": "win"}'
_FIELDS = ("task", "doc_id", "baseline", "candidate")

Label = Mapping[str, object]


def human_estimates(
    path: Path, judged: Sequence[Judged], clusters: Sequence[str], confidence: float
) -> tuple[HumanEstimate, ...]:
    """For each two systems that the file has verdicts on; `clusters` are the labels of the judged pairs.

    A line is one of `verdicts.jsonl` with a human's `verdict` (win, tie or loss of the candidate); fields that all
    pairs share may be left out. Raises `ConfigError`, which names the line, for one that fits no pair, or several.
    """
    scores = _labels(path, [one.verdict for one in judged])
    if not scores:
        raise ConfigError(f"{path} holds no verdicts; {_FORM}")
    matches = dict.fromkeys((one.verdict.baseline, one.verdict.candidate) for one in judged)
    estimates = []
    for baseline, candidate in matches:
        places = [
            place
            for place, one in enumerate(judged)
            if (one.verdict.baseline, one.verdict.candidate) == (baseline, candidate)
            and one.verdict.score is not None
        ]
        if any(place in scores for place in places):
            estimates.append(_estimate(baseline, candidate, places, scores, judged, clusters, confidence))
    return tuple(estimates)


def _estimate(
    baseline: str,
    candidate: str,
    places: Sequence[int],
    scores: Mapping[int, float],
    judged: Sequence[Judged],
    clusters: Sequence[str],
    confidence: float,
) -> HumanEstimate:
    labelled = [place for place in places if place in scores]
    others = [place for place in places if place not in scores]
    said = {place: float(judged[place].verdict.score or 0.0) for place in places}
    found = prediction_powered(
        [scores[place] for place in labelled],
        [said[place] for place in labelled],
        [said[place] for place in others],
        [clusters[place] for place in labelled],
        [clusters[place] for place in others],
        confidence,
    )
    return HumanEstimate(
        baseline=baseline,
        candidate=candidate,
        labels=len(labelled),
        agreement=found.agreement.rate,
        agreement_low=found.agreement.low,
        agreement_high=found.agreement.high,
        win_rate=found.powered.rate,
        low=found.powered.low,
        high=found.powered.high,
        labels_alone=found.human.rate,
        labels_alone_low=found.human.low,
        labels_alone_high=found.human.high,
        judge_alone=found.judge_rate,
    )


def _labels(path: Path, verdicts: Sequence[Verdict]) -> dict[int, float]:
    """A human's score by the place of the pair among the judged ones."""
    found: dict[int, float] = {}
    for where, record in records(path):
        if not isinstance(record, dict) or not set(_FIELDS) & record.keys():
            raise ConfigError(f"{path}, {where} is not a human verdict; {_FORM}")
        said = record.get("verdict")
        if said not in _SCORES:
            raise ConfigError(
                f"{path}, {where}: verdict '{said}' is none of win, tie, loss (of the candidate).{nearest(str(said), _SCORES)}"
            )
        places = [place for place, verdict in enumerate(verdicts) if _fits(record, verdict)]
        if len(places) != 1:
            raise ConfigError(
                f"{path}, {where} fits {len(places) or 'none'} of the judged pairs; {_FORM}, and systems are called "
                f"{', '.join(sorted({v.baseline for v in verdicts} | {v.candidate for v in verdicts}))}"
            )
        if found.setdefault(places[0], _SCORES[said]) != _SCORES[said]:
            raise ConfigError(f"{path}, {where} contradicts an earlier line on the same pair; leave one")
    return found


def _fits(record: Label, verdict: Verdict) -> bool:
    return all(record[field] == getattr(verdict, field) for field in _FIELDS if field in record)
