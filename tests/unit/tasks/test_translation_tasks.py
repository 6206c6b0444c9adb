"""The task groups wmt24pp and ntrex: their documents, their prompts, and data that are missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text
from task_files import TASKS, load, load_one, refusal, run_single, task_file, write_rows
from translation_data import (
    LANGUAGES,
    SENTENCES,
    segments,
)

from fusion_eval.answers.open_ended import identify_language
from fusion_eval.text.language import language_of


@pytest.mark.parametrize(
    ("group", "prefix"),
    [("wmt24pp", "wmt24pp_en_"), ("wmt24pp_xcomet", "wmt24pp_xcomet_en_"), ("ntrex", "ntrex_")],
)
def test_a_group_consists_of_ten_tasks_which_describe_themselves(
    wmt: Path, comet: list[Any], group: str, prefix: str
) -> None:
    # given copies of both benchmarks in one folder
    configurations = task_file("ntrex/documents").CONFIGURATIONS
    for language, configuration in configurations.items():
        rows = [{"text": error[language]} for error in SENTENCES]
        write_rows(wmt / "davidstap/NTREX" / configuration / "test.jsonl", rows)
    # when the group is loaded, then it has one task per language with its metadata
    loaded = load(group)
    assert list(loaded) == [prefix + language for language in LANGUAGES]
    for language, (name, task) in zip(LANGUAGES, loaded.items(), strict=True):
        metadata = task.config.metadata
        assert (metadata["version"], metadata["language"]) == (1.0, language)
        assert metadata["source"] and metadata["licence"]
        docs = task.test_docs()
        assert docs["source"][:] == [error["en"] for error in SENTENCES]
        assert docs["target"][:] == [error[language] for error in SENTENCES]
        assert language_of(name, docs[0]) == language


def test_segments_with_bad_sources_are_left_out(wmt: Path) -> None:
    task = load_one("wmt24pp_en_ko")
    docs = list(task.test_docs())
    assert sum(row["is_bad_source"] for row in segments("ko")) == 3
    assert not any(doc["is_bad_source"] for doc in docs) and len(docs) == len(SENTENCES)
    assert docs[0]["domain"] == "news" and docs[0]["lp"] == "en-ko_KR"


def test_a_copy_of_the_tasks_folder_works_elsewhere(
    wmt: Path, comet: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TASKS, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    manager = TaskManager(include_path=str(tmp_path / "elsewhere"), include_defaults=False)
    assert len(manager.load(["wmt24pp"])["tasks"]) == len(manager.load(["wmt24pp_xcomet"])["tasks"]) == 10
    assert {"ntrex", "ntrex_fr"} <= set(manager.all_tasks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_contains_the_source_and_ends_with_the_label_of_the_translation(
    wmt: Path, language: str
) -> None:
    name = f"wmt24pp_en_{language}"
    task = load_one(name)
    doc = task.test_docs()[0]
    prompt = task.fewshot_context(doc, 0)
    instruction, source, label = prompt.split("\n\n")
    assert source.endswith(doc["source"]) and prompt.count(doc["source"]) == 1
    assert label[-1] in ":：" and identify_language(instruction) == language
    assert doc["target"] not in prompt


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_base_model_is_shown_examples_and_stopped_after_its_translation(wmt: Path, language: str) -> None:
    # given a base model that is shown four examples
    name = f"wmt24pp_en_{language}"
    task = load_one(name)
    docs = list(task.test_docs())
    prompt = task.fewshot_context(docs[1], 4)
    # then they are the first segments without the one that is asked, and translations stand where its own is to stand
    others = [docs[0], docs[2], docs[3], docs[4]]
    gap = "" if language in ("ja", "zh") else " "
    turns = [task.fewshot_context(doc, 0) + gap + doc["target"] for doc in others]
    assert prompt == "\n\n".join([*turns, task.fewshot_context(docs[1], 0)])
    # and what it writes as a next example is cut off
    (stop,) = task.config.generation_kwargs["until"]
    going_on = f"{gap}{docs[1]['target']}\n\n{task.fewshot_context(docs[5], 0)}"
    assert going_on.partition(stop)[0].strip() == docs[1]["target"]
    assert all(stop not in text for doc in docs for text in (doc["source"], doc["target"]))


def test_the_user_chooses_the_number_of_examples(
    wmt: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    server = openai_server(Plan(reply=lambda request, index: "ja"))
    for number in (None, 4):
        run_single(server, tmp_path / str(number), "wmt24pp_en_fr", limit=1, num_fewshot=number)
    texts = [prompt_text(call.body) for call in server.calls]
    assert [text.count("Anglais :") for text in texts] == [1, 5]
    assert texts[1].endswith(texts[0]) and SENTENCES[4]["fr"] in texts[1]


@pytest.mark.parametrize(
    ("task", "place"),
    [
        ("wmt24pp_en_pt", "google/wmt24pp/en-pt_BR/train.jsonl"),
        ("ntrex_zh", "davidstap/NTREX/eng_Latn/test.jsonl"),
    ],
)
def test_missing_data_are_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], task: str, place: str
) -> None:
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    error = refusal(capsys, tmp_path, task)
    assert task in error and str(tmp_path / place) in error


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"source": "a", "target": "b"}], "has no column is_bad_source"),
        ([row for row in segments("fr") if row["is_bad_source"]], "marked as a bad source"),
    ],
)
def test_segments_in_another_form_than_the_hubs_are_refused(
    wmt: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    write_rows(wmt / "google/wmt24pp/en-fr_FR/train.jsonl", rows)
    assert message in refusal(capsys, tmp_path, "wmt24pp_en_fr")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "un"}], "2 rows in eng_Latn and 1 in fra_Latn"),
        ([{"error": "un"}, {"error": "deux"}], "fra_Latn, have no column text"),
    ],
)
def test_rows_that_are_not_parallel_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rows: list[dict[str, str]],
    message: str,
) -> None:
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    write_rows(tmp_path / "davidstap/NTREX/eng_Latn/test.jsonl", [{"text": "one"}, {"text": "two"}])
    write_rows(tmp_path / "davidstap/NTREX/fra_Latn/test.jsonl", rows)
    assert message in refusal(capsys, tmp_path, "ntrex_fr")
