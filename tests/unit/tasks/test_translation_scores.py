"""Translations are scored as sacrebleu scores them, and comparisons agree with the results."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from openai_server import Plan, Server
from task_files import TASKS, load_one, results_of, run_single
from translation_data import (
    LANGUAGES,
    SENTENCES,
    TEXT_METRICS,
    documents_of,
    evaluate,
    model_that_answers,
    questions_of,
    reference,
    truncated,
)

from fusion_eval.answers.translation import TOKENIZERS
from fusion_eval.cli import main as cli
from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs


@pytest.mark.slow
def test_references_score_100_in_every_language(news: Path) -> None:
    results = evaluate(reference, "ntrex")["results"]
    for name in ("ntrex", *(f"ntrex_{language}" for language in LANGUAGES)):
        for metric in TEXT_METRICS:
            assert results[name][f"{metric},none"] == pytest.approx(100), (name, metric)
    assert results["ntrex"]["sample_len"] == 2000
    assert "xcomet,none" not in results["ntrex_fr"]


@pytest.mark.slow
def test_worse_answers_score_less(news: Path) -> None:
    languages = ("fr", "ja")
    tasks = [f"ntrex_{language}" for language in languages]
    cut = evaluate(truncated, *tasks)["results"]
    texts = {language: [row["target"] for row in documents_of(f"ntrex_{language}")] for language in languages}
    for language in languages:
        random.Random(1).shuffle(texts[language])
    mixed = evaluate(lambda doc: texts[doc["language"]][int(doc["id"])], *tasks)["results"]
    for task in tasks:
        for metric in (f"{name},none" for name in TEXT_METRICS):
            assert 100 > cut[task][metric] > 40 > mixed[task][metric]


@pytest.mark.parametrize("language", ["ja", "ko", "zh", "ar"])
def test_scores_equal_those_of_the_sacrebleu_command(news: Path, tmp_path: Path, language: str) -> None:
    # given translations in a file, a line each
    docs = documents_of(f"ntrex_{language}")
    for name, texts in (("ref", [d["target"] for d in docs]), ("hyp", [truncated(d) for d in docs])):
        (tmp_path / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    # when sacrebleu's own command scores them
    command = [
        *(sys.executable, "-m", "sacrebleu", tmp_path / "ref", "-i", tmp_path / "hyp", "-m", "bleu", "chrf"),
        *("-tok", TOKENIZERS.get(language, "13a"), "-w", "8", "--format", "json"),
    ]
    expected = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    # then the harness's results say the same
    results = evaluate(truncated, f"ntrex_{language}")["results"][f"ntrex_{language}"]
    assert [entry["name"] for entry in expected] == ["BLEU", "chrF2"]
    assert results["bleu,none"] == pytest.approx(expected[0]["score"], abs=1e-6)
    assert results["chrf_corpus,none"] == pytest.approx(expected[1]["score"], abs=1e-6)


def test_pairs_can_be_pickled_with_their_language(wmt: Path) -> None:
    task = load_one("wmt24pp_en_ja")
    scores = [task.process_results(doc, [reference(doc)]) for doc in task.test_docs()]
    pairs = pickle.loads(pickle.dumps([score["bleu"] for score in scores]))
    assert task.aggregation()["bleu"](pairs) == pytest.approx(100)
    assert json.loads(json.dumps(pairs[0])) == [SENTENCES[0]["ja"]] * 2


@pytest.mark.parametrize(
    ("language", "module"), [("ja", "MeCab"), pytest.param("ko", "mecab_ko", marks=pytest.mark.slow)]
)
def test_a_missing_tokenizer_is_an_error_before_any_model_is_asked(
    wmt: Path, tmp_path: Path, language: str, module: str
) -> None:
    program = (
        f"import sys; sys.modules['{module}'] = None; from fusion_eval.cli.main import main; sys.exit(main())"
    )
    command = [
        sys.executable,
        "-c",
        program,
        "run",
        "--tasks",
        f"wmt24pp_en_{language}",
        "--output",
        tmp_path,
    ]
    refused = subprocess.run(command, capture_output=True, text=True, cwd=TASKS.parent, env=dict(os.environ))
    assert (refused.returncode, refused.stdout) == (2, "")
    (error,) = refused.stderr.splitlines()
    assert f"wmt24pp_en_{language}" in error and error.endswith("pip install 'fusion-eval[cjk]'")


@pytest.mark.slow
def test_a_comparison_agrees_with_the_results_and_clusters_by_document(
    wmt: Path, openai_server: Callable[[Plan], Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given the runs of two models, of which one loses the end of each segment
    tasks = [f"wmt24pp_en_{language}" for language in ("de", "ja", "ko", "zh", "ar")]
    cut = {key: truncated(doc) for key, doc in questions_of(*tasks)}
    less = {key: doc["target"][:-2] for key, doc in questions_of(*tasks)}
    worse, better = (
        run_single(openai_server(model_that_answers(answers)), tmp_path / name, *tasks)
        for name, answers in (("worse", cut), ("better", less))
    )
    # when they are compared
    assert cli.main(["compare", str(worse), str(better), "--format", "json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    # then every value is the one of its results file, and none is left out
    rows = {(row["task"], row["metric"]): row for row in comparison["rows"]}
    for task in tasks:
        for metric in TEXT_METRICS:
            row = rows[task, metric]
            assert row["baseline_value"] == pytest.approx(
                results_of(worse)["results"][task][f"{metric},none"], rel=1e-9
            )
            assert row["candidate_value"] == pytest.approx(
                results_of(better)["results"][task][f"{metric},none"], rel=1e-9
            )
            assert row["delta"] > 0 and row["clusters"] == 3
    notes = comparison["notes"]
    assert not any("left out" in note or "and not" in note for note in notes)
    assert "wmt24pp_en: items that share their field 'document_id' are one cluster" in notes


@pytest.mark.slow
def test_a_comparison_clusters_real_news_by_document(
    news: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    cut = {key: truncated(doc) for key, doc in questions_of("ntrex_fr", "ntrex_ja")}
    run = run_single(openai_server(model_that_answers(cut)), tmp_path / "run", "ntrex_fr", "ntrex_ja")
    comparison = compared(run, run)
    assert "ntrex: items that share their field 'document_id' are one cluster" in comparison.notes
    known = {doc["document_id"] for doc in documents_of("ntrex_fr")}
    assert {row.clusters for row in comparison.rows} == {len(known)} and len(known) > 5
    values = {(row.task, row.metric): row.baseline_value for row in comparison.rows}
    for task in ("ntrex_fr", "ntrex_ja"):
        for metric in TEXT_METRICS:
            assert values[task, metric] == pytest.approx(
                results_of(run)["results"][task][f"{metric},none"], rel=1e-9
            )


def compared(*runs: Path) -> Comparison:
    return compare(read_runs(runs), ComparisonOptions(resamples=500))
