"""Tests of corpus metrics agree with sacrebleu's, and are valid for documents and several languages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest, Result
from scipy.stats import binom

from fusion_eval.stats.bootstrap import bootstrap_interval
from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.stats.paired import paired_segments
from fusion_eval.stats.permutation import permutation_test

Floats = npt.NDArray[np.float64]
ENGINES = {"bleu": BLEU, "chrf": CHRF, "chrf++": lambda: CHRF(word_order=2), "ter": TER}
N = 80
SIMULATIONS, ALPHA = 300, 0.05
RANDOMIZED = [(0.15, 2), (0.17, 3), (0.17, 10)]
"""Error rates and seeds of candidates whose p-values are about 0.7, 0.1 and 0.03."""


@cache
def texts(n: int = N, seed: int = 0) -> tuple[str, ...]:
    """Return sentences of 6 to 16 words out of 300, of which the first are frequent."""
    dice = random.Random(seed)
    words = [
        "".join(dice.choices(["ka", "lo", "mi", "ter", "an", "su"], k=dice.randint(1, 3))) for _ in range(300)
    ]
    frequencies = [1 / (rank + 3) for rank in range(300)]
    return tuple(" ".join(dice.choices(words, frequencies, k=dice.randint(6, 16))) + "." for _ in range(n))


def system(originals: Sequence[str], seed: int, rates: float | Sequence[float]) -> list[str]:
    """Return the answers of a translation system that loses a share of the words of each sentence."""
    dice = random.Random(seed)
    several = [rates] * len(originals) if isinstance(rates, float) else rates
    return [
        " ".join(word for word in text.split() if dice.random() > rate)
        for text, rate in zip(originals, several, strict=True)
    ]


def statistics(name: str, hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    return corpus_metric(name).statistics(hypotheses, references)


def sacrebleu_test(name: str, kind: str, baseline: list[str], candidate: list[str], trials: int) -> Result:
    """Return sacrebleu's result for the candidate."""
    systems = [("baseline", baseline), ("candidate", candidate)]
    _, scores = PairedTest(systems, {name: ENGINES[name]()}, [list(texts())], kind, n_samples=trials)()
    (metric,) = scores.keys() - {"System"}
    result = scores[metric][1]
    assert isinstance(result, Result)
    return result


def at_most(rate: float, simulations: int = SIMULATIONS) -> float:
    """Return the share of rejections that a test of this level exceeds with a probability of 0.1%."""
    return float(binom.ppf(0.999, simulations, rate)) / simulations


@pytest.mark.parametrize(
    ("name", "rate", "seed"),
    [
        *((name, rate, seed) for name in ("bleu", "chrf", "chrf++") for rate, seed in RANDOMIZED),
        ("ter", 0.17, 5),
        ("ter", 0.17, 7),
    ],
)
def test_the_permutation_test_agrees_with_sacrebleus_randomization(name: str, rate: float, seed: int) -> None:
    """TER is compared on clear differences only: it has ties, which sacrebleu does not count as extreme."""
    baseline, candidate = system(texts(), 1, 0.15), system(texts(), seed, rate)

    theirs = sacrebleu_test(name, "ar", baseline, candidate, trials=1000).p_value
    ours = permutation_test(
        paired_segments(
            statistics(name, baseline, texts()),
            statistics(name, candidate, texts()),
            corpus_metric(name).score,
        )
    )

    error = np.sqrt(ours.p_value * (1 - ours.p_value) * (1 / 1000 + 1 / ours.resamples))
    assert ours.p_value == pytest.approx(theirs, abs=float(4 * error) + 0.002)


@pytest.mark.parametrize("name", ENGINES)
def test_the_bootstrap_agrees_with_sacrebleus_interval_of_one_system(name: str) -> None:
    """Their interval is that of one score, which is the difference from a baseline of empty answers."""
    baseline, candidate = system(texts(), 1, 0.15), system(texts(), 2, 0.25)
    theirs = sacrebleu_test(name, "bs", baseline, candidate, trials=2000)

    counts = statistics(name, candidate, texts())
    paired = paired_segments(np.zeros_like(counts), counts, corpus_metric(name).score)
    interval = bootstrap_interval(paired, method="percentile")

    assert interval is not None
    assert paired.delta == pytest.approx(theirs.score, abs=1e-9)
    assert (interval.high - interval.low) / 2 == pytest.approx(theirs.ci, rel=0.08)
    assert (interval.high + interval.low) / 2 == pytest.approx(theirs.mean, abs=0.2 * float(theirs.ci))


@pytest.mark.parametrize("name", ENGINES)
def test_the_bootstrap_agrees_with_sacrebleus_paired_bootstrap(name: str) -> None:
    """Their p-value implies that 0 is about an end of the interval with the confidence 1 - 2p."""
    baseline, candidate = system(texts(), 1, 0.15), system(texts(), 3, 0.17)
    theirs = sacrebleu_test(name, "bs", baseline, candidate, trials=2000)
    assert 0.005 < theirs.p_value < 0.1

    paired = paired_segments(
        statistics(name, baseline, texts()), statistics(name, candidate, texts()), corpus_metric(name).score
    )
    interval = bootstrap_interval(paired, confidence=1 - 2 * theirs.p_value, method="percentile")

    assert interval is not None
    ends = sorted([abs(interval.low), abs(interval.high)])
    assert ends[0] < 0.15 * abs(paired.delta) < ends[1]


@pytest.mark.parametrize("name", ["bleu", "ter"])
def test_two_equal_systems_differ_significantly_as_rarely_as_the_level_says(name: str) -> None:
    pool, score = texts(400), corpus_metric(name).score
    both = np.stack([statistics(name, system(pool, seed, 0.15), pool) for seed in (1, 2)])
    dice = np.random.default_rng(1)
    rejected = 0
    for seed in range(SIMULATIONS):
        drawn = dice.choice(len(pool), 40, replace=False)
        who = dice.integers(2, size=40)
        paired = paired_segments(both[who, drawn], both[1 - who, drawn], score)
        rejected += permutation_test(paired, resamples=499, seed=seed).p_value <= ALPHA
    assert 0 < rejected / SIMULATIONS <= at_most(ALPHA)


def test_documents_keep_the_level_that_single_sentences_lose() -> None:
    """In each document one of two equal systems, at random, is worse in every sentence."""
    documents, length = 60, 8
    pool, score = texts(documents * length), corpus_metric("bleu").score
    both = np.stack([statistics("bleu", system(pool, rate, rate / 100), pool) for rate in (10, 30)])
    both = both.reshape(2, documents, length, -1)
    dice = np.random.default_rng(2)
    by_document = by_sentence = 0
    for seed in range(SIMULATIONS):
        drawn = dice.choice(documents, 20, replace=False)
        who = dice.integers(2, size=20)
        a, b = (both[side, drawn].reshape(20 * length, -1) for side in (who, 1 - who))
        labels = np.repeat(drawn, length)
        clustered, single = paired_segments(a, b, score, clusters=labels), paired_segments(a, b, score)
        by_document += permutation_test(clustered, resamples=499, seed=seed).p_value <= ALPHA
        by_sentence += permutation_test(single, resamples=499, seed=seed).p_value <= ALPHA
    assert 0 < by_document / SIMULATIONS <= at_most(ALPHA)
    assert by_sentence / SIMULATIONS > 2 * at_most(ALPHA)


def test_a_worse_system_is_found() -> None:
    pool, score = texts(400), corpus_metric("bleu").score
    good, bad = (statistics("bleu", system(pool, seed, rate), pool) for seed, rate in ((1, 0.1), (2, 0.2)))
    dice = np.random.default_rng(3)
    found = 0
    for seed in range(100):
        drawn = dice.choice(len(pool), 40, replace=False)
        test = permutation_test(paired_segments(good[drawn], bad[drawn], score), resamples=499, seed=seed)
        found += test.p_value <= ALPHA
    assert found >= 90


@pytest.mark.parametrize("name", ENGINES)
def test_swapping_the_runs_mirrors_the_result(name: str) -> None:
    a = statistics(name, system(texts(), 1, 0.15), texts())
    b = statistics(name, system(texts(), 2, 0.18), texts())
    score = corpus_metric(name).score
    there, back = paired_segments(a, b, score), paired_segments(b, a, score)
    assert there.delta == -back.delta != 0
    assert permutation_test(there).p_value == pytest.approx(permutation_test(back).p_value, abs=0.02)
    one, other = (bootstrap_interval(paired, method="percentile") for paired in (there, back))
    assert one is not None and other is not None
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=0.05 * (one.high - one.low))


@pytest.mark.parametrize("name", ENGINES)
def test_a_run_does_not_differ_from_itself(name: str) -> None:
    a = statistics(name, system(texts(), 1, 0.15), texts())
    same = paired_segments(a, a.copy(), corpus_metric(name).score)
    assert same.delta == 0
    assert permutation_test(same).p_value == 1
    interval = bootstrap_interval(same)
    assert interval is not None and interval.low == interval.high == 0


def by_language(hypotheses_of: Any) -> tuple[Floats, list[str], dict[str, float]]:
    """Return stacked statistics of an English, a Chinese and an Arabic corpus, their labels, and sacrebleu's scores."""
    corpora = {
        "en": list(texts(30)),
        "zh": [f"第{i}艘渡轮七点离开港口，没有人等它。" * (1 + i % 3) for i in range(20)],
        "ar": [f"تغادر العبارة رقم {i} الميناء في الساعة السابعة ولا ينتظرها أحد." for i in range(25)],
    }
    rows, labels, scores = [], [], {}
    for language, originals in corpora.items():
        hypotheses = hypotheses_of(originals)
        rows.append(corpus_metric("bleu", language).statistics(hypotheses, originals))
        labels += [language] * len(originals)
        tokenize = "zh" if language == "zh" else "13a"
        scores[language] = BLEU(tokenize=tokenize).corpus_score(hypotheses, [originals]).score
    return np.vstack(rows), labels, scores


def test_the_value_of_several_languages_is_the_mean_of_their_corpus_scores() -> None:
    def cut(originals: list[str]) -> list[str]:
        return [text[: -1 - i % 5] for i, text in enumerate(originals)]

    def loss(originals: list[str]) -> list[str]:
        return [text.replace("a", "", i % 4).replace("港", "") for i, text in enumerate(originals)]

    baseline, languages, before = by_language(cut)
    candidate, _, after = by_language(loss)
    order = np.random.default_rng(4).permutation(len(languages))

    paired = paired_segments(
        baseline[order], candidate[order], corpus_metric("bleu").score, groups=np.array(languages)[order]
    )

    assert len(set(before.values()) | set(after.values())) == 6
    assert paired.baseline_value == pytest.approx(np.mean(list(before.values())), abs=1e-9)
    assert paired.candidate_value == pytest.approx(np.mean(list(after.values())), abs=1e-9)


def test_a_document_is_resampled_in_all_its_languages_together() -> None:
    """A language that repeats another adds no information, unless it had documents of its own."""
    a = statistics("bleu", system(texts(), 1, 0.15), texts())
    b = statistics("bleu", system(texts(), 3, 0.19), texts())
    score, documents = corpus_metric("bleu").score, np.arange(N) // 2
    twice = [np.vstack([a, a]), np.vstack([b, b])]
    languages = np.repeat(["fr", "de"], N)
    one = paired_segments(a, b, score, clusters=documents)
    together = paired_segments(*twice, score, clusters=np.tile(documents, 2), groups=languages)
    apart = paired_segments(*twice, score, clusters=np.arange(2 * N) // 2, groups=languages)

    assert (one.n_clusters, together.n_clusters, apart.n_clusters) == (N // 2, N // 2, N)
    assert together.delta == pytest.approx(one.delta)
    p_one, p_together, p_apart = (permutation_test(paired).p_value for paired in (one, together, apart))
    assert p_together == pytest.approx(p_one, abs=0.02)
    assert p_apart < 0.7 * p_one
    widths = []
    for paired in (one, together, apart):
        interval = bootstrap_interval(paired, method="percentile")
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.06)
    assert widths[2] == pytest.approx(widths[0] / np.sqrt(2), rel=0.06)
