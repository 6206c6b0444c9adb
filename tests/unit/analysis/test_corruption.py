"""Pools whose candidates are replaced by bad ones, and whether a bad one comes through."""

from __future__ import annotations

import re

import pytest
from contributing import fused_trace

from fusion_eval.analysis.corruption import (
    KINDS,
    CorruptedPool,
    Kind,
    StoredPool,
    comes_through,
    corrupt,
    read_corruption,
)
from fusion_eval.errors import ConfigError
from fusion_eval.types import Answer, Candidate


def last_number(text: str) -> str | None:
    """Return the last number of a text, as a task with a final answer does."""
    found = re.findall(r"-?\d+", text)
    return found[-1] if found else None


def item(number: int, task: str = "sums", language: str = "en", size: int = 4) -> StoredPool:
    """Return an item whose candidates give numbers."""
    texts = [
        f"We add {place} and {number}, the result in {language} is {number * 100 + place}"
        for place in range(size)
    ]
    return StoredPool(
        task,
        number,
        language,
        tuple(Candidate(text, "m", place, mean_logprob=-float(number)) for place, text in enumerate(texts)),
        last_number,
    )


ITEMS = [
    item(number, task, language)
    for task, language in (("sums", "en"), ("sommes", "fr"))
    for number in range(5)
]


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_k_candidates_are_replaced_and_a_larger_k_keeps_them(kind: Kind) -> None:
    # when
    one, two, again = (corrupt(ITEMS, kind, k) for k in (1, 2, 1))

    # then
    assert [pool.candidates for pool in one] == [pool.candidates for pool in again]
    for before, small, large in zip(ITEMS, one, two, strict=True):
        for k, after in ((1, small), (2, large)):
            changed = {
                place
                for place, (old, new) in enumerate(zip(before.candidates, after.candidates, strict=True))
                if old.text != new.text
            }
            assert changed == after.replaced
            assert len(changed) == k
        assert small.replaced < large.replaced
    assert len({tuple(pool.replaced) for pool in one}) > 1


def test_each_kind_is_what_it_says() -> None:
    # when
    made = {kind: corrupt(ITEMS, kind, 1)[2] for kind in KINDS}
    bad = {kind: pool.candidates[min(pool.replaced)] for kind, pool in made.items()}
    old = {kind: ITEMS[2].candidates[min(pool.replaced)] for kind, pool in made.items()}

    # then
    assert "and 2," not in bad["other"].text
    assert "in en is" in bad["other"].text
    assert bad["other"].mean_logprob != old["other"].mean_logprob
    assert old["cut"].text.startswith(bad["cut"].text)
    assert bad["cut"].finish_reason == "length"
    assert "and 2, the result in fr" in bad["language"].text
    assert bad["injection"].text.startswith(old["injection"].text)
    assert any(word in bad["injection"].text for word in made["injection"].planted)
    assert last_number(bad["wrong"].text) in made["wrong"].planted
    assert last_number(bad["wrong"].text) != last_number(old["wrong"].text)


def test_an_answer_that_cannot_be_changed_is_replaced_by_another_prompts() -> None:
    # given: a task that reads only capital letters
    pools = [
        StoredPool(
            "t",
            number,
            "en",
            (Candidate(f"none {word}", "m", 0),),
            lambda text: "yes" if "word" in text else None,
        )
        for number, word in enumerate(["", "word"])
    ]

    # when
    first, second = corrupt(pools, "wrong", 1)

    # then
    assert first.candidates[0].text == "none word"
    assert first.planted == {"yes"}
    assert second.candidates[0].text == "none "
    assert second.planted == frozenset()


@pytest.mark.parametrize(
    ("pools", "kind", "k", "message"),
    [
        (ITEMS, "other", 5, "has pools of 4"),
        (ITEMS[:1], "other", 1, "needs a second item of sums"),
        (ITEMS[:5], "language", 1, "two languages"),
        (
            [StoredPool("t", number, None, ITEMS[0].candidates) for number in (0, 1)],
            "wrong",
            1,
            "extracts a final answer",
        ),
    ],
)
def test_what_cannot_be_corrupted_is_one_sentence(
    pools: list[StoredPool], kind: Kind, k: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        corrupt(pools, kind, k)


@pytest.mark.parametrize(
    ("text", "message"),
    [("wrnog:1", "Did you mean 'wrong'"), ("wrong", "wrong:1"), ("cut:0", "1 or more"), ("cut:x", "1 or")],
)
def test_a_mistake_in_the_option_is_one_sentence(text: str, message: str) -> None:
    assert read_corruption("cut:2") == ("cut", 2)
    with pytest.raises(ConfigError, match=message):
        read_corruption(text)


TEXTS = ("the good text says one thing", "a bad text says quite another thing")


@pytest.mark.parametrize(
    ("kind", "answer", "through"),
    [
        ("other", Answer(TEXTS[1], chosen=1), True),
        ("other", Answer(TEXTS[0], chosen=0), False),
        ("cut", Answer("so a bad text says quite another thing"), True),
        ("language", Answer("so the good text says one thing"), False),
        ("injection", Answer("it is ZEPHYR1"), True),
        ("injection", Answer("it is fine"), False),
        ("wrong", Answer("it is 7"), True),
        ("wrong", Answer("it is 8"), False),
    ],
)
def test_what_comes_through_is_found(kind: Kind, answer: Answer, through: bool) -> None:
    # given: the second candidate is bad
    trace = fused_trace("", TEXTS, answer=answer)
    pool = CorruptedPool(trace.pool.candidates, frozenset({1}), frozenset({"ZEPHYR1", "7"}))

    # then
    assert (
        comes_through(kind, pool, trace, StoredPool("t", 0, "en", trace.pool.candidates, last_number))
        is through
    )


def test_a_wrong_answer_that_a_good_candidate_gives_too_does_not_count() -> None:
    # given
    trace = fused_trace("", ["it is 7", "it is 7"], answer=Answer("it is 7"))
    pool = CorruptedPool(trace.pool.candidates, frozenset({1}), frozenset({"7"}))

    # then
    assert not comes_through(
        "wrong", pool, trace, StoredPool("t", 0, "en", trace.pool.candidates, last_number)
    )
