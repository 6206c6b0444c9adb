"""What a model thinks aloud is told from what it answers."""

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
        "white space around the block",
        "the longer tag",
        "an empty block",
        "the chat template wrote the opening tag",
        "cut off while thinking: no answer yet",
        "tags inside an answer are its own",
        "only the first block is thought",
        "the word alone",
    ],
)
def test_reasoning_is_kept_and_kept_out_of_the_answer(reply: str, answer: str, reasoning: str) -> None:
    assert split_reasoning(reply) == (answer, reasoning)


@given(TEXT)
def test_a_reply_without_tags_is_the_answer_to_the_letter(reply: str) -> None:
    assume("think>" not in reply)
    assert split_reasoning(reply) == (reply, "")


@given(TEXT, TEXT)
def test_nothing_of_a_thoughtful_reply_is_lost_but_white_space_at_the_seam(thought: str, answer: str) -> None:
    assume("think" not in thought + answer and "`" not in thought + answer)
    assert split_reasoning(f"<think>{thought}</think>{answer}") == (answer.lstrip(), thought.strip())
    assert split_reasoning(f"{thought}</think>{answer}") == (answer.lstrip(), thought.strip())


def test_a_closing_tag_in_backquotes_is_talked_of() -> None:
    text = "Write `</think>` to close the block."
    assert split_reasoning(text) == (text, "")
