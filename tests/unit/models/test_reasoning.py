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
    ],
)
def test_a_reply_is_split_into_answer_and_reasoning(reply: str, answer: str, reasoning: str) -> None:
    assert split_reasoning(reply) == (answer, reasoning)


@given(TEXT)
def test_a_reply_without_tags_is_an_unchanged_answer(reply: str) -> None:
    assume("think>" not in reply)
    assert split_reasoning(reply) == (reply, "")


@given(TEXT, TEXT)
def test_only_whitespace_between_reasoning_and_answer_is_lost(reasoning: str, answer: str) -> None:
    assume("think" not in reasoning + answer and "`" not in reasoning + answer)
    assert split_reasoning(f"<think>{reasoning}</think>{answer}") == (answer.lstrip(), reasoning.strip())
    assert split_reasoning(f"{reasoning}</think>{answer}") == (answer.lstrip(), reasoning.strip())


def test_a_closing_tag_in_backquotes_belongs_to_the_answer() -> None:
    text = "Write `</think>` to close the block."
    assert split_reasoning(text) == (text, "")
