"""Filters: each drops what it should, says why, and leaves the rest."""

from __future__ import annotations

import dataclasses

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.synth.contamination import Contamination
from fusion_eval.synth.duplicates import NearDuplicates
from fusion_eval.synth.filters import make_filter, read_filters
from fusion_eval.synth.rows import Row, TeacherCandidate
from fusion_eval.types import Prompt

STORY = "Once upon a time a small fox lived at the edge of a large and quiet forest in the north"


def row(completion: str, **values: object) -> Row:
    candidate = TeacherCandidate("m", completion, 0.5, 0, 1, 1, "stop", None, None)
    defaults: dict[str, object] = {
        "index": 0,
        "id": "x",
        "prompt": Prompt("Tell me a story about a fox that lives in a forest"),
        "language": "en",
        "completion": completion,
        "strategy": "bon",
        "signature": "",
        "candidates": (candidate,),
        "chosen_candidate": 0,
        "score": 0.5,
        "fusor": None,
        "fallback": None,
        "departures": (),
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "cost": None,
        "pool_cost": None,
    }
    return Row(**(defaults | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "bad", "reason"),
    [
        (
            "language",
            row("Es war einmal ein kleiner Fuchs, der wohnte in einem großen Wald."),
            "written in de, not in en",
        ),
        ("refusal", row("I'm sorry, but I can't help with that."), "it opens as a refusal"),
        ("length", row(STORY, finish_reason="length"), "cut off by max_tokens"),
        ("length(most=20)", row(STORY), "87 characters, more than 20"),
        ("length(least=100)", row(STORY), "87 characters, fewer than 100"),
        ("score(least=0.6)", row(STORY), "score 0.5 is below 0.6"),
        ("score(least=0.1)", row(STORY, score=None, candidates=()), "no score to compare with 0.1"),
        (
            "copy",
            row("Tell me a story about a fox that lives in a forest"),
            "100% of it stands in the prompt",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_filter_drops_a_bad_row_and_says_why(spec: str, bad: Row, reason: str) -> None:
    one = make_filter(spec)
    assert one.objection(bad) == reason


@pytest.mark.parametrize("spec", ["language", "refusal", "length(most=200)", "score(least=0.5)", "copy"])
def test_a_filter_keeps_a_good_row(spec: str) -> None:
    assert make_filter(spec).objection(row(STORY)) is None


def test_a_language_that_is_unknown_drops_nothing() -> None:
    keep = make_filter("language")
    assert keep.objection(row("Es war einmal ein Fuchs.", language=None)) is None
    assert keep.objection(row("Mbweha mdogo aliishi msituni.", language="sw")) is None


def test_the_best_score_of_the_pool_counts_for_a_fused_text() -> None:
    assert make_filter("score(least=0.4)").objection(row(STORY, chosen_candidate=None, score=None)) is None


def test_a_near_duplicate_names_the_row_that_it_repeats_and_a_new_text_stays() -> None:
    pytest.importorskip("datasketch", reason="near-duplicates need the extra `synth`")
    # given
    long = " ".join(f"{STORY} number {i}" for i in range(8))
    keep = NearDuplicates(threshold=0.8)
    assert keep.objection(row(long, index=4)) is None
    # when
    near = keep.objection(row(f"{long} indeed", index=7))
    other = keep.objection(row("The capital of France is Paris, which lies on the river Seine.", index=8))
    # then
    assert near == "nearly the same as the row of prompt 4"
    assert other is None


def test_thirteen_shared_words_are_contamination_and_twelve_are_not() -> None:
    # given
    words = STORY.split()
    keep = Contamination([("gsm8k", STORY), ("short", "What is six times seven?")])
    # when, then
    shared = " ".join(["Well,", *words[2:15], "and so on"])
    assert keep.objection(row(shared)) == "its answer shares 13 words in a row with the task gsm8k"
    assert keep.objection(row(" ".join([*words[:12], "but then"]))) is None
    prompt = dataclasses.replace(row("42 it is"), prompt=Prompt("What is six times seven?"))
    assert keep.objection(prompt) == "its prompt is a text of the task short"


def test_characters_count_as_words_in_chinese() -> None:
    keep = Contamination([("zh", "小明有三个苹果他又买了五个现在一共有几个")])
    assert keep.objection(row("题目：小明有三个苹果他又买了五个，答案是八。")) is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("langauge", "There is no filter 'langauge'. Did you mean 'language'?"),
        ("length(longest=3)", "has no option 'longest'"),
        ("length(most=many)", "most should be a number"),
        ("copy,copy", "names copy more than once"),
        ("length(least=9,most=1)", "most=1 is less than least=9"),
        ("copy(share=7)", "share should be above 0 and at most 1"),
        ("duplicates(threshold=2)", "threshold should be above 0"),
    ],
)
def test_a_wrong_filter_is_a_sentence_with_the_fix(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_filters(text)
    assert message in str(error.value)
