"""Corpus metrics of texts that are empty, blank, garbage or unusual have sacrebleu's own score of the corpus."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from fusion_eval.stats.corpus import corpus_metric

Segments = list[tuple[str, list[str]]]
"""Each answer with its references."""
ENGINES: dict[str, Any] = {
    "bleu": BLEU(),
    "chrf": CHRF(word_order=0),
    "chrf++": CHRF(word_order=2),
    "ter": TER(),
}
GOOD: Segments = [
    ("The boat left at noon.", ["The boat left at noon."]),
    ("She has three red apples in her bag.", ["She carries three red apples in a bag."]),
]
CORPORA: dict[str, Segments] = {
    "one empty answer": [*GOOD, ("", ["The rain stopped."])],
    "only empty answers": [("", ["The rain stopped."]), ("", ["It is cold today."])],
    "a blank answer": [*GOOD, ("   ", ["The rain stopped."])],
    "blank lines": [*GOOD, ("\n\t\n", ["The rain stopped."])],
    "garbage": [*GOOD, ("xq zzkv 0x00 ####", ["The rain stopped."])],
    "only garbage": [("@@@@ ~~~~ ^^^^ ||||", ["The rain stopped here."])],
    "an empty reference": [*GOOD, ("The rain stopped.", [""])],
    "an empty reference and answer": [*GOOD, ("", [""])],
    "a blank reference": [*GOOD, ("The rain stopped.", ["  "])],
    "an answer of one word": [*GOOD, ("Rain", ["Rain"])],
    "only answers of one word": [("Rain", ["Rain"]), ("Sun", ["Snow"])],
    "a very long answer": [*GOOD, ("rain " * 200, ["The rain stopped."])],
    "two references": [(answer, [*own, "Something else was said."]) for answer, own in GOOD],
    "uneven references": [
        GOOD[0],
        (GOOD[1][0], [*GOOD[1][1], "Three red apples are in her bag.", "Apples."]),
    ],
    "a reference twice": [(answer, own * 2) for answer, own in GOOD],
    "one of two references is empty": [(answer, [*own, ""]) for answer, own in GOOD],
    "Chinese without spaces": [("船在中午离开了。", ["船中午离开了。"]), ("雨停了。", ["雨停了。"])],
    "Japanese and Latin": [("船は noon に出た。", ["船は正午に出た。"]), ("雨 OK", ["雨 OK"])],
    "line breaks": [("The boat\nleft at\r\nnoon.", ["The boat left at noon."]), *GOOD],
    "separate accents": [("Le cafe\u0301 est ferme\u0301.", ["Le café est fermé."]), *GOOD],
    "emoji": [("The boat 🚢 left 👩‍🚀👍🏽", ["The boat 🚢 left 👩‍🚀👍🏽"]), ("🌧", ["☀️"])],
    "control codes": [("The\x00 boat\x07 left\x1b[2J at\x85 noon.", ["The boat left at noon."]), *GOOD],
    "entities and dashes": [("&quot;Two&quot; - 1,5 &amp; 2.5-3", ['"Two" - 1,5 & 2.5-3']), *GOOD],
    "upper case": [("THE BOAT LEFT AT NOON.", ["The boat left at noon."]), *GOOD],
}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("corpus", CORPORA)
def test_the_score_of_an_unusual_corpus_is_sacrebleus(name: str, corpus: str) -> None:
    # given
    answers = [answer for answer, _ in CORPORA[corpus]]
    references = [own for _, own in CORPORA[corpus]]
    # when
    metric = corpus_metric(name)
    ours = float(metric.score(metric.statistics(answers, references).sum(axis=0)))
    # then
    streams = [list(stream) for stream in zip_longest(*references)]
    assert ours == pytest.approx(ENGINES[name].corpus_score(answers, streams).score, abs=1e-9)
