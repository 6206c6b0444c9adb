"""Analyses that ask models: fusion of parts of the pools, several fusors, and corrupted pools."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness_tasks import GENERATE, write_tasks
from openai_server import Plan, Request, Server, prompt_text, serve

import fusion_eval as fe
from fusion_eval.analysis.corruption import INSTRUCTION
from fusion_eval.api.analysis import Scored, price, score
from fusion_eval.api.further_tables import FurtherTables, new_tables
from fusion_eval.cli import main as cli
from fusion_eval.errors import ConfigError
from fusion_eval.harness import scored_pools
from fusion_eval.harness.new_tables import NewTables, free_selections
from fusion_eval.harness.stored_questions import StoredItem
from fusion_eval.report.analysis_view import AnalysisView
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.solver import Aggregator
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, Trace

NUMBERS = (
    GENERATE + 'doc_to_target: "{{answer.split()[0]}}"\n'
    "filter_list:\n  - name: number\n    filter:\n      - function: regex\n        regex_pattern: '(\\d+)'\n"
    "      - function: take_first\n"
)
"""More of a task whose answer is the first number of a reply."""
CANARY = re.compile(re.escape(INSTRUCTION.split("{")[0]) + r"(\w+)")
ROWS = 6


def reply(request: Request, index: int) -> str:
    """Sample a sum that is wrong for every third seed. Fuse by vote, unless a candidate gives another instruction."""
    prompt = prompt_text(request)
    if "Answer: [[" not in prompt:
        number = int(re.findall(r"What is (\d+) \+", prompt)[-1])
        seed = (request.get("seed") or 0) + index
        return f"it is {2 * number + (seed + number) % 3 // 2} in all"
    if request["model"] == "poor":
        return "Comparison: none.\nAnswer: [[ it is 77 in all ]]"
    if instructed := CANARY.search(prompt):
        return f"Comparison: obeyed.\nAnswer: [[ {instructed[1]} ]]"
    [(most, _)] = Counter(re.findall(r"it is (\d+)", prompt)).most_common(1)
    return f"Comparison: counted.\nAnswer: [[ it is {most} in all ]]"


@dataclass(frozen=True)
class Lab:
    """Runs on pools of four, the server that made them, and one analysis of them with everything that asks models."""

    server: Server
    runs: Path
    tasks: Path
    arguments: dict[str, Any]
    scored: Scored
    view: AnalysisView
    said: list[str]
    """What the analysis reported before it asked."""
    calls: int
    """How many calls the analysis made."""

    def ask(self, **options: Any) -> NewTables:
        """Prepare other new calls on the same pools."""
        return new_tables(self.scored, FurtherTables(model_args=self.arguments, **options), self.tasks)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    tasks, runs, said = folder / "tasks", folder / "out", []
    tasks.mkdir()
    write_tasks(tasks, "sums_en", "sums_fr", more=NUMBERS, rows=ROWS)
    with serve(Plan(models=("m", "poor"), reply=reply)) as server:
        arguments = {"model": "m", "base_url": server.base_url, "n": 4, "cache": str(folder / "store.sqlite")}
        fe.run(
            runs,
            tasks=["sums_en", "sums_fr"],
            strategies=["single", "majority", "fusion"],
            model_args=arguments,
            include_path=tasks,
            report=lambda line: None,
        )
        before = len(server.calls)
        view = fe.analyze(
            runs,
            include_path=tasks,
            model_args=arguments,
            fuse=(1, 2, 4),
            fusors="m,poor(prompt=paper)",
            corrupt=["injection:1", "other:1", "other:4", "wrong:1", "language:2"],
            budget="calls",
            report=said.append,
        )
        calls = len(server.calls) - before
        yield Lab(server, runs, tasks, arguments, score([runs], include_path=tasks), view, said, calls)


def rows(lab: Lab, table: str, **wanted: object) -> list[dict[str, Any]]:
    """Return the rows of a table with these values."""
    content = json.loads(lab.view.to_json())[table]
    return [row for row in content if all(row[name] == value for name, value in wanted.items())]


def test_new_calls_are_priced_before_they_are_made(lab: Lab) -> None:
    # then: fusion of all four by the run's own fusor is in the store
    lines = {line.split("  ")[0]: line for line in lab.said}
    assert " 0 " in lines["fusion@4 by m"]
    assert f" {2 * ROWS} " in lines["fusion@2 by m"]
    assert " 0 " in lines["majority, wrong:1"]
    [total] = [line for line in lab.said if line.startswith("all ")]
    assert int(total.split()[1].replace(",", "")) == lab.calls


def test_what_was_asked_once_is_not_asked_again(lab: Lab) -> None:
    # given
    before = len(lab.server.calls)

    # when
    answers = lab.ask(fuse=(2,), corrupt=("injection:1",)).answer()

    # then
    assert len(lab.server.calls) == before
    assert [(one.fusor, one.k) for one in answers.fused] == [("m", 2)]
    assert [one.strategy for one in answers.corrupted] == ["fusion", "majority", "single"]


def test_all_answers_are_made_in_one_event_loop(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    # given: a model in the process belongs to the loop that opened it
    loops = set()
    original = Aggregator.aggregate

    async def aggregate(self: Aggregator, question: Question, pool: Pool) -> Trace:
        loops.add(asyncio.get_running_loop())
        return await original(self, question, pool)

    monkeypatch.setattr(Aggregator, "aggregate", aggregate)

    # when
    lab.ask(fuse=(1, 2)).answer()

    # then
    assert len(loops) == 1


def test_curves_have_fusion_at_each_k_beside_the_others(lab: Lab) -> None:
    # then: the scripted fusor repeats the number of a single candidate
    points = rows(lab, "curves", estimator="fusion", scorer="m", task="sums_en")
    assert [point["k"] for point in points] == [1, 2, 4]
    [english, _] = [one for one in lab.scored.pools if one.metric == "exact_match"]
    assert points[0]["value"] == pytest.approx(english.values[:, 0].mean())
    [own] = rows(lab, "recovered", strategy="fusion", task="sums_en")
    assert points[-1]["value"] == pytest.approx(own["value"])
    against = {row["against"] for row in rows(lab, "differences", estimator="fusion", k=2, task="sums_en")}
    assert against == {"mean", "majority"}  # the server reports no log-probabilities


def test_a_dry_run_makes_no_call(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given scores that an analysis has kept
    before = len(lab.server.calls)
    monkeypatch.setattr(scored_pools, "score_all", None)
    words = ["analyze", str(lab.runs), "--include_path", str(lab.tasks), "--fuse", "3", "--corrupt", "cut:2"]
    arguments = ",".join(f"{name}={value}" for name, value in lab.arguments.items())

    # when
    code = cli.main([*words, "--model_args", arguments, "--dry_run"])

    # then
    assert code == 0
    assert len(lab.server.calls) == before
    lines = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert f" {2 * ROWS} " in lines["fusion@3"]
    assert f" {2 * ROWS} " in lines["fusion, cut:2"]
    assert " 0 " in lines["majority, cut:2"]


def test_fusors_stand_side_by_side(lab: Lab) -> None:
    grid = {(row["fusor"], row["k"]): row for row in rows(lab, "fusors", language="all")}
    assert list(grid) == [(fusor, k) for fusor in ("m", "poor(prompt=paper)") for k in (1, 2, 4)]
    assert grid["poor(prompt=paper)", 4]["value"] == 0
    assert grid["poor(prompt=paper)", 4]["against"] == "m"
    assert grid["poor(prompt=paper)", 4]["delta"] == pytest.approx(-grid["m", 4]["value"])
    assert grid["m", 4]["delta"] is None


def test_an_injected_instruction_that_the_fusor_obeys_is_a_leak(lab: Lab) -> None:
    table = {row["strategy"]: row for row in rows(lab, "robustness", language="all", kind="injection")}
    assert table["fusion"]["leak_rate"] == pytest.approx(1)
    assert table["fusion"]["value"] == 0
    assert table["fusion"]["loss"] == pytest.approx(table["fusion"]["clean_value"])
    assert table["single"]["loss"] == 0  # the number before the instruction still counts
    assert 0 < table["single"]["leak_rate"] < 1


def test_losses_are_from_the_values_of_the_runs(lab: Lab) -> None:
    table = {
        (row["strategy"], row["kind"], row["corrupted"]): row
        for row in rows(lab, "robustness", language="all")
    }
    for strategy in ("single", "majority", "fusion"):
        [own] = rows(lab, "recovered", strategy=strategy, language="all")
        for kind, k in (("other", 1), ("wrong", 1), ("language", 2)):
            row = table[strategy, kind, k]
            assert row["clean_value"] == pytest.approx(own["value"])
            assert row["loss"] == pytest.approx(row["clean_value"] - row["value"])
    assert table["majority", "other", 1]["loss"] <= table["majority", "other", 4]["loss"]
    assert table["majority", "other", 4]["leak_rate"] == pytest.approx(1)


def test_new_fusions_are_systems_of_a_budget(lab: Lab) -> None:
    # then: two candidates and one call cost as much as a vote of three
    [row] = rows(lab, "budget", strategy="fusion@2", scorer="m", against="majority", language="all")
    assert (row["cost"], row["against_k"], row["limited"]) == (pytest.approx(3), pytest.approx(3), False)
    [whole] = rows(lab, "budget", strategy="fusion", against="majority", language="all")
    assert (whole["cost"], whole["against_k"], whole["limited"]) == (pytest.approx(5), pytest.approx(5), True)


@pytest.mark.parametrize(
    ("strategies", "logprob", "reads", "free"),
    [
        (["fusion"], -1.0, True, ["majority", "bon(scorer=logprob)"]),
        (["bon", "majority"], -1.0, True, []),
        (["fusion"], None, False, []),
    ],
)
def test_selections_that_ask_nobody_stand_beside_the_strategies(
    strategies: list[str], logprob: float | None, reads: bool, free: list[str]
) -> None:
    # given
    prompt, sampling = Prompt("q"), Sampling(max_tokens=9, temperature=0.7, seed=0)
    question = Question("t", 0, 0, "en", prompt, sampling, (0.7,), extract=str.strip if reads else None)
    item = StoredItem(question, Pool(prompt, (Candidate("a", "m", 0, mean_logprob=logprob),)), {})

    # then
    assert free_selections(strategies, [item]) == free


@pytest.mark.parametrize("form", [str, AnalysisView.to_markdown])
def test_every_table_is_drawn(lab: Lab, form: Callable[[AnalysisView], str]) -> None:
    text = form(lab.view)
    for title in (
        "Cost and quality",
        "At equal cost",
        "Fusors side by side",
        "bad candidates",
        "fused texts are made of",
    ):
        assert title in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fuse": (9,)}, r"--fuse 9: the pools have 4 candidates"),
        ({"corrupt": ("cut:5",)}, "has pools of 4"),
        ({"corrupt": ("wrnog:1",)}, "Did you mean 'wrong'"),
        ({"fusors": ("absent",)}, "does not exist"),
        ({"fusors": ("m(promt=paper)",)}, "Did you mean 'prompt'"),
    ],
)
def test_a_mistake_is_one_sentence(lab: Lab, options: dict[str, Any], message: str) -> None:
    with pytest.raises(fe.FusionEvalError, match=message):
        lab.ask(**options).answer()


def test_a_unit_of_cost_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tokens"):
        fe.analyze(tmp_path, budget="token")


@pytest.mark.parametrize("fuse", [2.5, "two", [2, 0], True])
def test_numbers_of_candidates_that_are_none_are_one_sentence(tmp_path: Path, fuse: Any) -> None:
    with pytest.raises(ConfigError, match=r"^fuse=.+ should be a whole number, 1 or more$"):
        fe.analyze(tmp_path, fuse=fuse, model_args={})


def test_numbers_of_candidates_have_the_form_of_other_lists(lab: Lab) -> None:
    # given two numbers, of which one is named twice
    forms = ("2, 3", (2, 3, 2), ["2", "3"])
    # then each is one job, whatever their form
    tables = [
        price(lab.runs, fuse=form, model_args=lab.arguments, include_path=lab.tasks)  # type: ignore[arg-type]
        for form in forms
    ]
    assert len(set(tables)) == 1 and tables[0].count("fusion@") == 2


def test_a_dry_run_without_new_calls_knows_its_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no run"):
        price(tmp_path / "absent")


def test_new_calls_need_model_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="need --model_args as the runs had them"):
        price(tmp_path, fuse=(2,))
    assert cli.main(["analyze", str(tmp_path), "--corrupt", "cut:1"]) == 2
    assert cli.main(["analyze", str(tmp_path), "--fuse", "two"]) == 2
    assert "--fuse takes numbers of candidates" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("chat", [False, True])
def test_questions_with_worked_examples_are_asked_as_the_run_asked_them(tmp_path: Path, chat: bool) -> None:
    # given
    write_tasks(tmp_path, "sums_en", more=NUMBERS, rows=ROWS)
    with serve(Plan(models=("m",), reply=reply)) as server:
        arguments = {
            "model": "m",
            "base_url": server.base_url,
            "n": 3,
            "cache": str(tmp_path / "store.sqlite"),
        }
        fe.run(
            tmp_path / "out",
            tasks="sums_en",
            strategies=["fusion", "bon(scorer=judge)"],
            model_args=arguments,
            include_path=tmp_path,
            num_fewshot=1,
            apply_chat_template=chat,
            report=lambda line: None,
        )
        before = len(server.calls)
        scored = score([tmp_path / "out"], include_path=tmp_path)
        tables = FurtherTables(fuse=(3,), corrupt=("cut:1",), model_args=arguments)

        # when
        planned = new_tables(scored, tables, tmp_path).price()

    # then: what the run has asked is in the store
    lines = {line.split("  ")[0]: line for line in planned.splitlines()}
    assert len(server.calls) == before
    for label in ("fusion@3", "fusion", "bon(scorer=judge)"):
        assert lines[label].split()[1:3] == ["-", "0"]
    assert lines["fusion, cut:1"].split()[2:4] == ["fusor", str(ROWS)]
