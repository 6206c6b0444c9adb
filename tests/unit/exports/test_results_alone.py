"""Results without samples are exported as the harness reported them, and never tested."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from run_folders import DATE, samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.exports.card.page import write_card
from fusion_eval.exports.every_eval_ever.files import write_every_eval_ever
from fusion_eval.exports.formats import writer_of
from fusion_eval.exports.hub import write_hub
from fusion_eval.exports.subject import read_subject
from fusion_eval.exports.table.score_tables import write_tables

SOURCES = ("biology", "history", "law")


def results(values: dict[str, float], group: str | None = None, model: str = "org/model") -> dict[str, Any]:
    """Return a results file with accuracies, and with their mean as a group."""
    content: dict[str, Any] = {
        "results": {
            task: {"acc,none": value, "acc_stderr,none": math.sqrt(value * (1 - value) / 99)}
            for task, value in values.items()
        },
        "configs": {task: {"task": task, "dataset_path": "org/data"} for task in values},
        "n-samples": {task: {"original": 100, "effective": 100} for task in values},
        "config": {"model": "hf", "model_args": f"pretrained={model}"},
        "model_name": model,
    }
    if group:
        content["groups"] = {group: {"acc,none": sum(values.values()) / len(values)}}
        content["results"] |= content["groups"]
        content["group_subtasks"] = {group: list(values)}
    return content


@pytest.fixture
def two_models(tmp_path: Path) -> Path:
    """A folder with the results files of two models, with names of their own and without samples."""
    for model, value in (("bloom", 0.27), ("gpt", 0.31)):
        content = results({"trivia": value}, model=f"org/{model}")
        (tmp_path / f"{model}_trivia_5-shot.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


@pytest.fixture
def one_task_with_samples(tmp_path: Path) -> Path:
    """A run with three tasks and a group, of which one task has its 100 samples."""
    folder = write_run(tmp_path / "run", {"law": samples([1.0] * 20 + [0.0] * 80)})
    content = results({"biology": 0.5, "history": 0.6, "law": 0.2}, group="subjects")
    (folder / "model" / f"results_{DATE}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_tables_show_reported_values_of_every_results_file(two_models: Path) -> None:
    # when
    written = write_tables(read_subject(two_models), two_models / "out")
    # then
    table = (two_models / "out" / "table.md").read_text(encoding="utf-8")
    assert "0.270 ± 0.045" in table and "0.310" in table
    assert "N: 100 items" in table
    assert written.notes == ("Not compared: some runs have results and no samples",)


def test_one_results_file_is_exported_alone(two_models: Path) -> None:
    subject = read_subject(two_models / "gpt_trivia_5-shot.json")

    assert [run.name for run in subject.runs] == ["gpt_trivia_5-shot"]


def test_a_card_says_that_nothing_was_tested(two_models: Path) -> None:
    (path,) = write_card(read_subject(two_models), two_models / "out").paths

    page = path.read_text(encoding="utf-8")
    assert "0.3100" in page
    assert "There are no samples: the values are those of the results file, and nothing was tested." in page


def test_metadata_for_the_hub_need_no_samples(two_models: Path) -> None:
    paths = write_hub(read_subject(two_models), two_models / "out").paths

    assert sum(path.name == "model-index.md" for path in paths) == 2


def test_every_eval_ever_gets_aggregates_and_no_items(two_models: Path) -> None:
    paths = write_every_eval_ever(read_subject(two_models), two_models / "out").paths

    numbers = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    assert [one["evaluation_results"][0]["score_details"]["score"] for one in numbers] == [0.27, 0.31]
    assert not any("detailed_evaluation_results" in one for one in numbers)


def test_a_bundle_needs_samples(two_models: Path) -> None:
    with pytest.raises(ConfigError, match="results and no samples, from which"):
        writer_of("bundle")(read_subject(two_models), two_models / "out")


def test_the_mean_over_all_tasks_counts_those_without_samples(one_task_with_samples: Path) -> None:
    # when
    subject = read_subject(one_task_with_samples)
    write_tables(subject, one_task_with_samples / "out")
    # then the mean is that of the group
    table = (one_task_with_samples / "out" / "table.md").read_text(encoding="utf-8")
    header, line = (table.splitlines()[place] for place in (2, 4))
    assert [cell.strip() for cell in header.split("|")[2:-1]] == ["biology", "history", "law", "all"]
    assert line.split("|")[-2].strip() == "0.433"
    assert "2 tasks without samples, whose values are shown as the harness reported them" in table


def test_items_are_those_of_the_tasks_with_samples(one_task_with_samples: Path) -> None:
    paths = write_every_eval_ever(read_subject(one_task_with_samples), one_task_with_samples / "out").paths

    (numbers,) = (json.loads(path.read_text()) for path in paths if path.suffix == ".json")
    (items,) = (path.read_text().splitlines() for path in paths if path.suffix == ".jsonl")
    assert len(items) == 100
    assert {result["evaluation_name"] for result in numbers["evaluation_results"]} == {*SOURCES, "subjects"}


def test_a_bundle_of_a_run_with_some_samples_verifies(one_task_with_samples: Path) -> None:
    from fusion_eval.exports.bundle.verify import verify

    (path,) = writer_of("bundle")(read_subject(one_task_with_samples), one_task_with_samples / "out").paths

    assert not verify(path).differences


def test_a_bundle_of_cut_samples_is_refused_in_one_sentence(one_task_with_samples: Path) -> None:
    # given a sample file that is cut to 3 of 100 lines
    (file,) = one_task_with_samples.rglob("samples_*")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:3]))

    with pytest.raises(ConfigError, match="samples of law are missing, and a bundle's numbers"):
        writer_of("bundle")(read_subject(one_task_with_samples, True), one_task_with_samples / "out")
