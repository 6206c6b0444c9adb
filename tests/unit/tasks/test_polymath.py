"""PolyMath: real references are correct answers, and accuracies are weighted by level."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server, prompt_text
from reasoning_data import LANGUAGES, LEVELS, answer_line, reply_with, scores
from task_files import load_one, results_of, run_single, write_rows

from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.reasoning import prompt as prompt_of_doc


@pytest.fixture
def real_polymath(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of real rows of the levels low and medium."""
    folder = tmp_path / "real"
    for path in sorted((shared_data / "polymath").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for level in ("low", "medium"):
            columns = [
                {name: row[name] for name in ("id", "question", "answer")}
                for row in rows
                if row["level"] == level
            ]
            write_rows(folder / f"Qwen/PolyMath/{path.stem}/{level}.jsonl", columns)
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


@pytest.mark.parametrize("level", ["low", "medium"])
@pytest.mark.parametrize("language", LANGUAGES["polymath"])
def test_a_real_reference_is_correct_in_any_form_and_another_answer_is_wrong(
    real_polymath: Path, language: str, level: str
) -> None:
    task = load_one(f"polymath_{language}_{level}")
    replies: dict[str, Callable[[str], str]] = {
        "in the answer's line": lambda answer: reply_with(answer, language),
        "as a formula in it": lambda answer: reply_with(f"${without_dollars(answer)}$", language),
        "boxed": lambda answer: f"2 + 2 = 4.\n\n$\\boxed{{{without_dollars(answer)}}}$",
        "boxed in the answer's line": lambda answer: reply_with(
            f"$\\boxed{{{without_dollars(answer)}}}$", language
        ),
    }
    docs = list(task.test_docs())
    assert len(docs) == (40 if level == "low" else 20)
    for form, reply in replies.items():
        wrong = [
            doc["id"]
            for doc, score in zip(
                docs, scores(task, lambda doc, reply=reply: reply(doc["references"][0])), strict=True
            )
            if score["exact_match"] != 1
        ]
        assert wrong == [], form
    assert {score["exact_match"] for score in scores(task, lambda doc: reply_with("-98765", language))} == {0}
    assert {score["exact_match"] for score in scores(task, lambda doc: "")} == {0}


def without_dollars(formula: str) -> str:
    return formula.replace("$", "")


@pytest.mark.parametrize("language", LANGUAGES["polymath"])
def test_a_real_question_is_followed_by_the_instruction(real_polymath: Path, language: str) -> None:
    task = load_one(f"polymath_{language}_medium")
    for doc in task.test_docs():
        prompt = task.fewshot_context(doc, 0)
        question, _, instruction = prompt.rpartition("\n\n")
        assert question == doc["question"].strip()
        assert MARKERS[language] in instruction


@pytest.mark.parametrize(
    ("correct", "weighted"),
    [
        ({}, 0),
        ({"low": 4}, 1 / 15),
        ({"top": 4}, 8 / 15),
        ({"low": 4, "medium": 2, "high": 1}, (1 + 2 * 0.5 + 4 * 0.25) / 15),
        ({"low": 4, "medium": 4, "high": 4, "top": 4}, 1),
    ],
)
def test_the_accuracy_of_a_language_is_weighted_by_level(
    reasoning_data: Path,
    openai_server: Callable[[Plan], Server],
    tmp_path: Path,
    correct: dict[str, int],
    weighted: float,
) -> None:
    # given a model that solves the first problems of each level
    server = openai_server(Plan(reply=lambda request, _: solved(prompt_text(request), correct)))
    # when it is asked all four levels of a language
    groups = results_of(run_single(server, tmp_path, "polymath_de"))["groups"]
    # then the group has the accuracy weighted by level, and the plain one
    assert groups["polymath_de"]["dw_acc,none"] == pytest.approx(weighted)
    assert groups["polymath_de"]["exact_match,none"] == pytest.approx(sum(correct.values()) / 16)


@pytest.mark.slow
def test_the_weighted_accuracy_of_all_languages_is_their_mean(
    reasoning_data: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given a model that solves everything in Japanese, and in Russian the two upper levels
    def reply(request: dict[str, Any], _: int) -> str:
        prompt = prompt_text(request)
        if prompt.startswith("ru"):
            return solved(prompt, {"high": 4, "top": 4})
        return solved(prompt, dict.fromkeys(LEVELS, 4) if prompt.startswith("ja") else {})

    groups = results_of(run_single(openai_server(Plan(reply=reply)), tmp_path, "polymath"))["groups"]
    assert groups["polymath_ja"]["dw_acc,none"] == pytest.approx(1)
    assert groups["polymath_ru"]["dw_acc,none"] == pytest.approx(12 / 15)
    assert groups["polymath_fr"]["dw_acc,none"] == 0
    assert groups["polymath"]["dw_acc,none"] == pytest.approx((1 + 12 / 15) / 11)


def solved(prompt: str, correct: Mapping[str, int]) -> str:
    """Answer the question `fr low 4 + n = ?`, correctly for the first `correct[level]` problems of each level."""
    language, level, _, _, number, *_ = prompt.split()
    answer = 4 + int(number) if int(number) < correct.get(level, 0) else 99
    return reply_with(str(answer), language)


def test_few_shot_examples_are_other_problems_of_the_same_level(reasoning_data: Path) -> None:
    task = load_one("polymath_zh_low")  # there is no other split to take them from
    for doc in task.test_docs():
        *examples, question = task.fewshot_context(doc, 3).split("\n\n###\n\n")
        assert question == prompt_of_doc(doc)
        others = [other for other in task.test_docs() if other["id"] != doc["id"]]
        assert sorted(examples) == [
            f"{prompt_of_doc(other)}\n\n{answer_line(other['references'][0], 'zh')}" for other in others
        ]
