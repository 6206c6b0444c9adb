"""`results/README.md` is drawn from the files beside it, and these files agree with each other."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from fusion_eval.gate.baseline_file import read_baseline
from fusion_eval.runs.comparison import read_comparison

RESULTS = Path(__file__).parents[3] / "results"
FOLDERS = sorted(path.parent for path in RESULTS.glob("*/comparison.json"))


def test_the_page_is_drawn_from_the_files() -> None:
    spec = importlib.util.spec_from_file_location("results_readme", RESULTS / "readme.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (RESULTS / "README.md").read_text(encoding="utf-8") == script.page()


def test_each_question_of_the_readme_has_results() -> None:
    assert {"fusion_demo", "fusion_paper", "fusor_size"} <= {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_baselines_agree_with_the_comparison(folder: Path) -> None:
    comparison = read_comparison(folder / "comparison.json")
    runs = {run.name: run for run in comparison.runs}
    paths = sorted(folder.glob("*.baseline.json.gz"))
    assert paths or comparison.judging  # a baseline has the task's own metrics, not verdicts
    for path in paths:
        baseline, run = read_baseline(path), runs[path.name.removesuffix(".baseline.json.gz")]
        assert (baseline.name, baseline.date, baseline.signature) == (run.name, run.date, run.signature)
        task = baseline.tasks[0]
        metric = next(values for values in task.metrics if values.corpus is None)
        (value,) = {
            row.candidate_value if row.candidate == run.name else row.baseline_value
            for row in comparison.rows
            if (row.task, row.metric, row.filter) == (task.task, metric.metric, metric.filter)
            and run.name in (row.baseline, row.candidate)
        }
        numbers = [number for number in metric.columns[0] if number is not None]
        assert sum(numbers) / len(numbers) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_card_shows_the_command_and_no_path(folder: Path) -> None:
    card = (folder / "card.md").read_text(encoding="utf-8")
    # The students are run by the harness's own command, which no results file names.
    made_by = "| type of model | hf |" if folder.name == "student" else "fusion-eval run"
    assert made_by in card and "## What the numbers cannot say" in card
    assert "/tmp" not in card and "/home" not in card


def test_the_readmes_first_table_shows_the_sizes_of_the_fusor() -> None:
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    comparison = read_comparison(RESULTS / "fusor_size" / "comparison.json")
    for row in comparison.rows:
        if (row.language, row.metric) == ("all", "chrf"):
            assert row.delta is not None and row.ci_low is not None and row.ci_high is not None
            assert row.p_adjusted is not None
            effect = f"{row.delta:+.1f} [{row.ci_low:+.1f}, {row.ci_high:+.1f}]"
            assert f"| {row.candidate_value:.1f} | {effect} | {row.p_adjusted:.3f} |" in readme


@pytest.mark.parametrize("name", ["against_small_fusor", "against_bon"])
def test_the_readme_states_the_large_fusors_differences(name: str) -> None:
    readme = (RESULTS.parent / "README.md").read_text(encoding="utf-8")
    lines = (RESULTS / "fusor_size" / f"{name}.md").read_text(encoding="utf-8").splitlines()
    cells = next(line for line in lines if "| all |" in line).replace("\\", "").strip("| ").split(" | ")
    delta, low, high = (f"{float(number):+.1f}" for number in re.findall(r"[-+]\d+\.\d+", cells[6]))
    assert f"{delta} [{low}, {high}], p = {float(cells[8]):.3f}" in readme
