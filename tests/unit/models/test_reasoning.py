"""Reasoning is separated from the answer."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fusion_eval.models.reasoning import split_reasoning

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("reply", "answer", "reasoning"),
    [
        ("4", "4", ""),
        ("<think>2+2</think>4", "4", "2+2"),
        ("\n<think>\n2+2\n</think>\n\n4 \n", "4 \n", "2+2"),
        ("<thinking>2+2</thinking>4", "4", "2+2"),
        ("<think></think>4", "4", ""),
        ("2+2\n</think>\n4", "4", "2+2"),
        ("<think>2+2 is", "", "2+2 is"),
        ("Write <think>like this</think>.", "Write <think>like this</think>.", ""),
        ("<think>a</think>Tags are </think> and <think>.", "Tags are </think> and <think>.", "a"),
        ("I think so.", "I think so.", ""),
        ("<think>a</think>\n<think>b</think>\n4", "4", "a\nb"),
        ("<think>a</think>Partly.\n<think>b</think>\n4", "Partly.\n4", "a\nb"),
        ("<think>a<think>b</think>c</think>4", "4", "a<think>b</think>c"),
        ("<think>Say <think> first.</think>4", "4", "Say <think> first."),
        ("a\n</think>\nb\n</think>\n4", "4", "a\nb"),
    ],
    ids=[
        "a plain answer",
        "a leading block",
        "whitespace around the block",
        "the longer tag",
        "an empty block",
        "the chat template wrote the opening tag",
        "cut off during reasoning: no answer yet",
        "tags inside an answer belong to it",
        "only the first block is reasoning",
        "the word without tags",
        "several blocks",
        "a block that begins a line of the answer",
        "a block within a block",
        "an opening tag that is mentioned",
        "two closing tags",
    ],
)
def test_a_reply_is_split_into_answer_and_reasoning(reply: str, answer: str, reasoning: str) -> None:
    assert split_reasoning(reply) == (answer, reasoning)


PAIRS = [
    *[
        (f"<{name}>", f"</{name}>")
        for name in ("think", "thinking", "thought", "Think", "THINK", "seed:think", "think ")
    ],
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]


@pytest.mark.parametrize(("opening", "closing"), PAIRS, ids=[opening for opening, _ in PAIRS])
@given(thought=TEXT, answer=TEXT)
def test_every_raw_form_is_told_apart_from_the_answer(
    opening: str, closing: str, thought: str, answer: str
) -> None:
    assume(not set("<>[]|◁▷`") & set(thought + answer) and thought.strip())
    assert_split = split_reasoning(f"{opening}{thought}{closing}{answer}")
    assert (assert_split[0].strip(), assert_split[1]) == (answer.strip(), thought.strip())
    without_opening = split_reasoning(f"{thought}{closing}{answer}")
    assert (without_opening[0].strip(), without_opening[1]) == (answer.strip(), thought.strip())
    assert split_reasoning(f"{opening}{thought}") == ("", thought.strip())


@pytest.mark.parametrize(
    ("reply", "answer", "reasoning"),
    [
        ("<|channel|>final<|message|>4<|return|>", "4", ""),
        (
            "<|start|>assistant<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>4",
            "4",
            "a",
        ),
        ("<|channel|>commentary to=f <|constrain|>json<|message|>{}<|call|>", "", "{}"),
        ("analysisWe add.assistantfinalThe answer is 4.", "The answer is 4.", "We add."),
        ("analysis of the data", "analysis of the data", ""),
    ],
)
def test_the_channels_of_gpt_oss_are_told_apart(reply: str, answer: str, reasoning: str) -> None:
    assert split_reasoning(reply) == (answer, reasoning)


@pytest.mark.parametrize(
    "reply",
    [
        "<think></think>" * 50_000,
        "<think>x<think></think>" * 20_000,
        "<think>a</think>x" + "\n<think>b</think>" * 50_000,
    ],
)
def test_a_reply_of_nothing_but_tags_is_read(reply: str) -> None:
    """A time that grows with the square of the length would stop all other requests."""
    answer, reasoning = split_reasoning(reply)
    assert len(answer) + len(reasoning) <= len(reply)


@given(TEXT)
def test_a_reply_without_tags_is_an_unchanged_answer(reply: str) -> None:
    assume(not any(mark in reply for mark in ("think", "thought", "<|", "analysis")))
    assert split_reasoning(reply) == (reply, "")


@given(TEXT, TEXT)
def test_only_whitespace_between_reasoning_and_answer_is_lost(reasoning: str, answer: str) -> None:
    assume("think" not in reasoning + answer and "`" not in reasoning + answer)
    assert split_reasoning(f"<think>{reasoning}</think>{answer}") == (answer.lstrip(), reasoning.strip())
    assert split_reasoning(f"{reasoning}</think>{answer}") == (answer.lstrip(), reasoning.strip())


def test_a_closing_tag_in_backquotes_belongs_to_the_answer() -> None:
    text = "Write `</think>` to close the block."
    assert split_reasoning(text) == (text, "")
