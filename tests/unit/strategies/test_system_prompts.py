"""System prompts that candidates take in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted import Scripted

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.sampler import draw
from fusion_eval.strategies.system_prompts import read_system_prompts, with_system_prompt
from fusion_eval.types import Message, Prompt, Sampling

SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=3)


def test_a_system_prompt_stands_before_a_text() -> None:
    assert with_system_prompt(Prompt("Why?"), "Be brief.") == Prompt(
        messages=(Message("system", "Be brief."), Message("user", "Why?"))
    )


def test_a_system_message_of_the_task_follows_in_the_same_message() -> None:
    # given
    prompt = Prompt(messages=(Message("system", "You are a poet."), Message("user", "Why?")))
    # when
    joined = with_system_prompt(prompt, "Be brief.")
    # then
    assert joined.messages == (Message("system", "Be brief.\n\nYou are a poet."), Message("user", "Why?"))


def test_without_a_system_prompt_the_prompt_is_as_it_was() -> None:
    assert with_system_prompt(Prompt("Why?"), "") == Prompt("Why?")


async def test_candidates_take_the_system_prompts_in_turn_and_the_pool_keeps_the_tasks_prompt() -> None:
    # given
    model = Scripted("42")
    # when
    pool = await draw([model], [0.7], Prompt("Why?"), SAMPLING, 3, ("A", "B"))
    # then
    asked = [(prompt.messages[0].content, sampling.seed) for prompt, sampling in model.requests]
    assert asked == [("A", 3), ("A", 4), ("B", 3)]
    assert pool.prompt == Prompt("Why?")


def test_files_are_read_and_spaces_around_their_text_are_dropped(tmp_path: Path) -> None:
    # given
    (tmp_path / "brief.txt").write_text("  Be brief.\n", encoding="utf-8")
    # then
    assert read_system_prompts([tmp_path / "brief.txt"], [Scripted("42")]) == ("Be brief.",)


def test_a_file_that_is_missing_or_empty_and_a_model_without_chat_are_errors(tmp_path: Path) -> None:
    # given
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    # then
    with pytest.raises(ConfigError, match=r"empty\.txt, which is empty"):
        read_system_prompts([tmp_path / "empty.txt"], [Scripted("42")])
    with pytest.raises(ConfigError, match=r"absent\.txt, which cannot be read"):
        read_system_prompts([tmp_path / "absent.txt"], [Scripted("42")])
    with pytest.raises(ConfigError, match="needs chat models, and scripted takes plain text"):
        read_system_prompts([tmp_path / "empty.txt"], [Scripted("42", chat=False)])
