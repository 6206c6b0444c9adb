"""`fusion-eval analyze`: from runs with traces to tables, and one sentence for each mistake."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness_tasks import GENERATE, write_tasks
from openai_server import Plan, Request, Server, prompt_text, serve
from rich.cells import cell_len

import fusion_eval as fe
from fusion_eval.analysis.pools import ScoredPools
from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.harness import host_tasks, scored_pools, stored_pools
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.traces import read_traces

FILTERS = (
    GENERATE + 'doc_to_target: "{{answer.split()[0]}}"\n'
    "filter_list:\n  - name: number\n    filter:\n      - function: regex\n        regex_pattern: '(\\d+)'\n"
    "      - function: take_first\n  - name: whole\n    filter:\n      - function: take_first\n"
)
"""More of a task that scores the first number of a reply, and the whole reply."""


def reply(request: Request, index: int) -> str:
    """Sample sums of which every third is wrong; the model `poor` is always wrong. A fusor writes another sum."""
    prompt = prompt_text(request)
    if "Answer: [[" in prompt:
        return "Comparison: none.\nAnswer: [[ it is 0 in all ]]"
    number = int(re.findall(r"What is (\d+) \+", prompt)[-1])
    wrong = request["model"] == "poor" or (((request.get("seed") or 0) + index + number) % 3 == 0)
    return f"it is {2 * number + wrong} in all"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(Plan(reply=reply, models=("good", "poor"))) as running:
        yield running


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks")
    write_tasks(folder, "sums", more=FILTERS, rows=6)
    return folder


def run(
    server: Server, tasks: Path, output: Path, strategies: str = "single,majority,fusion", **more: Any
) -> Path:
    arguments = {"model": "good|poor", "base_url": server.base_url, "n": 4, "cache": "off", **more}
    fe.run(tasks="sums", strategies=strategies, model_args=arguments, include_path=tasks, output=output)
    return output


@pytest.fixture(scope="module")
def runs(server: Server, tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three strategies on pools of two teachers with two candidates each."""
    return run(server, tasks, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def scored(runs: Path, tasks: Path) -> list[ScoredPools]:
    """The pools of the three runs, scored by the number in the reply and by the whole reply."""
    loaded = read_runs([runs / name for name in ("single", "majority", "fusion")])
    return scored_pools.score_pools(loaded, include_path=tasks)[0]


@pytest.fixture
def copied(runs: Path, tmp_path: Path) -> Path:
    """A copy of the runs that a test may change."""
    return Path(shutil.copytree(runs, tmp_path / "copied"))


def test_the_command_writes_and_prints_all_tables(
    runs: Path, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # when the folder of all three runs is analyzed
    command = ["analyze", str(runs), "--include_path", str(tasks), "--output", str(tmp_path)]
    assert main(command) == 0
    # then the terminal shows every table
    printed = capsys.readouterr().out
    for words in (
        "What k candidates give",
        "Differences at the same k",
        "where c candidates are",
        "ceiling",
        "teacher",
    ):
        assert words in printed
    # and the folder holds the analysis and what it was computed from
    assert max(map(cell_len, printed.splitlines())) <= 100
    assert {"analysis.json", "candidates.parquet", "answers.parquet", "report.html"} <= {
        path.name for path in tmp_path.iterdir()
    }
    content = json.loads((tmp_path / "analysis.json").read_text())
    assert {(row["metric"], row["filter"]) for row in content["curves"]} == {
        ("exact_match", "number"),
        ("exact_match", "whole"),
    }


def test_candidates_are_scored_as_the_task_scores_answers(runs: Path, scored: list[ScoredPools]) -> None:
    # given the candidates of the traces, scored by hand: a candidate is right if it has the sum
    right = [
        [int(re.findall(r"\d+", one.text)[0]) == 2 * (trace.doc_id or 0) for one in trace.pool.candidates]
        for trace in read_traces(runs / "single" / "traces.jsonl")
    ]
    # when they are scored by the task, by its filter for the number
    number, whole = scored
    # then both agree, and the filter for the whole reply finds none right
    assert number.values.tolist() == right
    assert not whole.values.any()
    # and equal numbers are equal answers, whatever the order of the teachers
    assert number.answers is not None and number.models == ("good", "poor")
    for row, answers in zip(right, number.answers.tolist(), strict=True):
        assert all(
            (one == other) == (row[i] == row[j])
            for i, one in enumerate(answers)
            for j, other in enumerate(answers)
        )
    # and every run's own values and choices stand beside them
    majority, fusion = number.strategies[1:]
    assert majority.selects and not fusion.selects
    assert majority.values.tolist() == [number.values[i, c] for i, c in enumerate(majority.chosen.tolist())]
    assert fusion.calls.tolist() == [1] * 6


def test_the_strategy_that_votes_elects_the_most_frequent_answer(scored: list[ScoredPools]) -> None:
    pools = scored[0]
    majority = next(one for one in pools.strategies if one.name == "majority")
    assert pools.answers is not None
    for answers, chosen in zip(pools.answers.tolist(), majority.chosen.tolist(), strict=True):
        assert answers.count(answers[chosen]) == max(map(answers.count, answers))


def test_a_second_analysis_reads_the_scores_beside_the_traces(
    copied: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fe.analyze(copied, include_path=tasks)
    assert (copied / "fusion" / "candidates.parquet").exists()
    # when nothing can be scored any more
    monkeypatch.setattr(scored_pools, "score_all", None)
    # then the second analysis gives the same bytes
    assert fe.analyze(copied, include_path=tasks).to_json() == first.to_json()


@pytest.mark.parametrize("change", ["code of the tasks", "version of a metric's package"])
def test_kept_scores_are_not_used_when_what_scores_changes(
    copied: Path, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    # given scores that are kept, of tasks whose folder holds code
    own = tmp_path / "own"
    shutil.copytree(tasks, own)
    (own / "sums.py").write_text("")
    fe.analyze(copied, include_path=own)
    # when what scores changes
    if change == "code of the tasks":
        (own / "sums.py").write_text("# another form")
    else:
        monkeypatch.setattr(stored_pools, "version", lambda package: "99")

    def score_all(*_: object) -> None:
        raise ConfigError("all is scored again")

    monkeypatch.setattr(scored_pools, "score_all", score_all)
    # then nothing is read from the kept scores
    with pytest.raises(ConfigError, match="scored again"):
        fe.analyze(copied, include_path=own)


def test_a_task_whose_filter_fails_on_a_candidate_is_named(
    copied: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given no kept scores
    for path in copied.rglob("candidates.parquet"):
        path.unlink()

    def read(text: str) -> str:
        raise ValueError("no number")

    monkeypatch.setattr(host_tasks, "answer_reader_of", lambda task, doc: read)
    with pytest.raises(ConfigError, match=r"cannot score a candidate of document 0 again: no number"):
        fe.analyze(copied, include_path=tasks)


def test_several_processes_give_the_same_scores(runs: Path, tasks: Path, scored: list[ScoredPools]) -> None:
    again, _ = scored_pools.score_pools(read_runs([runs / "single"]), include_path=tasks, workers=2)
    assert [pools.values.tolist() for pools in again] == [pools.values.tolist() for pools in scored]


def test_named_metrics_alone_are_analyzed(runs: Path, tasks: Path) -> None:
    view = fe.analyze(runs, include_path=tasks, metrics="exact_match,number")
    assert set(view.to_frame()["filter"]) == {"number"}
    with pytest.raises(
        ConfigError, match=r"exact_mach: the runs have no such metric\. Did you mean 'exact_match'"
    ):
        fe.analyze(runs, include_path=tasks, metrics="exact_mach")


def test_the_command_prints_markdown(runs: Path, tasks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(runs), "--include_path", str(tasks), "--format", "md"]) == 0
    assert capsys.readouterr().out.count("| :-- |") > 4


def test_a_run_that_is_named_twice_is_one_run(runs: Path, tasks: Path) -> None:
    view = fe.analyze(runs, runs / "single", include_path=tasks)
    assert [run.name for run in view.analysis.runs] == ["fusion", "majority", "single"]


def test_an_output_that_cannot_be_a_folder(runs: Path, tasks: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be a folder"):
        fe.analyze(runs, include_path=tasks, output=tmp_path / "file")


def test_runs_without_traces(copied: Path, tasks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "single" / "traces.jsonl").unlink()
    assert main(["analyze", str(copied / "single"), "--include_path", str(tasks)]) == 2
    assert "has no traces.jsonl" in capsys.readouterr().err


def test_adaptive_pools(server: Server, tasks: Path, tmp_path: Path) -> None:
    run(server, tasks, tmp_path, "majority", model="good", adaptive=True, n=8)
    with pytest.raises(ConfigError, match="adaptive=true"):
        fe.analyze(tmp_path, include_path=tasks)


def test_pools_of_several_sizes(copied: Path, tasks: Path) -> None:
    # given a run whose first pool has lost a candidate
    traces = copied / "single" / "traces.jsonl"
    first, *rest = map(json.loads, traces.read_text().splitlines())
    first["pool"]["candidates"].pop()
    traces.write_text("".join(json.dumps(trace) + "\n" for trace in [first, *rest]))
    with pytest.raises(ConfigError, match=r"several sizes \(3, 4\)"):
        fe.analyze(copied / "single", include_path=tasks)


def test_other_pools_than_those_of_the_first_run(
    runs: Path, server: Server, tasks: Path, tmp_path: Path
) -> None:
    other = run(server, tasks, tmp_path, "single", seed=7)
    with pytest.raises(ConfigError, match="have different pools"):
        fe.analyze(runs / "single", other, include_path=tasks)


def test_a_task_that_scores_otherwise_than_it_did(copied: Path, tasks: Path, tmp_path: Path) -> None:
    # given a task whose filter was changed after the run
    changed = tmp_path / "changed"
    shutil.copytree(tasks, changed)
    text = (changed / "sums.yaml").read_text()
    (changed / "sums.yaml").write_text(text.replace("(\\d+)", "(it)"))
    with pytest.raises(ConfigError, match=r"scores document \d otherwise than the run did"):
        fe.analyze(copied, include_path=changed)


def test_items_with_a_failed_candidate_are_left_out(copied: Path, tasks: Path) -> None:
    # given a run in which one candidate failed
    traces = copied / "single" / "traces.jsonl"
    first, *rest = map(json.loads, traces.read_text().splitlines())
    first["pool"]["candidates"][3] |= {"text": "", "error": "HTTP 500"}
    traces.write_text("".join(json.dumps(trace) + "\n" for trace in [first, *rest]))
    # then its item is left out, and a note says so
    view = fe.analyze(copied / "single", include_path=tasks)
    assert set(view.to_frame()["items"]) == {5}
    assert "1 item with a candidate that failed is left out" in view.notes


def test_a_cut_last_line_of_the_traces_is_left_out_if_that_is_allowed(
    copied: Path, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a run whose traces were cut within the last line
    traces = copied / "majority" / "traces.jsonl"
    traces.write_bytes(traces.read_bytes()[:-40])
    command = ["analyze", str(copied), "--include_path", str(tasks)]
    # then it is refused, with the line
    assert main(command) == 2
    refusal = capsys.readouterr().err
    assert "line 6 is not a trace" in refusal
    assert "the option allow_partial leaves out such lines" in refusal
    # and goes on without the item if asked to, and says what it left out
    assert main([*command, "--allow_partial"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "majority: 1 line of the traces is no trace and is left out" in printed
    assert "sums: items without a trace in some run are left out (1)" in printed


def test_an_item_whose_trace_is_lost_is_no_silent_loss(copied: Path, tasks: Path) -> None:
    traces = copied / "fusion" / "traces.jsonl"
    traces.write_text("".join(traces.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(ConfigError, match=r"have no pool for document 0 of sums; the option allow_partial"):
        fe.analyze(copied, include_path=tasks)
    assert set(fe.analyze(copied, include_path=tasks, allow_partial=True).to_frame()["items"]) == {5}
