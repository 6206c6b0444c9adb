"""Significance tests of corpus metrics against sacrebleu's, on the same systems and with as many trials.

    python tests/bench/corpus_tests.py

One system against a baseline on 1,000 made-up segments. Prints seconds of both and their ratio, as the median of
several rounds in turn: `tests` from the statistics of the segments to the result, and `whole` from the texts on. What
counts n-grams is sacrebleu on both sides. Its bootstrap tests the difference and gives each system an interval; ours is
the interval of the difference.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from unittest import mock

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from fusion_eval.stats.bootstrap import bootstrap_interval
from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.stats.paired import Floats, Paired, paired_segments
from fusion_eval.stats.permutation import permutation_test

SEGMENTS, ROUNDS = 1000, 3
TRIALS = {"ar": 10_000, "bs": 1_000}
"""sacrebleu's own defaults."""
ENGINES = {"bleu": BLEU, "chrf": CHRF}


def corpus() -> tuple[list[str], list[str], list[str]]:
    """References of 10 to 30 words, and two systems that lose some of them."""
    dice = random.Random(0)
    words = [
        "".join(dice.choices(["ka", "lo", "mi", "ter", "an", "su"], k=dice.randint(1, 4)))
        for _ in range(2000)
    ]
    often = [1 / (rank + 3) for rank in range(len(words))]
    references = [" ".join(dice.choices(words, often, k=dice.randint(10, 30))) for _ in range(SEGMENTS)]
    systems = [
        [" ".join(word for word in text.split() if dice.random() > rate) for text in references]
        for rate in (0.2, 0.21)
    ]
    return references, systems[0], systems[1]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def theirs(name: str, kind: str, texts: tuple[list[str], list[str], list[str]], whole: bool) -> float:
    """sacrebleu's test; where it is not `whole`, with the statistics at hand."""
    references, baseline, candidate = texts

    def test() -> None:
        systems = [("baseline", baseline), ("candidate", candidate)]
        PairedTest(systems, {name: engine}, [references], kind, TRIALS[kind])()

    engine = ENGINES[name]()
    if whole:
        return seconds(test)
    counts = [engine._extract_corpus_statistics(system, [references]) for system in (baseline, candidate)]
    with mock.patch.object(engine, "_extract_corpus_statistics", side_effect=counts):
        return seconds(test)


def ours(name: str, kind: str, texts: tuple[list[str], list[str], list[str]], whole: bool) -> float:
    """The same, here."""
    references, baseline, candidate = texts

    def counts() -> list[Floats]:
        metric = corpus_metric(name)
        return [metric.statistics(system, references) for system in (baseline, candidate)]

    def test(statistics: list[Floats]) -> None:
        paired: Paired = paired_segments(*statistics, corpus_metric(name).score)
        if kind == "ar":
            permutation_test(paired, resamples=TRIALS[kind])
        else:
            bootstrap_interval(paired, resamples=TRIALS[kind], method="percentile")

    if whole:
        return seconds(lambda: test(counts()))
    ready = counts()
    return seconds(lambda: test(ready))


def main() -> None:
    """Rounds in turn, so that a drift of the machine's speed meets both."""
    texts = corpus()
    for name in ENGINES:
        for kind, trials in TRIALS.items():
            for whole in (False, True):
                pairs = [
                    (theirs(name, kind, texts, whole), ours(name, kind, texts, whole)) for _ in range(ROUNDS)
                ]
                a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
                ratio = statistics.median(x / y for x, y in pairs)
                part = "whole" if whole else "tests"
                print(
                    f"{name:5} {kind} {trials:6,} trials, {part}: sacrebleu {a:6.2f} s  "
                    f"fusion_eval {b:6.3f} s  ratio {ratio:5.0f}"
                )


if __name__ == "__main__":
    main()
