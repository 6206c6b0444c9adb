"""Pairwise judging inside the harness's tasks: the filter `judge` and the metric `win_rate`, under its own evaluation."""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from local_judge import always_first, by_quality, judging, shown
from openai_server import Plan, Reply, Server, prompt_text

from fusion_eval.errors import ConfigError
from fusion_eval.harness.judge_filter import JudgeFilter
from fusion_eval.harness.win_rate_metric import win_rate

TASK = """
task: judged_task
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: {target}
repeats: {repeats}
filter_list:
  - name: judged
    filter:
      - function: judge
        judge: {judge}
        judge_base_url: {url}
        opponent: answer_b
        prompt: question
        max_tokens: 99
{more}
metric_list:
  - metric: win_rate
    aggregation: {aggregation}
    higher_is_better: true
metadata: {{version: 1.0}}
"""


def documents(rows: int) -> list[dict[str, Any]]:
    return [
        {"id": i, "question": f"Question {i}?", "answer_b": "theirs q=0.5", "targets": ["x", "y"]}
        for i in range(rows)
    ]


class Writer(LM):
    """A model whose answers, in the order of the requests, have these qualities."""

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
    """The harness's own evaluation of answers of these qualities, in a task with the filter: its score and its samples."""
    monkeypatch.setenv("DISABLE_MULTIPROC", "1")  # of the bootstrap
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))

    def run(server: Server, *qualities: float, repeats: int = 1, **options: str) -> dict[str, Any]:
        write_task(tmp_path, server, len(qualities) // repeats, repeats=str(repeats), **options)
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


def write_task(folder: Path, server: Server, rows: int, **options: str) -> None:
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(doc) + "\n" for doc in documents(rows)))
    defaults = {
        "judge": "test-model",
        "more": "",
        "aggregation": "win_rate",
        "target": "answer_b",
        "repeats": "1",
    }
    (folder / "judged_task.yaml").write_text(
        TASK.format(url=server.base_url, data=data, **{**defaults, **options})
    )


def unreadable_on(*questions: int) -> Plan:
    """A judge by quality that comes to no verdict on these."""
    plain = judging(by_quality)

    def reply(request: dict[str, Any], index: int) -> str | Reply:
        unclear = any(f"Question {number}?" in prompt_text(request) for number in questions)
        return "I cannot say." if unclear else plain.reply(request, index)

    return replace(plain, reply=reply)


def test_each_response_becomes_a_verdict_and_the_score_is_the_win_rate(openai_server, evaluate):
    server = openai_server(judging(by_quality))

    found = evaluate(server, 0.9, 0.8, 0.5, 0.1)

    assert found["verdicts"] == [["win"], ["win"], ["tie"], ["loss"]]
    assert found["answers"][0] == ["ours q=0.9"]
    assert found["values"] == [1.0, 1.0, 0.5, 0.0]
    assert found["score"] == 0.625
    # The bootstrap's deviation is that of the population, over the root of n.
    assert found["stderr"] == pytest.approx(statistics.pstdev([1.0, 1.0, 0.5, 0.0]) / 2, rel=0.05)


def test_the_judge_reads_the_question_and_both_answers_in_both_orders(openai_server, evaluate):
    server = openai_server(judging(by_quality))

    evaluate(server, 0.9)

    assert sorted(shown(prompt_text(call.body)) for call in server.calls) == [
        ("ours q=0.9", "theirs q=0.5"),
        ("theirs q=0.5", "ours q=0.9"),
    ]
    for call in server.calls:
        assert "Question 0?" in prompt_text(call.body)
        assert (call.body["max_tokens"], call.body["temperature"]) == (99, 0.0)


def test_a_judge_that_goes_by_position_gives_ties(openai_server, evaluate):
    assert evaluate(openai_server(judging(always_first)), 0.9, 0.1)["values"] == [0.5, 0.5]


@pytest.mark.parametrize("swap", ["random", "none"])
def test_fewer_orders_are_asked_where_the_task_says_so(openai_server, evaluate, swap):
    server = openai_server(judging(by_quality))
    found = evaluate(server, 0.9, 0.1, more=f"        swap: {swap}")
    assert (found["values"], len(server.calls)) == ([1.0, 0.0], 2)


def test_a_random_order_is_the_documents_own_wherever_it_stands(openai_server):
    server = openai_server(judging(always_first))
    judge = JudgeFilter(
        judge="test-model", judge_base_url=server.base_url, prompt="question", opponent="answer_b",
        swap="random", cache="off",
    )  # fmt: skip
    docs = documents(20)

    forth = judge.apply([["ours"]] * 20, docs)
    back = judge.apply([["ours"]] * 20, docs[::-1])

    assert forth == back[::-1]
    assert {verdict for [verdict] in forth} == {"win", "loss"}  # whoever stood first


def test_an_invalid_verdict_is_missing_and_no_loss_and_no_tie(openai_server, evaluate):
    found = evaluate(openai_server(unreadable_on(1, 3)), *[0.9, 0.9, 0.1, 0.1] * 5)

    assert found["verdicts"][:5] == [["win"], ["invalid"], ["loss"], ["invalid"], ["win"]]
    assert [math.isnan(value) for value in found["values"][:5]] == [False, True, False, True, False]
    known = [1.0] * 9 + [0.0] * 9
    assert found["score"] == statistics.mean(known)
    assert found["stderr"] == pytest.approx(statistics.pstdev(known) / len(known) ** 0.5, rel=0.1)


def test_how_many_verdicts_are_invalid_is_said(openai_server, evaluate, caplog):
    evaluate(openai_server(unreadable_on(1)), 0.9, 0.9, 0.9)
    assert "judge: 1 of 3 verdicts are invalid" in caplog.text


def test_where_no_verdict_is_valid_there_is_no_score(openai_server, evaluate):
    found = evaluate(openai_server(unreadable_on(0, 1)), 0.9, 0.9)
    assert math.isnan(found["score"])


def test_the_plain_mean_is_the_same_number_or_none(openai_server, evaluate):
    assert evaluate(openai_server(judging(by_quality)), 0.9, 0.5, aggregation="mean")["score"] == 0.75
    assert math.isnan(evaluate(openai_server(unreadable_on(1)), 0.9, 0.9, aggregation="mean")["score"])


def test_repeats_have_a_verdict_each_and_the_document_their_mean(openai_server, evaluate):
    found = evaluate(openai_server(judging(by_quality)), 0.9, 0.1, 0.9, 0.8, repeats=2)
    assert found["verdicts"] == [["win", "loss"], ["win", "win"]]
    assert found["values"] == [0.5, 1.0]


def test_the_harnesss_own_filters_go_before_and_after(openai_server, evaluate):
    server = openai_server(judging(by_quality))
    found = evaluate(server, 0.9, 0.1, 0.1, 0.9, repeats=2, more="      - function: take_first")
    assert (found["verdicts"], found["values"]) == (["win", "loss"], [1.0, 0.0])

    judge = JudgeFilter(
        judge="test-model", judge_base_url=server.base_url, prompt="question", opponent="answer_b"
    )
    assert judge.apply(map(str, ["ours q=0.9", "ours q=0.1"]), documents(2)) == ["win", "loss"]


def worse(a: str, b: str, luck: Random) -> str:
    return by_quality(b, a, luck)


def test_of_a_panel_the_strict_majority_counts(openai_server, evaluate):
    server = openai_server(judging(by_quality, fair=by_quality, odd=worse))
    assert evaluate(server, 0.9, 0.1, judge="test-model|fair|odd")["verdicts"] == [["win"], ["loss"]]
    assert evaluate(server, 0.9, 0.1, judge="test-model|odd")["verdicts"] == [["invalid"], ["invalid"]]


def test_what_was_judged_once_is_not_asked_again(openai_server, evaluate):
    server = openai_server(judging(by_quality))
    first = evaluate(server, 0.9, 0.1)
    assert evaluate(server, 0.9, 0.1)["verdicts"] == first["verdicts"]
    assert len(server.calls) == 4


def test_several_targets_would_make_wins_of_ties_and_are_refused(openai_server, evaluate):
    with pytest.raises(ConfigError, match="let doc_to_target give one text"):
        evaluate(openai_server(judging(by_quality)), 0.5, target="targets")


NAMED = {"judge": "test-model", "judge_base_url": "http://localhost:9/v1"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "has nobody to ask; name a model, judge: NAME"),
        ({**NAMED, "judge": ["a", "b", "a"]}, "judge=a|b|a names one of the judges twice"),
        ({**NAMED, "oponent": "x"}, "no argument 'oponent'. Did you mean 'opponent'?"),
        ({**NAMED, "max_token": 5}, "no argument 'max_token'. Did you mean 'max_tokens'?"),
        ({**NAMED, "n": 5}, "no argument 'n'. Known: judge, "),
        ({**NAMED, "max_tokens": "many"}, "max_tokens=many should be a whole number"),
        ({**NAMED, "swap": "twice"}, "swap=twice should be both, random or none"),
        ({**NAMED, "judge_prompt": "helpfullness"}, "'helpfulness'"),
        ({**NAMED, "opponent": None}, "opponent=None should be a name"),
        ({"judge": "x", "judge_base_url": "localhost"}, "base_url=localhost should be a URL"),
    ],
)
def test_arguments_that_cannot_be_are_told_with_the_fix(arguments, sentence):
    with pytest.raises(ConfigError) as told:
        JudgeFilter(**arguments)
    assert sentence in str(told.value)


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
def test_documents_that_cannot_be_judged_are_told_before_any_call(arguments, resps, sentence):
    judge = JudgeFilter(**{**NAMED, "opponent": "answer_b", "prompt": "question", **arguments})
    with pytest.raises(ConfigError) as told:
        judge.apply(resps, documents(1))
    assert sentence in str(told.value)


def test_the_reference_source_language_and_turns_of_the_document_reach_the_judge(openai_server):
    server = openai_server(judging(by_quality))
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
    assert set(shown(seen)) == {"1.5", "Salut."}


@pytest.mark.parametrize(
    ("prediction", "worth"),
    [
        ("win", 1.0),
        ("tie", 0.5),
        ("loss", 0.0),
        (["win", "tie", "invalid"], 0.75),
        (["loss", "win", "win", "win"], 0.75),
        ("invalid", None),
        (["invalid", "invalid"], None),
        ([], None),
        ("I win", None),
        (None, None),
    ],
)
def test_verdicts_are_worth_1_one_half_or_0_and_anything_else_is_missing(prediction, worth):
    value = win_rate(references=["any"], predictions=[prediction])
    assert math.isnan(value) if worth is None else value == worth
    assert json.loads(json.dumps(value)) == pytest.approx(value, nan_ok=True)


CLI = """
import functools, sys
from lm_eval.tasks import TaskManager
TaskManager.__init__ = functools.partialmethod(TaskManager.__init__, include_defaults=False)  # thousands
from lm_eval.__main__ import cli_evaluate
cli_evaluate()
"""


def lm_eval(folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    """The harness's command line in an interpreter of its own, with our hook for all that it knows of us."""
    arguments = (
        f"run --tasks judged_task --include_path {folder} --output_path {folder / 'out'} --log_samples"
    )
    model = f"--model single --model_args model=test-model,base_url={server.base_url},n=1,temperature=0"
    return subprocess.run(
        [sys.executable, "-c", CLI, *arguments.split(), *model.split()],
        env=os.environ
        | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "datasets"), "DISABLE_MULTIPROC": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )


def writing_and_judging() -> Plan:
    """One model as both: what it writes is as good as the question's number, a tenth each."""
    judge = judging(by_quality)

    def reply(request: dict[str, Any], index: int) -> str | Reply:
        question = re.fullmatch(r"Question (\d)\?", prompt_text(request))
        return f"ours q=0.{question[1]}" if question else judge.reply(request, index)

    return replace(judge, reply=reply)


def test_plain_lm_eval_runs_a_task_with_the_filter(openai_server, tmp_path):
    server = openai_server(writing_and_judging())
    write_task(tmp_path, server, 9)
    done = lm_eval(tmp_path, server)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    [path] = (tmp_path / "out").rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert [sample["win_rate"] for sample in samples] == [0.0] * 5 + [0.5] + [1.0] * 3
    [path] = (tmp_path / "out").rglob("results_*.json")
    result = json.loads(path.read_text())["results"]["judged_task"]
    assert result["win_rate,judged"] == pytest.approx(3.5 / 9)


def test_plain_lm_eval_ends_with_one_sentence_where_an_argument_is_wrong(openai_server, tmp_path):
    server = openai_server(writing_and_judging())
    write_task(tmp_path, server, 1, more="        max_token: 5")
    done = lm_eval(tmp_path, server)
    assert done.returncode == 2
    assert (
        "fusion_eval: The filter judge has no argument 'max_token'. Did you mean 'max_tokens'?" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_fusion_eval_run_finds_a_wrong_argument_before_anything_is_generated(
    openai_server: Callable[[Plan], Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fusion_eval.cli.main import main

    model = openai_server(Plan())
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, documents(2))), encoding="utf-8")
    task = TASK.format(
        data=data, target="x", repeats=1, judge="judge", url=model.base_url, more="        concurency: 3",
        aggregation="win_rate",
    )  # fmt: skip
    (tmp_path / "judged_task.yaml").write_text(task, encoding="utf-8")
    arguments = f"model=test-model,base_url={model.base_url},cache=off"
    given = ["--tasks", "judged_task", "--include_path", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(["run", *given, "--model_args", arguments]) == 2
    assert "concurrency" in capsys.readouterr().err and not model.calls
