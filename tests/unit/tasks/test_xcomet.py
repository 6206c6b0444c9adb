"""XCOMET scores translations in a filter. The tests use a fake of the package unbabel-comet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server
from task_files import refusal, results_of, run_single
from translation_data import (
    LANGUAGES,
    SENTENCES,
    TEXT_METRICS,
    documents_of,
    evaluate,
    model_that_answers,
    questions_of,
    truncated,
)

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs


def test_xcomet_scores_all_segments_of_a_task_in_one_call(
    wmt: Path, comet: list[Any], openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given two tasks and a model that loses the end of each segment
    tasks = ("wmt24pp_xcomet_en_de", "wmt24pp_xcomet_en_ja")
    cut = {key: truncated(doc) for key, doc in questions_of(*tasks)}
    run = run_single(openai_server(model_that_answers(cut)), tmp_path / "run", *tasks)
    # then XCOMET is loaded once and asked once for each task, with source, translation and reference
    assert comet[:2] == [("download", "Unbabel/XCOMET-XL"), ("load", "/checkpoints/model.ckpt")]
    assert comet[2:] == [("predict", [["mt", "ref", "src"]] * len(SENTENCES), 8, 1)] * 2
    # and each segment has its score, whose mean is the task's
    for task in tasks:
        shares = [len(truncated(doc).strip()) / len(doc["target"]) for doc in documents_of(task)]
        results = results_of(run)["results"][task]
        assert results["xcomet,XCOMET-XL"] == pytest.approx(sum(shares) / len(shares))
        assert results["xcomet_stderr,XCOMET-XL"] > 0
        assert {f"{metric},none" for metric in TEXT_METRICS} < set(results)
    comparison = compared(run, run)
    rows = {(row.task, row.metric, row.filter): row for row in comparison.rows}
    assert rows[tasks[0], "xcomet", "XCOMET-XL"].clusters == 3
    assert not any("left out" in note for note in comparison.notes)


def test_the_score_of_a_group_is_the_mean_over_its_languages(wmt: Path, comet: list[Any]) -> None:
    results = evaluate(truncated, "wmt24pp_xcomet")["results"]
    for metric in ("chrf,none", "chrf_corpus,none", "bleu,none", "xcomet,XCOMET-XL"):
        values = [results[f"wmt24pp_xcomet_en_{language}"][metric] for language in LANGUAGES]
        assert results["wmt24pp_xcomet"][metric] == pytest.approx(sum(values) / 10)


def test_without_comet_the_error_says_what_to_install(
    wmt: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = refusal(capsys, tmp_path, "wmt24pp_xcomet_en_fr")
    assert "wmt24pp_xcomet_en_fr" in error and "pip install 'fusion-eval[comet]'" in error


def compared(*runs: Path) -> Comparison:
    return compare(read_runs(runs), ComparisonOptions(resamples=500))
