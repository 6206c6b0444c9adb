"""Every registered strategy against its definition, by brute force on small pools.

The models are honest here: one reply function chooses and ranks by `value`, joins what it is shown, and mends a draft.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, combinations_with_replacement, product

import pytest
from sacrebleu.metrics.chrf import CHRF
from scripted import Scripted, pool_of, tools

from fusion_eval.strategies.plugins import STRATEGIES, names
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.text.specs import spec_name

TEXTS = ("4 it is", "5", "4 no doubt", "who knows")
POOLS = [
    *((text,) for text in TEXTS),
    *product(TEXTS, repeat=2),
    *combinations_with_replacement(TEXTS, 3),
]
SHOWN = re.compile(r"^--- (?:candidate|response) (\d+).*? \w+ ---\n(.*?)\n--- end of", re.M | re.S)
DRAFT = re.compile(r"^--- draft \w+ ---\n(.*?)\n--- end of draft", re.M | re.S)
CHRF_SCORE = CHRF()

Texts = Sequence[str]


def value(text: str) -> int:
    return sum(map(ord, text))


def joined(texts: Texts) -> str:
    return " & ".join(sorted(texts))


def extract(text: str) -> str | None:
    """Return the number with which a text begins."""
    return text[0] if text[0].isdigit() else None


def honest(prompt: str) -> str:
    texts = [text for _, text in SHOWN.findall(prompt)]
    if "double brackets" in prompt:
        order = sorted(range(len(texts)), key=lambda i: -value(texts[i]))
        ranking = ", ".join(str(1 + i) for i in order)
        return f"[[{ranking}]]" if "Rank all" in prompt else f"It is clear. [[{1 + order[0]}]]"
    if "council's chair" in prompt:
        return texts[0]  # the best mean rank
    if "End with a verdict" in prompt:
        return "Say more. [[CHANGE]]"
    if draft := DRAFT.search(prompt):
        return f"{draft[1]}, mended"
    return joined(texts) if texts else "at temperature 0"


def agreement(texts: Texts) -> list[float]:
    """Return the mean chrF of each text with the others; 0 for one alone."""
    others = [[*texts[:i], *texts[i + 1 :]] for i in range(len(texts))]
    pairs = zip(texts, others, strict=True)
    return [
        sum(CHRF_SCORE.sentence_score(text, [other]).score for other in rest) / max(len(rest), 1)
        for text, rest in pairs
    ]


def best(texts: Texts, scores: Sequence[float]) -> str:
    return texts[max(range(len(texts)), key=lambda i: (round(scores[i], 6), -i))]


def agreeing(texts: Texts) -> set[str]:
    return {best(texts, agreement(texts))}


def most_valued(texts: Texts) -> set[str]:
    return {max(texts, key=value)}


def vote(texts: Texts, weights: Sequence[float] | None = None) -> set[str]:
    """Return the first text with the answer that has the most votes; without any answer the first text, as a fallback."""
    votes: Counter[str] = Counter()
    for text, weight in zip(texts, weights or [1] * len(texts), strict=True):
        if answer := extract(text):
            votes[answer] += weight
    return {next(text for text in texts if not votes or extract(text) == max(votes, key=votes.__getitem__))}


def weighted_vote(texts: Texts) -> set[str]:
    return vote(texts, agreement(texts))


def route(texts: Texts) -> set[str]:
    [(_, most)] = Counter(map(extract, filter(extract, texts))).most_common(1) or [("", 0)]
    return vote(texts) if most >= 0.6 * len(texts) else {joined(texts)}


def fused_best_two(texts: Texts) -> set[str]:
    scores = agreement(texts)
    order = sorted(range(len(texts)), key=lambda i: (-round(scores[i], 6), i))
    return {joined([texts[i] for i in order[:2]])}


def guarded(texts: Texts) -> set[str]:
    all_texts = [*texts, joined(texts)]
    return {best(all_texts, agreement(all_texts))}


def second_layer(texts: Texts) -> set[str]:
    return {joined([joined(texts)] * len(texts))}


def second_round(texts: Texts) -> set[str]:
    """Return all members that two rounds can write: from any two members, of which each is written from two texts."""
    firsts = [joined(pair) for pair in combinations(texts, min(2, len(texts)))]
    return {joined(pair) for pair in product(firsts, repeat=2)}


DEFINITIONS: dict[str, Callable[[Texts], set[str]]] = {
    "single": lambda texts: {texts[0]},
    "greedy": lambda texts: {"at temperature 0"},
    "random": set,
    "longest": lambda texts: {max(texts, key=len)},
    "majority": vote,
    "weighted_majority": weighted_vote,
    "bon": agreeing,
    "mbr": agreeing,
    "usc": most_valued,
    "genselect(window=2)": most_valued,
    "pairrank": most_valued,
    "chops": most_valued,
    "council": most_valued,
    "route": route,
    "fusion(prompt=direct)": lambda texts: {joined(texts)},
    "rank_fusion(k=2)": fused_best_two,
    "guarded_fusion": guarded,
    "refine": lambda texts: {f"{text}, mended" for text in agreeing(texts)},
    "moa(layers=2)": second_layer,
    "rsa(population=2,k=2,rounds=2)": second_round,
}
"""Each strategy, with the texts that its definition allows as the answer to a pool."""


def test_every_registered_strategy_has_a_definition() -> None:
    assert {spec_name(strategy) for strategy in DEFINITIONS} == set(names(STRATEGIES))


@pytest.mark.parametrize("strategy", DEFINITIONS)
async def test_a_strategy_answers_every_small_pool_as_its_definition_says(strategy: str) -> None:
    made, definition = load_strategy(strategy), DEFINITIONS[strategy]
    for number, texts in enumerate(POOLS):
        # given a pool, honest models, and a seed that decides the order in which they see it
        toolbox = tools(Scripted(honest), template="direct", seed=number, extract=extract)
        # when
        answer = await made(pool_of(*texts), toolbox)
        # then
        assert answer.text in definition(texts), texts
        assert answer.chosen is None or answer.text == texts[answer.chosen]
        unreadable = not any(map(extract, texts)) and strategy in ("majority", "weighted_majority")
        assert (answer.fallback is not None) == unreadable, answer.fallback
