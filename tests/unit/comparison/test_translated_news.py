"""Corpus metrics in a whole comparison, on real translations of documents in six languages."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared
from run_folders import samples, write_run
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

LANGUAGES = ("fr", "de", "ru", "ja", "zh", "ko")
TOKENIZERS = {"ja": "ja-mecab", "zh": "zh", "ko": "ko-mecab"}


def translated(texts: list[str], loss: float, seed: int) -> list[str]:
    """Return translations that lose words, or characters of texts without spaces, at this rate."""
    dice = random.Random(seed)
    between = [" " if " " in text else "" for text in texts]
    return [
        gap.join(part for part in (text.split(" ") if gap else text) if dice.random() > loss)
        for text, gap in zip(texts, between, strict=True)
    ]


@pytest.fixture(scope="module")
def news(shared_data: Path) -> dict[str, list[Any]]:
    lines = (shared_data / "ntrex" / "en-x.jsonl").read_text(encoding="utf-8").splitlines()[:120]
    records = [json.loads(line) for line in lines]
    return {name: [record[name] for record in records] for name in ("doc", *LANGUAGES)}


def run(folder: Path, news: dict[str, list[Any]], loss: float, seed: int, metric: str) -> Path:
    """Write a run as the harness logs corpus metrics: (reference, hypothesis) for each sentence."""
    tasks = {}
    for language in LANGUAGES:
        pairs = list(zip(news[language], translated(news[language], loss, seed), strict=True))
        tasks[f"news_en_{language}"] = samples(pairs, metric, prefix=f"{language}-", document=news["doc"])
    config = {task: {"metadata": {"language": task[-2:]}} for task in tasks}
    return write_run(folder, tasks, config=config)


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_values_are_those_of_sacrebleu_and_clusters_are_documents(
    tmp_path: Path, news: dict[str, list[Any]], metric: str
) -> None:
    # given two systems, one of which loses twice as many words
    worse, better = (
        run(tmp_path / name, news, loss, 1, metric) for name, loss in (("worse", 0.2), ("better", 0.1))
    )
    # when they are compared
    rows = {row.language: row for row in compared(worse, better, resamples=1_000).rows}
    # then each language scores as in sacrebleu, with the tokenizer of the language
    for language in LANGUAGES:
        engine = BLEU(tokenize=TOKENIZERS.get(language, "13a")) if metric == "bleu" else CHRF()
        expected = engine.corpus_score(translated(news[language], 0.2, 1), [news[language]])
        assert rows[language].baseline_value == pytest.approx(expected.score)
        assert rows[language].signature == str(engine.get_signature())
    # and sentences of a document, in all languages, are one cluster
    documents = len(set(news["doc"]))
    assert {row.clusters for row in rows.values()} == {documents}
    assert rows["all"].n == 120 * len(LANGUAGES)
    assert rows["all"].delta == pytest.approx(sum(rows[x].delta for x in LANGUAGES) / len(LANGUAGES))
    # and the p-value is the smallest that so many documents allow: one swap of all, and its mirror image
    assert rows["all"].p_value == 2 / 2**documents
    assert (rows["all"].ci_low or 0) > 0 and rows["all"].win_rate > 0.5


def test_equally_good_systems_cannot_be_told_apart(tmp_path: Path, news: dict[str, list[Any]]) -> None:
    # given two systems that lose the same share of words
    one, other = (run(tmp_path / f"s{seed}", news, 0.15, seed, "chrf") for seed in (1, 2))
    # when
    row = next(row for row in compared(one, other, resamples=1_000).rows if row.language == "all")
    # then
    assert not row.significant and row.ci_low is not None and row.ci_high is not None
    assert row.ci_low < 0 < row.ci_high


def test_a_score_that_differs_from_the_results_file_is_noted(
    tmp_path: Path, news: dict[str, list[Any]]
) -> None:
    # given Japanese BLEU with the harness's tokenizer, which does not know Japanese
    pairs = list(zip(news["ja"], translated(news["ja"], 0.1, 1), strict=True))
    reported = BLEU().corpus_score([pair[1] for pair in pairs], [news["ja"]]).score
    folder = write_run(
        tmp_path / "run", {"news_ja": samples(pairs, "bleu")}, reported={"news_ja": {"bleu,none": reported}}
    )
    # when
    notes = compared(folder, folder).notes
    # then
    assert any("tok:ja-mecab" in note and f"and not {reported:.2f} for run" in note for note in notes)
