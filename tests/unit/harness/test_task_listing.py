"""`fusion-eval tasks` lists the tasks of the package and copies the hub's data for machines without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from fusion_eval.cli.main import main
from fusion_eval.harness.tasks.folder import folder
from fusion_eval.harness.tasks.hub_copy import Part, parts_of
from fusion_eval.harness.tasks.listing import describe_collections, index, list_groups
from fusion_eval.models.hub import data_sets

LANGUAGES = {"en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar"}


def test_every_group_is_listed_with_languages_items_metrics_licence_and_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tasks"]) == 0
    shown = capsys.readouterr().out
    found = {entry.group: entry for entry in list_groups()}
    assert {"fusion_demo", "fusion_open", "m_arenahard_v2"} <= set(found)
    assert set(found["fusion_open"].languages) == LANGUAGES
    for entry in found.values():
        assert entry.group in shown
        assert entry.tasks and entry.languages and entry.metrics
        assert "-" not in (entry.items, entry.licence, entry.needs)


def test_the_listed_number_of_items_is_that_of_the_shipped_data() -> None:
    for name, file in (("fusion_demo", "sentences.jsonl"), ("fusion_open", "prompts.jsonl")):
        (entry,) = [entry for entry in list_groups() if entry.group == name]
        lines = (folder() / name / "data" / file).read_text(encoding="utf-8").splitlines()
        asked = [line for line in map(json.loads, lines) if line.get("split", "test") == "test"]
        assert str(len(asked)) == entry.items


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the real hub whether it answers."""
    monkeypatch.setattr(data_sets, "hub_answers", lambda: True)


def test_each_task_has_version_language_source_and_licence_in_its_metadata() -> None:
    found = index()
    for entry in list_groups():
        for task in found.members(entry.group):
            assert {"version", "language", "source", "licence"} <= set(task["metadata"]), task["task"]
            assert task["task"].startswith(entry.group), task["task"]
    assert len(found.tasks) == sum(entry.tasks for entry in list_groups()), "none is in no group"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What was asked of a hub that has two rows of everything."""
    asked: list[tuple[str, str, str]] = []

    def load_dataset(repository: str, configuration: str, *, split: str) -> Any:
        asked.append((repository, configuration, split))
        return datasets.Dataset.from_list([{"prompt": "Où ?", "n": 1}, {"prompt": "Quand ?", "n": 2}])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_a_copy_of_the_hub_is_what_the_tasks_read(
    hub: list[tuple[str, str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "--copy_to", str(tmp_path), "--tasks", "m_arenahard_v2"]) == 0
    assert set(hub) == {("CohereLabs/m-ArenaHard-v2.0", language, "test") for language in LANGUAGES}
    written = tmp_path / "CohereLabs" / "m-ArenaHard-v2.0" / "fr" / "test.jsonl"
    assert [json.loads(line)["prompt"] for line in written.read_text(encoding="utf-8").splitlines()] == [
        "Où ?",
        "Quand ?",
    ]
    assert f"FUSION_EVAL_DATA={tmp_path}" in capsys.readouterr().out
    # What is there is not loaded again.
    assert main(["tasks", "--copy_to", str(tmp_path), "--tasks", "m_arenahard_v2"]) == 0
    assert len(hub) == len(LANGUAGES)


def test_if_the_hub_cannot_be_reached_the_error_is_one_line_and_no_partial_file_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object, **__: object) -> Any:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", away)
    assert main(["tasks", "--copy_to", str(tmp_path), "--tasks", "m_arenahard_v2"]) == 2
    error = capsys.readouterr().err
    assert "cannot be loaded from the hub: no route to host" in error and len(error.splitlines()) == 1
    assert not list(tmp_path.rglob("*.jsonl*"))


def test_shipped_tasks_need_no_copy_and_a_wrong_name_gets_a_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert parts_of(["fusion_demo", "fusion_open"]) == []
    assert Part("a/b", "fr", "test").file_in(Path("x")) == Path("x/a/b/fr/test.jsonl")
    assert main(["tasks", "--copy_to", "x", "--tasks", "fusion_opn"]) == 2
    assert "Did you mean 'fusion_open'?" in capsys.readouterr().err


def test_the_bench_consists_of_existing_groups() -> None:
    (sentence,) = [line for line in describe_collections() if line.startswith("fusion_paper")]
    assert set(sentence.partition(" is all of ")[2].split(", ")) == {
        entry.group for entry in list_groups()
    } - {
        "fusion_demo",
        "fusion_open",
        "wmt24pp_xcomet",
    }


def test_a_group_within_a_group_and_a_single_task_can_be_copied() -> None:
    assert {part.configuration for part in parts_of(["polymath_fr"])} == {"fr"}
    assert {part.split for part in parts_of(["polymath_fr"])} == {"low", "medium", "high", "top"}
    assert (
        parts_of(["wmt24pp_en_fr"])
        == parts_of(["wmt24pp_xcomet_en_fr"])
        == [Part("google/wmt24pp", "en-fr_FR", "train")]
    )
    assert set(parts_of(["fusion_paper"])) == set(parts_of(()))


def test_a_copy_contains_all_splits_that_loaders_read() -> None:
    places = {str(part.file_in(Path())) for part in parts_of(())}
    assert {
        "Qwen/PolyMath/fr/low.jsonl", "Qwen/PolyMath/zh/top.jsonl", "juletxara/mgsm/fr/train.jsonl",
        "juletxara/mgsm/fr/test.jsonl", "geofact-x/GeoFact-X/default/test.jsonl", "google/wmt24pp/en-fr_FR/train.jsonl",
        "davidstap/NTREX/eng_Latn/test.jsonl", "davidstap/NTREX/fra_Latn/test.jsonl",
    } <= places  # fmt: skip
    assert len(places) == 11 + 2 * 7 + 11 * 4 + 2 + 10 + 11


def test_data_that_come_with_the_package_are_not_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "--copy_to", str(tmp_path), "--tasks", "fusion_demo"]) == 2
    assert "there is nothing to copy" in capsys.readouterr().err
