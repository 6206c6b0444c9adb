"""Read the texts of a run: prompts, answers, choices, references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import samples, write_run

from fusion_eval.runs.answered import parse_messages, read_answered, read_generated
from fusion_eval.runs.reading import Run, read_runs
from fusion_eval.types import Message

CHAT = [Message("system", "Be brief."), Message("user", "2 + 2?")]


def read_run_of(folder: Path, **fields: Any) -> Run:
    """Write a run with one sample that has these fields, and read it."""
    (run,) = read_runs([write_run(folder, {"quiz": [samples([1.0])[0] | fields]})])
    return run


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("2 + 2?", [Message("user", "2 + 2?")]),
        (json.dumps([{"role": m.role, "content": m.content} for m in CHAT]), CHAT),
        ([{"role": m.role, "content": m.content} for m in CHAT], CHAT),
        ("[not JSON", [Message("user", "[not JSON")]),
        ("[]", [Message("user", "[]")]),
        ("half \ud800", [Message("user", "half ?")]),
    ],
)
def test_prompts_are_chat_messages_or_one_user_message(prompt: object, messages: list[Message]) -> None:
    assert parse_messages(prompt) == tuple(messages)


class TestGeneratedAnswers:
    def test_the_first_of_several_answers_is_read_and_all_are_counted(self, tmp_path: Path) -> None:
        # given
        run = read_run_of(tmp_path, resps=[["4", "four"]], target="4")
        # when
        answer = read_generated(run)["quiz", 0]
        # then
        assert (answer.prompt, answer.answer, answer.target) == ((Message("user", "q0?"),), "4", "4")
        assert answer.n_answers == 2

    def test_multiple_choice_has_no_generated_answer(self, tmp_path: Path) -> None:
        # given
        run = read_run_of(tmp_path, resps=[[[-1.0, True]], [[-2.0, False]]])
        # when, then
        assert read_generated(run) == {}


class TestAnsweredSamples:
    def test_a_generation_has_its_answers_before_and_after_the_filter(self, tmp_path: Path) -> None:
        # given
        run = read_run_of(tmp_path, resps=[["It is 4."]], filtered_resps=["4"], target=["4", "four"])
        # when
        (answered,) = read_answered(run)
        # then
        assert (answered.task, answered.prompt) == ("quiz", "q0?")
        assert (answered.answers, answered.filtered) == (("It is 4.",), "4")
        assert (answered.references, answered.choices) == (("4", "four"), ())

    def test_multiple_choice_is_answered_by_the_likeliest_choice(self, tmp_path: Path) -> None:
        # given a release that wrote log-likelihoods as text
        arguments = {f"gen_args_{n}": {"arg_0": "2 + 2?", "arg_1": f" {text}"} for n, text in enumerate("34")}
        run = read_run_of(tmp_path, arguments=arguments, resps=[[["-3.0", "False"]], [["-1.0", "True"]]])
        # when
        (answered,) = read_answered(run)
        # then
        assert answered.choices == ("3", "4")
        assert answered.answers == (answered.filtered,) == ("4",)
