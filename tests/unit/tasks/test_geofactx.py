"""GeoFact-X: each language has its rows, and any of the accepted answers is correct."""

from __future__ import annotations

from pathlib import Path

import pytest
from reasoning_data import LANGUAGES, answer_line, geofact_rows, reply_with, scores
from task_files import load_one, refusal, write_rows

from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.reasoning import INSTRUCTIONS


@pytest.mark.parametrize("language", LANGUAGES["geofactx"])
def test_a_task_asks_the_questions_of_its_language(reasoning_data: Path, language: str) -> None:
    task = load_one(f"geofactx_{language}")
    docs = list(task.test_docs())
    instruction = INSTRUCTIONS[language].format(marker=MARKERS[language])
    questions = [f"test {n} {language}?\n\n{instruction}" for n in range(3)]
    assert [task.fewshot_context(doc, 0) for doc in docs] == questions
    example = (
        f"train 0 {language}?\n\n{instruction}\n\n"
        f"first 0\nthen {language}\n\n{answer_line('Nairobi 0', language)}\n\n###\n\n"
    )
    assert task.fewshot_context(docs[2], 1) == example + questions[2]


@pytest.mark.parametrize("language", LANGUAGES["geofactx"])
def test_any_of_the_accepted_answers_is_correct(reasoning_data: Path, language: str) -> None:
    task = load_one(f"geofactx_{language}")
    for place in (0, 1):
        right = scores(task, lambda doc, place=place: reply_with(doc["references"][place], language))  # type: ignore[misc]
        assert right == [{"answer_match": 1.0}] * 3
    assert scores(task, lambda doc: reply_with("Kisumu", language)) == [{"answer_match": 0.0}] * 3
    assert scores(task, lambda doc: "") == [{"answer_match": 0.0}] * 3


def test_rows_may_name_their_language_by_iso_code(reasoning_data: Path) -> None:
    for split in ("train", "test"):
        rows = [{**row, "language": "sw"} for row in geofact_rows(7, split) if row["language"] == "swahili"]
        write_rows(reasoning_data / f"geofact-x/GeoFact-X/default/{split}.jsonl", rows)
    assert load_one("geofactx_sw").test_docs()["question"][:] == ["test 7 sw?"]


def test_a_language_without_rows_is_an_error_that_names_the_others(
    reasoning_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in geofact_rows(1, "test") if row["language"] != "thai"]
    write_rows(reasoning_data / "geofact-x/GeoFact-X/default/test.jsonl", rows)
    error = refusal(capsys, reasoning_data, "geofactx_th")
    assert "'thai'" in error and "english, hindi, japanese, swahili" in error
