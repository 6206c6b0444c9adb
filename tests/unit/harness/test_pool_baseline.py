"""Baselines made of pools: the expected single sample and the best candidate, by the task's own metric."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from openai_server import Plan as ServerPlan
from openai_server import Server
from sacrebleu.metrics.chrf import CHRF

from fusion_eval.cli.main import main
from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.harness.pool_baseline import Kind, pool_run
from fusion_eval.harness.run import Plan, run
from fusion_eval.runs.comparison import Row
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.traces import read_traces

WORDS = (
    "Excusez-moi, où est",
    "l'hôtel ?",
    "Ma mère a trois chats",
    "et un chien.",
    "Notre professeur parle",
)


@pytest.fixture
def output(openai_server: Callable[[ServerPlan], Server], tmp_path: Path) -> Path:
    """Run `single` and `bon` on four French sentences with three different candidates each."""

    def reply(request: dict[str, object], index: int) -> str:
        seed = len(str(request["messages"])) + index
        return " ".join(WORDS[(seed + step) % len(WORDS)] for step in range(1 + seed % 3))

    server = openai_server(ServerPlan(reply=reply))
    plan = Plan(
        output=tmp_path / "out",
        tasks=("fusion_demo_fr",),
        strategies=("single", "bon"),
        model_args={"model": "test-model", "base_url": server.base_url, "n": 3, "scorer": "chrf"},
        limit=4,
    )
    run(plan, lambda line: None)
    return plan.output


def row(output: Path, kind: Kind, metric: str) -> Row:
    runs = read_runs([output / "single"])
    comparison = compare(
        [pool_run(runs, kind, None), *runs], ComparisonOptions(resamples=200, metrics=(metric,))
    )
    (only,) = comparison.rows
    return only


def test_expected_is_the_mean_over_candidates_and_oracle_the_best(output: Path) -> None:
    # given the chrF of every candidate, computed without the harness
    docs = [
        json.loads(line)["doc"] for line in next(output.glob("single/*/samples*")).read_text().splitlines()
    ]
    pools = [
        [
            CHRF().sentence_score(c.text.strip(), [docs[trace.doc_id or 0]["target"]]).score
            for c in trace.pool.usable
        ]
        for trace in read_traces(output / "single" / "traces.jsonl")
    ]
    # then the baselines are the means and maxima, and the single sample is the first of each pool
    expected, oracle = row(output, "expected", "chrf"), row(output, "oracle", "chrf")
    assert expected.baseline_value == pytest.approx(fmean(map(fmean, pools)))
    assert oracle.baseline_value == pytest.approx(fmean(map(max, pools)))
    assert expected.candidate_value == pytest.approx(fmean(pool[0] for pool in pools))
    assert oracle.wins == 0


def test_expected_pools_the_statistics_of_all_candidates_for_a_corpus_metric(output: Path) -> None:
    docs = [
        json.loads(line)["doc"] for line in next(output.glob("single/*/samples*")).read_text().splitlines()
    ]
    texts, references = [], []
    for trace in read_traces(output / "single" / "traces.jsonl"):
        for candidate in trace.pool.usable:
            texts.append(candidate.text.strip())
            references.append(docs[trace.doc_id or 0]["target"])
    assert row(output, "expected", "chrf_corpus").baseline_value == pytest.approx(
        CHRF().corpus_score(texts, [references]).score
    )


def test_compare_takes_the_baseline_by_name(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "compare",
                "--baseline",
                "expected",
                str(output / "single"),
                str(output / "bon"),
                "--format",
                "json",
            ]
        )
        == 0
    )
    shown = json.loads(capsys.readouterr().out)
    assert shown["baseline"] == "expected"
    assert {entry["candidate"] for entry in shown["rows"]} == {"single", "bon"}


def test_a_run_without_traces_is_an_error_that_says_what_is_missing(output: Path) -> None:
    (output / "single" / "traces.jsonl").unlink()
    with pytest.raises(
        ConfigError, match=r"--baseline expected needs the candidates, and there is no traces\.jsonl"
    ):
        pool_run(read_runs([output / "single"]), "expected", None)


def test_traces_of_another_run_are_refused(output: Path) -> None:
    # given traces with other answers than those that the run was scored on
    path = output / "single" / "traces.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["final"] = "something else"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ConfigError, match="scores document 0 otherwise than the run did"):
        pool_run(read_runs([output / "single"]), "oracle", None)
