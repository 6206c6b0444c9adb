"""Corpus metrics: the sum of the segments' statistics has sacrebleu's score of the corpus."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from fusion_eval.stats.corpus import CorpusMetric, MissingTokenizerError, corpus_metric
from fusion_eval.stats.corpus_scores import bleu_score

METRICS = ("bleu", "chrf", "chrf++", "ter")
ASIAN = {"zh": ("zh", None), "ja": ("ja-mecab", "MeCab"), "ko": ("ko-mecab", "mecab_ko")}
"""Language → sacrebleu's tokenizer, and the package that provides it."""
TEXTS = {
    "en": [
        "The ferry leaves the harbour at seven o'clock, and nobody waits for it.",
        "She counted 1,250 steps from the gate to the old mill.",
        "Rain!",
        "Two of the three bridges were closed after the storm (the third is for trains).",
        'He said: "Bring the blue folder, please" - and left.',
        "The price rose by 3.5% in May.",
    ],
    "zh": [
        "渡轮七点离开港口，没有人等它。",
        "她从大门数到老磨坊，一共1250步。",
        "五月份价格上涨了3.5%。",
        "下雨了！",
    ],
    "ja": [
        "フェリーは七時に港を出る。",
        "彼女は門から古い水車まで1250歩を数えた。",
        "五月に価格は3.5%上がった。",
        "雨だ！",
    ],
    "ko": [
        "배는 일곱 시에 항구를 떠난다.",
        "그녀는 문에서 방앗간까지 1250걸음을 세었다.",
        "오월에 가격이 3.5% 올랐다.",
        "비다!",
    ],
}


def degraded(texts: Sequence[str], seed: int, rate: float = 0.2) -> list[str]:
    """Return the texts of a worse system, which drops or swaps some words (characters in text without spaces)."""
    dice = random.Random(seed)
    outputs = []
    for text in texts:
        between = " " if " " in text else ""
        words = [word for word in (text.split(" ") if between else text) if dice.random() > rate]
        for i in range(len(words) - 1):
            if dice.random() < rate:
                words[i], words[i + 1] = words[i + 1], words[i]
        outputs.append(between.join(words))
    return outputs


def sacrebleu_metric(name: str, language: str = "en") -> Any:
    if name == "bleu":
        return BLEU(tokenize=ASIAN[language][0] if language in ASIAN else "13a")
    if name == "ter":
        return TER(normalized=language in ASIAN, asian_support=language in ASIAN)
    return CHRF(word_order=2 if name == "chrf++" else 0)


def need_tokenizer(name: str, language: str) -> None:
    package = ASIAN[language][1] if language in ASIAN else None
    if name == "bleu" and package:
        pytest.importorskip(package)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("name", METRICS)
def test_the_sum_over_segments_has_the_score_of_the_corpus(name: str, language: str) -> None:
    need_tokenizer(name, language)
    texts = TEXTS[language]
    hypotheses = degraded(texts, seed=1)
    metric, theirs = corpus_metric(name, language), sacrebleu_metric(name, language)

    statistics = metric.statistics(hypotheses, texts)
    expected = theirs.corpus_score(hypotheses, [texts]).score

    assert statistics.shape == (len(texts), metric.n_statistics)
    assert 0 < expected < 100
    assert metric.score(statistics.sum(axis=0)) == pytest.approx(expected, abs=1e-9)
    assert metric.signature == str(theirs.get_signature())


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar"])
@pytest.mark.parametrize("name", METRICS)
def test_the_score_equals_sacrebleus_on_news_in_eleven_languages(
    shared_data: Path, name: str, language: str
) -> None:
    need_tokenizer(name, language)
    lines = (shared_data / "ntrex" / "en-x.jsonl").read_text(encoding="utf-8").splitlines()[::12]
    texts = [json.loads(line)[language] for line in lines]
    hypotheses = ["", *degraded(texts, seed=2)[1:]]
    metric = corpus_metric(name, language)

    score = metric.score(metric.statistics(hypotheses, texts).sum(axis=0))

    expected = sacrebleu_metric(name, language).corpus_score(hypotheses, [texts]).score
    assert score == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("numbers", "signed"),
    [((1,) * 6, "nrefs:1|"), ((3,) * 6, "nrefs:3|"), ((1, 3, 2, 1, 2, 3), "nrefs:var|")],
)
def test_segments_may_have_different_numbers_of_references(
    name: str, numbers: tuple[int, ...], signed: str
) -> None:
    texts = TEXTS["en"]
    variants = [texts, degraded(texts, seed=3), degraded(texts, seed=4)]
    references = [list(several[:n]) for several, n in zip(zip(*variants, strict=True), numbers, strict=True)]
    hypotheses = degraded(texts, seed=5)
    metric = corpus_metric(name)

    score = metric.score(metric.statistics(hypotheses, references).sum(axis=0))

    columns = list(zip_longest(*references))  # sacrebleu wants equal numbers, filled with None
    assert score == pytest.approx(sacrebleu_metric(name).corpus_score(hypotheses, columns).score, abs=1e-9)
    assert metric.signature.startswith(signed)


@pytest.mark.parametrize("name", METRICS)
def test_none_is_no_reference_but_an_empty_text_is_one(name: str) -> None:
    texts = TEXTS["en"]
    hypotheses = degraded(texts, seed=6)
    metric = corpus_metric(name)
    with_none = metric.statistics(hypotheses, [[None, text, None] for text in texts])
    assert np.array_equal(with_none, metric.statistics(hypotheses, texts))
    assert metric.signature.startswith("nrefs:1|")
    metric.statistics(hypotheses, [["", text] for text in texts])
    assert metric.signature.startswith("nrefs:2|")


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("empty", [[], [None, None]])
def test_a_segment_without_a_reference_is_refused_with_its_number(name: str, empty: list[None]) -> None:
    with pytest.raises(ValueError, match="segment 1 has no reference"):
        corpus_metric(name).statistics(["a", "b"], ["a", empty])


def test_unequal_lengths_and_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="2 hypotheses cannot be scored on 1 references"):
        corpus_metric("bleu").statistics(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no corpus metric 'comet'"):
        corpus_metric("comet")


@pytest.mark.parametrize("name", METRICS)
def test_empty_answers_have_a_score(name: str) -> None:
    texts = TEXTS["en"]
    metric = corpus_metric(name)
    worst = 0.0 if metric.higher_is_better else 100.0
    for hypotheses, references, expected in [
        ([""] * len(texts), texts, worst),
        (texts, [""] * len(texts), worst),
    ]:
        # chrF counts nothing for an empty reference: our score is NaN, sacrebleu's is 0
        score = np.nan_to_num(metric.score(metric.statistics(hypotheses, references).sum(axis=0)))
        assert score == expected == sacrebleu_metric(name).corpus_score(hypotheses, [references]).score
    assert metric.statistics([], []).shape == (0, metric.n_statistics)


@pytest.mark.parametrize("name", METRICS)
def test_empty_texts_alone_have_no_score(name: str) -> None:
    metric = corpus_metric(name)
    assert np.isnan(metric.score(metric.statistics([""], [""]).sum(axis=0)))


@pytest.mark.parametrize("name", METRICS)
def test_the_score_of_a_segment_equals_sacrebleus_sentence_score(name: str) -> None:
    theirs = BLEU(effective_order=True) if name == "bleu" else sacrebleu_metric(name)
    metric = corpus_metric(name)
    for hypothesis, reference in [("the cat", "the cat"), ("a cat sat", "the cat sat down"), ("no", "yes")]:
        expected = theirs.sentence_score(hypothesis, [reference]).score
        assert metric.segment_score(metric.statistics([hypothesis], [reference])) == pytest.approx([expected])


@pytest.mark.parametrize(("name", "best"), [("bleu", 100), ("chrf", 100), ("chrf++", 100), ("ter", 0)])
def test_references_against_themselves_have_the_best_score(name: str, best: float) -> None:
    metric = corpus_metric(name)
    assert metric.score(metric.statistics(TEXTS["en"], TEXTS["en"]).sum(axis=0)) == pytest.approx(best)
    assert metric.higher_is_better == (best == 100)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=20)
@given(draws=st.lists(st.integers(0, 11), min_size=1, max_size=30))
def test_a_resample_has_the_score_of_a_corpus_of_its_segments(name: str, draws: list[int]) -> None:
    texts = TEXTS["en"] * 2
    hypotheses = degraded(texts, seed=7, rate=0.4)
    metric = corpus_metric(name)
    statistics = metric.statistics(hypotheses, texts)

    score = metric.score(statistics[draws].sum(axis=0))

    resample = [[hypotheses[i] for i in draws], [[texts[i] for i in draws]]]
    assert score == pytest.approx(sacrebleu_metric(name).corpus_score(*resample).score, abs=1e-9)


def agree(metric: CorpusMetric, totals: np.ndarray, theirs: Any) -> None:
    """Compare the scores row by row, except rows of zeros: sacrebleu gives them a score, though there is nothing to score."""
    expected = [
        theirs._compute_score_from_stats(row).score if any(row) else np.nan for row in totals.tolist()
    ]
    assert metric.score(totals.astype(float)) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(
    ngrams=arrays(int, (5, 4), elements=st.integers(0, 6)),
    rest=arrays(int, (5, 5), elements=st.integers(0, 6)),
)
def test_bleu_agrees_on_any_counts(ngrams: np.ndarray, rest: np.ndarray) -> None:
    totals = np.hstack([ngrams[:, :1], rest[:, :1], np.minimum(rest[:, 1:], ngrams), ngrams])
    agree(corpus_metric("bleu"), totals, BLEU(tokenize="none"))


@given(totals=arrays(int, (5, 8, 3), elements=st.integers(0, 6)))
def test_chrf_agrees_on_any_counts(totals: np.ndarray) -> None:
    totals[..., 2] = totals.min(axis=-1)
    rows = totals.reshape(5, 24)
    agree(corpus_metric("chrf++"), rows, CHRF(word_order=2))


@given(totals=arrays(float, (5, 2), elements=st.sampled_from([0.0, 0.5, 1.0, 2.5, 7.0])))
def test_ter_agrees_on_any_counts(totals: np.ndarray) -> None:
    agree(corpus_metric("ter"), totals, TER())


@pytest.mark.parametrize("name", METRICS)
def test_many_corpora_at_once_have_the_scores_of_each_alone(name: str) -> None:
    metric = corpus_metric(name)
    statistics = metric.statistics(degraded(TEXTS["en"], seed=8), TEXTS["en"])
    totals = np.random.default_rng(0).integers(0, 3, (4, 3, len(statistics))) @ statistics
    totals[1, 1] = 0
    scores = metric.score(totals)
    assert scores.shape == (4, 3)
    assert np.array_equal(scores, [[metric.score(row) for row in rows] for rows in totals], equal_nan=True)


def test_a_remainder_of_rounding_is_no_match() -> None:
    """Statistics may be means of several answers, whose sums are not exact; 1e-17 matches would drown the others."""
    clean = np.array([9, 9, 7, 3, 0, 0, 9, 8, 7, 6], dtype=float)
    noisy = clean + np.array([0, 0, 0, 0, 1e-17, -1e-17, 0, 0, 0, 0])
    assert bleu_score(noisy) == pytest.approx(float(bleu_score(clean)), rel=1e-12)


def test_the_same_answer_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = corpus_metric("ter")
    texts, counted = TEXTS["en"], []
    count = metric._engine._compute_segment_statistics
    monkeypatch.setattr(
        metric._engine, "_compute_segment_statistics", lambda *a: counted.append(a[0]) or count(*a)
    )
    first = metric.statistics(degraded(texts, seed=9), texts)
    again = metric.statistics(degraded(texts, seed=9), texts)
    assert len(counted) == len(texts)
    assert np.array_equal(first, again)


def test_the_signature_needs_the_references() -> None:
    with pytest.raises(ValueError, match="references"):
        _ = corpus_metric("bleu").signature


@pytest.mark.parametrize(("language", "module"), [("ja", "tokenizer_ja_mecab"), ("ko", "tokenizer_ko_mecab")])
def test_a_missing_tokenizer_stops_only_bleu_and_the_message_names_the_package(
    monkeypatch: pytest.MonkeyPatch, language: str, module: str
) -> None:
    monkeypatch.setattr(f"sacrebleu.tokenizers.{module}.MeCab", None)
    with pytest.raises(
        MissingTokenizerError, match=r"^BLEU in .*: pip install 'fusion-eval\[cjk\]'$"
    ) as caught:
        corpus_metric("bleu", language)
    assert isinstance(caught.value, ImportError)
    for name in ("chrf", "chrf++", "ter"):
        assert corpus_metric(name, language).statistics(["一"], ["一"]).any()


def test_nothing_reaches_the_terminal(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """sacrebleu itself warns about a hundred answers that look tokenized."""
    with caplog.at_level(logging.DEBUG):
        corpus_metric("bleu").statistics([f"answer {i} ." for i in range(120)], ["an answer."] * 120)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
