"""Judging real answers: three models' answers to 100 prompts of Arena-Hard, with judges that reply by a known rule."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from local_judge import Rule, ServerStart, judge_folders, judge_server, open_run, verdict_lines
from openai_server import prompt_text

from fusion_eval.judging.style import FEATURES, style
from fusion_eval.text.templates import without_control_characters

MODELS = ("gpt-3.5-turbo-0125", "gpt-4-0613", "gpt-4-0314")
"""Ordered by the mean length of their answers."""
STRENGTH = {"gpt-3.5-turbo-0125": 0.0, "gpt-4-0613": 0.8, "gpt-4-0314": 1.6}
"""Log-odds by which some judges prefer a model."""
LENGTH_BIAS = 6.0
"""Log-odds by which a judge prefers an answer that is infinitely longer than the other."""


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def arena(shared_data: Path) -> Path:
    return shared_data / "arena_hard"


@pytest.fixture(scope="session")
def answers(arena: Path) -> Mapping[str, Mapping[str, str]]:
    """The answers by model and question."""
    return {
        model: {
            line["uid"]: line["messages"][-1]["content"]["answer"]
            for line in lines(arena / f"v01_answers_{model}.jsonl")
        }
        for model in MODELS
    }


@pytest.fixture
def runs(arena: Path, answers: Mapping[str, Mapping[str, str]], tmp_path: Path) -> Mapping[str, Path]:
    """A run of each model."""
    questions = lines(arena / "v01_questions.jsonl")
    asked = {name: [line[name] for line in questions] for name in ("uid", "prompt")}
    return {
        model: open_run(tmp_path / model, [answers[model][uid] for uid in asked["uid"]], **asked)
        for model in MODELS
    }


def random_mark(log_odds: float, luck: random.Random) -> str:
    """Return A with a probability that has these log-odds."""
    return "A" if luck.random() < 1 / (1 + math.exp(-log_odds)) else "B"


def prefers_length(a: str, b: str, luck: random.Random) -> str:
    """Judge by the difference in length alone."""
    return random_mark(LENGTH_BIAS * (len(a) - len(b)) / (len(a) + len(b)), luck)


def author_of(answers: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    return {
        without_control_characters(text): model for model, texts in answers.items() for text in texts.values()
    }


def knows_strength(
    answers: Mapping[str, Mapping[str, str]],
    strength: Mapping[str, float] = STRENGTH,
    length_bias: float = 0.0,
) -> Rule:
    """Judge by the models' strength and by length."""
    author = author_of(answers)

    def say(a: str, b: str, luck: random.Random) -> str:
        length = length_bias * (len(a) - len(b)) / (len(a) + len(b))
        return random_mark(strength[author[a]] - strength[author[b]] + length, luck)

    return say


def test_the_judge_sees_every_question_and_answer_unchanged(runs, answers, arena, openai_server: ServerStart):
    # given real texts with code, mathematics, HTML, templates and control characters
    server = openai_server(judge_server(lambda a, b, luck: "C"))
    (row,) = judge_folders(server, [runs[MODELS[0]], runs[MODELS[2]]], options={"swap": "random"}).rows
    assert row.n == 100 == len(server.calls)
    asked = {question["uid"]: question["prompt"] for question in lines(arena / "v01_questions.jsonl")}
    expected = {
        (
            prompt,
            frozenset(without_control_characters(answers[model][uid]) for model in (MODELS[0], MODELS[2])),
        )
        for uid, prompt in asked.items()
    }
    seen = set()
    for call in server.calls:
        text = prompt_text(call.body)
        fence = text.split("the mark ")[1].split(".")[0]
        parts = text.split(f" {fence} ---\n")
        request, *shown = (parts[place].rpartition("\n--- end of ")[0] for place in (1, 3, 5))
        seen.add((request, frozenset(shown)))
    assert seen == expected


def test_style_control_finds_and_removes_a_preference_for_length(runs, openai_server: ServerStart):
    base, cand = runs[MODELS[0]], runs[MODELS[2]]
    comparison = judge_folders(openai_server(judge_server(prefers_length)), [base, cand])
    (row,), (adjusted,) = comparison.rows, comparison.judging.style
    assert row.p_value < 0.01 and row.win_rate_low > 0.5
    assert (adjusted.baseline, adjusted.candidate) == (MODELS[0], MODELS[2])
    assert adjusted.raw == pytest.approx(row.candidate_value) and adjusted.raw > 0.58
    assert adjusted.low < 0.5 < adjusted.high
    assert abs(adjusted.adjusted - 0.5) < abs(adjusted.raw - 0.5) / 2
    length = {effect.name: effect for effect in adjusted.effects}["length"]
    assert length.value > length.low > 0


def test_style_control_uncovers_a_difference_that_length_hides(runs, answers, openai_server: ServerStart):
    # given a judge that knows the longer model to be weaker, and prefers length all the same
    taste = knows_strength(answers, {MODELS[0]: 1.0, MODELS[2]: 0.0}, LENGTH_BIAS)
    comparison = judge_folders(openai_server(judge_server(taste)), [runs[MODELS[0]], runs[MODELS[2]]])
    (row,), (adjusted,) = comparison.rows, comparison.judging.style
    assert row.win_rate_low < 0.5 < row.win_rate_high
    assert adjusted.low < adjusted.adjusted < adjusted.high < 0.5


def test_a_judge_that_goes_by_length_alone_leaves_no_adjusted_difference(runs, openai_server: ServerStart):

    def longer(a: str, b: str, luck: random.Random) -> str:
        return "C" if len(a) == len(b) else "A" if len(a) > len(b) else "B"

    comparison = judge_folders(openai_server(judge_server(longer)), [runs[MODELS[0]], runs[MODELS[2]]])
    (adjusted,) = comparison.judging.style
    length = {effect.name: effect for effect in adjusted.effects}["length"]
    assert adjusted.raw > 0.65 and length.value > 1
    assert adjusted.low < 0.5 < adjusted.high and (length.low, length.high) == (None, None)


def test_strengths_rank_the_models_as_the_judge_does(runs, answers, openai_server: ServerStart):
    comparison = judge_folders(
        openai_server(judge_server(knows_strength(answers))), list(runs.values()), every_pair=True
    )
    assert [(system.name, system.rank) for system in comparison.judging.strengths] == [
        (model, rank) for rank, model in enumerate(reversed(MODELS), start=1)
    ]
    for system in comparison.judging.strengths:
        assert system.low < system.strength < system.high
        assert 0 < system.win_rate < 1
    assert [(row.baseline, row.candidate) for row in comparison.rows] == [
        (MODELS[0], MODELS[1]), (MODELS[0], MODELS[2]), (MODELS[1], MODELS[2])
    ]  # fmt: skip
    assert all(row.win_rate > 0.5 for row in comparison.rows)


@pytest.mark.parametrize("strongest", [True, False])
def test_arena_hards_own_answer_file_can_be_the_opponent(
    runs, answers, arena, openai_server: ServerStart, tmp_path: Path, strongest: bool
):
    # given the file as it is published, matched by `uid`
    third = MODELS[2] if strongest else MODELS[0]
    base, cand = [model for model in MODELS if model != third]
    file = arena / f"v01_answers_{third}.jsonl"
    server = openai_server(judge_server(knows_strength(answers)))
    comparison = judge_folders(server, [runs[base], runs[cand]], tmp_path / "out", opponent=file)
    assert comparison.judging.opponent == file.stem and len(server.calls) == 2 * 2 * 100
    (row,) = comparison.rows
    verdicts = {
        (line["candidate"], line["doc_id"]): line["score"] for line in verdict_lines(tmp_path / "out")
    }
    rates = [sum(verdicts[model, doc] for doc in range(100)) / 100 for model in (base, cand)]
    assert [row.baseline_value, row.candidate_value] == pytest.approx(rates)
    assert row.delta == pytest.approx(rates[1] - rates[0]) and row.delta > 0
    assert (rates[1] < 0.5) if strongest else (rates[0] > 0.5)
    wins = sum(verdicts[cand, doc] > verdicts[base, doc] for doc in range(100))
    losses = sum(verdicts[cand, doc] < verdicts[base, doc] for doc in range(100))
    assert (row.wins, row.losses, row.ties) == (wins, losses, 100 - wins - losses)
    assert {line["baseline"] for line in verdict_lines(tmp_path / "out")} == {file.stem}


def test_style_features_of_real_answers_are_not_zero(answers):
    counted = {model: [style(text) for text in texts.values()] for model, texts in answers.items()}
    assert len(FEATURES) == 4
    for model in MODELS:
        columns = list(zip(*counted[model], strict=True))
        assert list(columns[0]) == [len(text) for text in answers[model].values()]
        assert sum(columns[3]) > 100, "list items"
    means = [sum(row[0] for row in counted[model]) / 100 for model in MODELS]
    assert means == sorted(means)
