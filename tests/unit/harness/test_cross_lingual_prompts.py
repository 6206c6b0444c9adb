"""`cross_lingual=k` in the harness: the prompt in English is that of the same document in the family's English task."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness_tasks import answers, evaluate, fusing, write_tasks
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text

from fusion_eval.cli import main as cli
from fusion_eval.errors import ConfigError
from fusion_eval.harness.lm import FusionLM, SingleLM, model_type
from fusion_eval.runs.traces import read_traces

FILTER = """filter_list:
  - name: number
    filter:
      - function: regex
        regex_pattern: "([0-9]+)"
      - function: take_first
"""


def family(folder: Path, family_name: str, *, english_rows: int = 4, ids: bool = False) -> TaskManager:
    """Write a task in French and its sibling in English, whose documents stand in reverse order if they have ids.

    Families of different documents need different names: the harness may keep a data module by its name.
    """
    folder.mkdir(exist_ok=True)
    french, english = f"{family_name}_fr", f"{family_name}_en"
    write_tasks(folder, french)
    manager = write_tasks(folder, english, rows=english_rows)
    for name, words in ((french, "Combien font"), (english, "How much is")):
        data = folder / f"{name}_data.py"
        source = data.read_text().replace("What is {i}", f"{words} {{i}}").replace("Do the sums", name)
        if ids:
            source = source.replace('{"question"', '{"id": f"sum-{i}", "question"', 1)
        if ids and name == english:
            source = source.replace("for i in range(4)", "for i in reversed(range(4))")
        data.write_text(source)
    return manager


def pools(folder: Path) -> list[tuple[str, int, int]]:
    """Return each trace's task, and how many candidates of its own language and in English it has."""
    traces = read_traces(folder / "traces.jsonl")
    return [(one.task, len(one.pool.candidates), len(one.pool.cross_lingual)) for one in traces]


@pytest.mark.parametrize("ids", [False, True], ids=["by position", "by id"])
def test_the_prompt_in_english_is_that_of_the_same_document(openai_server, tmp_path: Path, ids: bool) -> None:
    # given a task in French whose English sibling takes no part in the run
    server: Server = openai_server(Plan(reply=fusing))
    name = "coded" if ids else "quiz"
    manager = family(tmp_path / "tasks", name, ids=ids)
    lm = FusionLM(
        model="test-model", base_url=server.base_url, n=3, cross_lingual=1, trace_dir=str(tmp_path / "t")
    )
    # when it is evaluated
    results = evaluate(lm, manager, f"{name}_fr", limit=2)
    # then each document has one candidate for its own question in English, which the fusor saw
    assert answers(results, f"{name}_fr") == ["fused"] * 2
    assert pools(tmp_path / "t") == [(f"{name}_fr", 2, 1)] * 2
    asked = [prompt_text(call.body) for call in server.calls]
    english = sorted(text for text in asked if "How much is" in text and "Combien" not in text)
    assert ["How much is 0 + 0?" in english[0], "How much is 1 + 1?" in english[1]] == [True, True]
    assert len(english) == 2 and lm.totals.overall.candidates == 6
    assert "|cross_lingual:1|" in lm.get_model_info()["signature"]


def test_the_english_task_of_the_run_draws_as_always_and_shares_its_candidates(
    openai_server, tmp_path: Path
) -> None:
    # given both tasks in one run
    server: Server = openai_server(Plan(reply=fusing))
    manager = family(tmp_path / "tasks", "quiz")
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 3}
    # when English was drawn before
    evaluate(SingleLM(**arguments), manager, "quiz_en")
    before = len(server.calls)
    evaluate(
        SingleLM(**arguments, cross_lingual=1, trace_dir=str(tmp_path / "t")), manager, "quiz_fr", "quiz_en"
    )
    # then only the candidates in French are asked for
    assert sorted(pools(tmp_path / "t")) == [("quiz_en", 3, 0)] * 4 + [("quiz_fr", 2, 1)] * 4
    assert {call.body["n"] for call in server.calls[before:]} == {2}
    assert len(server.calls) - before == 4


def test_a_vote_with_candidates_in_english_needs_no_reader_of_their_answers(
    openai_server, tmp_path: Path
) -> None:
    # given tasks that extract answers, with ids in another order, both in the run
    server: Server = openai_server(Plan(reply=lambda request, index: f"It is {index}."))
    manager = family(tmp_path / "tasks", "voted", ids=True)
    for name in ("voted_fr", "voted_en"):
        file = tmp_path / "tasks" / f"{name}.yaml"
        file.write_text(file.read_text().replace("metric_list:", FILTER + "metric_list:"))
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 4, "cross_lingual": 1}
    lm = model_type("route(above=0.9)")(**arguments, trace_dir=str(tmp_path / "t"))
    # when they are evaluated together, and French alone
    evaluate(lm, manager, "voted_fr", "voted_en")
    both = pools(tmp_path / "t")
    evaluate(lm, manager, "voted_fr")
    # then both work, and the English task of the run keeps its own pools
    assert sorted(both) == [("voted_en", 4, 0)] * 4 + [("voted_fr", 3, 1)] * 4
    assert pools(tmp_path / "t") == [("voted_fr", 3, 1)] * 4


@pytest.mark.parametrize(
    ("task", "rows", "reason"),
    [
        ("short_fr", 3, "short_fr has 4 documents and short_en has 3"),
        ("sums", 4, "sums names no language"),
        ("other_de", 4, "needs the task other_en beside other_de, and there is none"),
    ],
)
def test_a_task_without_a_parallel_one_in_english_is_refused_before_any_call(
    openai_server, tmp_path: Path, task: str, rows: int, reason: str
) -> None:
    # given a family that is not parallel, or no family
    server: Server = openai_server(Plan(reply=fusing))
    family(tmp_path / "tasks", "short", english_rows=rows)
    manager = write_tasks(tmp_path / "tasks", "sums", "other_de")
    # when the task is evaluated
    lm = FusionLM(model="test-model", base_url=server.base_url, cross_lingual=1)
    with pytest.raises(ConfigError, match=reason):
        evaluate(lm, manager, task)
    # then nothing was asked
    assert not server.calls


def test_log_likelihood_tasks_are_refused(openai_server, tmp_path: Path) -> None:
    # given a task of log-likelihoods
    server: Server = openai_server(Plan())
    lm = SingleLM(model="test-model", base_url=server.base_url, cross_lingual=1)
    # when log-likelihoods are asked for
    with pytest.raises(ConfigError, match="no cross_lingual="):
        lm.loglikelihood([])


def test_a_dry_run_counts_the_calls_that_the_run_then_makes(
    openai_server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a run in French with candidates in English
    server: Server = openai_server(Plan(reply=fusing))
    cache = tmp_path / "store.sqlite"
    command = ["run", "--tasks", "fusion_demo_fr", "--limit", "2", "--strategies", "single,fusion"]
    command += ["--output", str(tmp_path / "out"), "--model_args"]
    command += [f"model=test-model,base_url={server.base_url},n=4,cross_lingual=1,cache={cache}"]
    # when its calls are counted, and it is run
    assert cli.main([*command, "--dry_run"]) == 0
    counted = capsys.readouterr().out
    assert cli.main(command) == 0
    # then both agree: two prompts for each item, and a fusion
    assert re.search(r"^all +6 ", counted, re.MULTILINE) and len(server.calls) == 6
    assert pools(tmp_path / "out" / "fusion") == [("fusion_demo_fr", 3, 1)] * 2
    # and an analysis refuses the run, since it scores three of the four candidates that a fusion read
    assert cli.main(["analyze", str(tmp_path / "out" / "fusion")]) == 2
    assert "cross_lingual=" in capsys.readouterr().err


def test_permuted_options_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, openai_server
) -> None:
    # given a multiple-choice family whose options get an order of their own in each language
    server: Server = openai_server(Plan())
    folder = tmp_path / "tasks"
    folder.mkdir()
    more = 'doc_to_choice: ["one", "two", "three"]\n'
    write_tasks(folder, "pick_fr", "pick_en", kind="multiple_choice", more=more)
    for name in ("pick_fr", "pick_en"):
        data = folder / f"{name}_data.py"
        data.write_text(data.read_text().replace('f"{2 * i} in all"', "i % 3").replace('"100 in all"', "0"))
    command = ["run", "--tasks", "pick_fr", "--include_path", str(folder), "--output", str(tmp_path / "out")]
    command += ["--strategies", "single", "--model_args"]
    command += [f"model=test-model,base_url={server.base_url},n=3,cross_lingual=1"]
    # when the options are permuted
    assert cli.main([*command, "--generate_choices", "permuted"]) == 2
    # then the error names the order that works, and that one works
    assert "--generate_choices in_order" in capsys.readouterr().err and not server.calls
    assert cli.main([*command, "--generate_choices", "in_order"]) == 0
    assert {one[1:] for one in pools(tmp_path / "out" / "single")} == {(2, 1)}
