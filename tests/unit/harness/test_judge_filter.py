"""The filter `judge` and the metric `win_rate`, in a task that the harness itself evaluates."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from judged_task import documents, write_judged_task
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from local_judge import always_first, by_quality, judge_server, shown_answers
from openai_server import Plan, Reply, Server, prompt_text

from fusion_eval.errors import ConfigError
from fusion_eval.harness.judge_filter import JudgeFilter
from fusion_eval.models.logs import log


class Writer(LM):
    """A model whose answers have these qualities, in the order of the requests."""

    def __init__(self, *qualities: float) -> None:
        super().__init__()
        self.qualities = qualities

    def generate_until(self, requests: list[Any]) -> list[str]:
        return [f"ours q={quality}" for quality, _ in zip(self.qualities, requests, strict=True)]

    def loglikelihood(self, requests: list[Any]) -> Any:
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that has the harness evaluate answers of these qualities, and returns its score and samples."""
    monkeypatch.setenv("DISABLE_MULTIPROC", "1")  # in the bootstrap
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))

    def run(server: Server, *qualities: float, repeats: int = 1, **options: str) -> dict[str, Any]:
        write_judged_task(tmp_path, server, len(qualities) // repeats, repeats=str(repeats), **options)
        found = simple_evaluate(
            model=Writer(*qualities),
            tasks=["judged_task"],
            task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
            bootstrap_iters=2000,
        )
        assert found is not None
        row = found["results"]["judged_task"]
        samples = found["samples"]["judged_task"]
        return {
            "score": row["win_rate,judged"],
            "stderr": row["win_rate_stderr,judged"],
            "verdicts": [sample["filtered_resps"][0] for sample in samples],
            "answers": [sample["resps"][0] for sample in samples],
            "values": [sample["win_rate"] for sample in samples],
        }

    return run


def unreadable_on(*questions: int) -> Plan:
    """Plan a judge by quality whose replies to these questions have no verdict."""
    plain = judge_server(by_quality)

    def reply(request: dict[str, Any], index: int) -> str | Reply:
        unclear = any(f"Question {number}?" in prompt_text(request) for number in questions)
        return "I cannot say." if unclear else plain.reply(request, index)

    return replace(plain, reply=reply)


def test_each_response_becomes_a_verdict_and_the_score_is_the_win_rate(openai_server, evaluate):
    server = openai_server(judge_server(by_quality))

    found = evaluate(server, 0.9, 0.8, 0.5, 0.1)

    assert found["verdicts"] == [["win"], ["win"], ["tie"], ["loss"]]
    assert found["answers"][0] == ["ours q=0.9"]
    assert found["values"] == [1.0, 1.0, 0.5, 0.0]
    assert found["score"] == 0.625
    # The bootstrap's standard error is the population's standard deviation over the root of n.
    assert found["stderr"] == pytest.approx(statistics.pstdev([1.0, 1.0, 0.5, 0.0]) / 2, rel=0.05)


def test_the_judge_reads_the_question_and_both_answers_in_both_orders(openai_server, evaluate):
    server = openai_server(judge_server(by_quality))

    evaluate(server, 0.9)

    assert sorted(shown_answers(prompt_text(call.body)) for call in server.calls) == [
        ("ours q=0.9", "theirs q=0.5"),
        ("theirs q=0.5", "ours q=0.9"),
    ]
    for call in server.calls:
        assert "Question 0?" in prompt_text(call.body)
        assert (call.body["max_tokens"], call.body["temperature"]) == (99, 0.0)


def test_a_judge_that_always_names_the_first_answer_gives_ties(openai_server, evaluate):
    assert evaluate(openai_server(judge_server(always_first)), 0.9, 0.1)["values"] == [0.5, 0.5]


def test_a_random_swap_asks_in_one_order(openai_server, evaluate):
    server = openai_server(judge_server(by_quality))
    found = evaluate(server, 0.9, 0.1, more="        swap: random")
    assert (found["values"], len(server.calls)) == ([1.0, 0.0], 2)


def test_a_random_order_depends_on_the_document_and_not_on_its_place(openai_server):
    server = openai_server(judge_server(always_first))
    judge = JudgeFilter(
        judge="test-model", judge_base_url=server.base_url, prompt="question", opponent="answer_b",
        swap="random", cache="off",
    )  # fmt: skip
    docs = documents(20)

    forth = judge.apply([["ours"]] * 20, docs)
    back = judge.apply([["ours"]] * 20, docs[::-1])

    assert forth == back[::-1]
    assert {verdict for [verdict] in forth} == {"win", "loss"}  # depending on which answer stood first


def test_an_invalid_verdict_is_missing_and_neither_a_loss_nor_a_tie(openai_server, evaluate):
    found = evaluate(openai_server(unreadable_on(1, 3)), *[0.9, 0.9, 0.1, 0.1] * 5)

    assert found["verdicts"][:5] == [["win"], ["invalid"], ["loss"], ["invalid"], ["win"]]
    assert [math.isnan(value) for value in found["values"][:5]] == [False, True, False, True, False]
    known = [1.0] * 9 + [0.0] * 9
    assert found["score"] == statistics.mean(known)
    assert found["stderr"] == pytest.approx(statistics.pstdev(known) / len(known) ** 0.5, rel=0.1)


def test_the_number_of_invalid_verdicts_is_logged(openai_server, evaluate, caplog, monkeypatch):
    monkeypatch.setattr(log, "handlers", [*log.handlers, caplog.handler])  # it sends nothing to the root
    evaluate(openai_server(unreadable_on(1)), 0.9, 0.9, 0.9)
    assert "judge: 1 of 3 verdicts are invalid" in caplog.text


def test_without_a_valid_verdict_there_is_no_score(openai_server, evaluate):
    found = evaluate(openai_server(unreadable_on(0, 1)), 0.9, 0.9)
    assert math.isnan(found["score"])


def test_the_aggregation_mean_gives_the_same_number_or_nan(openai_server, evaluate):
    assert evaluate(openai_server(judge_server(by_quality)), 0.9, 0.5, aggregation="mean")["score"] == 0.75
    assert math.isnan(evaluate(openai_server(unreadable_on(1)), 0.9, 0.9, aggregation="mean")["score"])


def test_each_repeat_has_a_verdict_and_the_document_has_their_mean(openai_server, evaluate):
    found = evaluate(openai_server(judge_server(by_quality)), 0.9, 0.1, 0.9, 0.8, repeats=2)
    assert found["verdicts"] == [["win", "loss"], ["win", "win"]]
    assert found["values"] == [0.5, 1.0]


def test_other_filters_of_the_harness_can_follow(openai_server, evaluate):
    server = openai_server(judge_server(by_quality))
    found = evaluate(server, 0.9, 0.1, 0.1, 0.9, repeats=2, more="      - function: take_first")
    assert (found["verdicts"], found["values"]) == (["win", "loss"], [1.0, 0.0])

    judge = JudgeFilter(
        judge="test-model", judge_base_url=server.base_url, prompt="question", opponent="answer_b"
    )
    assert judge.apply(map(str, ["ours q=0.9", "ours q=0.1"]), documents(2)) == ["win", "loss"]


def by_low_quality(a: str, b: str, luck: Random) -> str:
    return by_quality(b, a, luck)


def test_a_panel_decides_by_strict_majority(openai_server, evaluate):
    server = openai_server(judge_server(by_quality, fair=by_quality, odd=by_low_quality))
    assert evaluate(server, 0.9, 0.1, judge="test-model|fair|odd")["verdicts"] == [["win"], ["loss"]]
    assert evaluate(server, 0.9, 0.1, judge="test-model|odd")["verdicts"] == [["invalid"], ["invalid"]]


def test_judging_again_needs_no_call(openai_server, evaluate):
    server = openai_server(judge_server(by_quality))
    first = evaluate(server, 0.9, 0.1)
    assert evaluate(server, 0.9, 0.1)["verdicts"] == first["verdicts"]
    assert len(server.calls) == 4


def test_several_targets_are_an_error_since_they_would_turn_ties_into_wins(openai_server, evaluate):
    with pytest.raises(ConfigError, match="let doc_to_target give one text"):
        evaluate(openai_server(judge_server(by_quality)), 0.5, target="targets")


NAMED = {"judge": "test-model", "judge_base_url": "http://localhost:9/v1"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "no model is set: `judge: NAME`, or a panel `judge: a|b|c`"),
        ({**NAMED, "judge": ["a", "b", "a"]}, "a|b|a names one model twice, which would have two votes"),
        ({**NAMED, "oponent": "x"}, "no argument 'oponent'. Did you mean 'opponent'?"),
        ({**NAMED, "max_token": 5}, "no argument 'max_token'. Did you mean 'max_tokens'?"),
        ({**NAMED, "n": 5}, "no argument 'n'. Known: judge, "),
        ({**NAMED, "max_tokens": "many"}, "max_tokens=many should be a whole number"),
        ({**NAMED, "swap": "twice"}, "swap=twice should be both or random"),
        ({**NAMED, "judge_prompt": "helpfullness"}, "'helpfulness'"),
        ({**NAMED, "opponent": None}, "opponent=None should be a name"),
        ({"judge": "x", "judge_base_url": "localhost"}, "base_url=localhost should be a URL"),
    ],
)
def test_an_argument_that_cannot_be_used_is_an_error_with_the_fix(arguments, sentence):
    with pytest.raises(ConfigError) as error:
        JudgeFilter(**arguments)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "resps", "sentence"),
    [
        ({"opponent": "answer_c"}, [["a"]], "no field 'answer_c' (opponent: of the filter judge). Did you mean 'answer_b'?"),
        ({"prompt": "quest"}, [["a"]], "Document 0 has no field 'quest'"),
        ({"reference": "gold"}, [["a"]], "Its fields: id, question, answer_b, targets"),
        ({"opponent": "targets"}, [["a"]], "The field 'targets' of document 0 should be a text"),
        ({}, [[(-1.5, True)]], "output_type: generate_until"),
        ({}, [None], "has NoneType for a response"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_judged_is_an_error_before_any_call(arguments, resps, sentence):
    judge = JudgeFilter(**{**NAMED, "opponent": "answer_b", "prompt": "question", **arguments})
    with pytest.raises(ConfigError) as error:
        judge.apply(resps, documents(1))
    assert sentence in str(error.value)


def test_the_documents_reference_source_language_and_turns_reach_the_judge(openai_server):
    server = openai_server(judge_server(by_quality))
    doc = {
        "prompt": [{"role": "system", "content": "Be exact."}, {"role": "user", "content": "Translate."}],
        "opponent": 1.5,
        "gold": "Bonjour.",
        "source": "Good morning.",
        "language": "fr",
    }
    JudgeFilter(
        judge="test-model", judge_base_url=server.base_url, judge_prompt="translation", reference="gold"
    ).apply([["Salut."]], [doc])
    seen = prompt_text(server.calls[0].body)
    assert all(words in seen for words in ("[system]", "Be exact.", "Bonjour.", "Good morning.", "French"))
    assert set(shown_answers(seen)) == {"1.5", "Salut."}
