"""Corpora of empty, blank and unusual texts have sacrebleu's own scores."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

from fusion_eval.stats.corpus import corpus_metric

OURS_AND_SACREBLEUS = {"bleu": BLEU, "chrf": CHRF, "ter": TER}
HYPOTHESES = {
    "empty": ["", "the cat sat here"],
    "blank": ["   ", "the cat sat here"],
    "garbage": ["@@ ## !!", "…………"],
    "Chinese": ["猫坐在垫子上", "狗在跑"],
    "line ends": ["the cat\nsat on\tthe mat", "a dog\r\nran"],
    "decomposed": ["cafe\u0301 au lait", "nai\u0308ve dogs run"],
    "emoji": ["👩‍👩‍👧 sat 🐱", "🐕 ran"],
    "control codes": ["the \x07 cat\x00 sat", "a\x1b[31m dog"],
}
REFERENCES = ["the cat sat on the mat", "a dog ran"]


@pytest.mark.parametrize("name", OURS_AND_SACREBLEUS)
@pytest.mark.parametrize("hypotheses", HYPOTHESES.values(), ids=HYPOTHESES)
@pytest.mark.parametrize("blank", [False, True], ids=["references", "an empty reference"])
def test_the_score_is_sacrebleus(name: str, hypotheses: list[str], blank: bool) -> None:
    # given
    references = ["", REFERENCES[1]] if blank else REFERENCES
    metric = corpus_metric(name)
    # when
    score = np.nan_to_num(metric.score(metric.statistics(hypotheses, references).sum(axis=0)))
    # then
    expected = OURS_AND_SACREBLEUS[name]().corpus_score(hypotheses, [references]).score
    assert score == pytest.approx(expected, abs=1e-9)
