"""MGSM: prompts with and without worked examples, and answers that are compared as numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server, prompt_text
from reasoning_data import LANGUAGES, answer_line, reply_with, scores
from task_files import load_one, results_of, run_single

from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.reasoning import INSTRUCTIONS


@pytest.mark.parametrize("language", LANGUAGES["mgsm_cot"])
def test_a_prompt_has_no_examples_or_worked_examples_before_the_question(
    reasoning_data: Path, language: str
) -> None:
    task = load_one(f"mgsm_cot_{language}")
    docs = list(task.test_docs())
    instruction = INSTRUCTIONS[language].format(marker=MARKERS[language])
    questions = [f"test {n} + 40: {language}?\n\n{instruction}" for n in (1, 2, 3)]
    assert [doc["id"] for doc in docs] == [0, 1, 2]  # the same problems in each language
    assert [task.fewshot_context(doc, 0) for doc in docs] == questions
    examples = "".join(
        f"train {n} + 40: {language}?\n\n{instruction}\n\n"
        f"{n} + 40 = {n + 40}.\n\n{answer_line(str(n + 40), language)}\n\n###\n\n"
        for n in (1, 2)
    )
    assert [task.fewshot_context(doc, 2) for doc in docs] == [examples + question for question in questions]


@pytest.mark.parametrize("language", LANGUAGES["mgsm_cot"])
def test_answers_are_compared_as_numbers(reasoning_data: Path, language: str) -> None:
    task = load_one(f"mgsm_cot_{language}")
    assert scores(task, lambda doc: reply_with(doc["references"][0], language)) == [{"exact_match": 1.0}] * 3
    assert (
        scores(task, lambda doc: reply_with(f"{doc['references'][0]}.00", language))
        == [{"exact_match": 1.0}] * 3
    )
    assert scores(task, lambda doc: reply_with("43", language)) == [
        {"exact_match": score} for score in (0.0, 0.0, 1.0)
    ]


def test_only_the_first_answer_of_a_base_model_that_goes_on_counts(
    reasoning_data: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given a base model that goes on with a question of its own, and an endpoint that forgets stop strings
    def reply(request: dict[str, Any], _: int) -> str:
        number = int(re.findall(r"test (\d)", prompt_text(request))[-1])
        return f"{answer_line(str(number + 40), 'de')}\n\n###\n\n1 + 1?\n\n{answer_line('2', 'de')}"

    server = openai_server(Plan(reply=reply, ignores_stop=True))
    # when it is shown two examples
    run = run_single(server, tmp_path, "mgsm_cot_de", model_args={"completion": True}, num_fewshot=2)
    # then its first answer counts
    assert results_of(run)["results"]["mgsm_cot_de"]["exact_match,none"] == 1
    assert {prompt_text(call.body).count("\n\n###\n\n") for call in server.calls} == {2}
