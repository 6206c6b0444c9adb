"""Items that are not independent are one cluster: sentences of a document, one question in several languages."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared, only_row
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError


def write_languages(folder: Path, shift: float, **doc: list[Any]) -> Path:
    """Write a run of 30 questions in three languages. `shift` raises every third value."""
    draw = random.Random(0)
    tasks = {}
    for language in ("fr", "de", "ja"):
        values = [draw.random() + shift * (number % 3 == 0) for number in range(30)]
        tasks[f"quiz_{language}"] = samples(values, prefix=language, **doc)
    return write_run(folder, tasks)


def test_one_question_in_several_languages_is_one_cluster(tmp_path: Path) -> None:
    # given
    first, second = write_languages(tmp_path / "a", 0.0), write_languages(tmp_path / "b", 0.5)
    # when
    rows = {row.language: row for row in compared(first, second).rows}
    # then
    assert set(rows) == {"fr", "de", "ja", "all"}
    assert (rows["all"].task, rows["all"].n, rows["all"].clusters) == ("quiz", 90, 30)
    assert rows["all"].delta == pytest.approx(sum(rows[code].delta for code in ("fr", "de", "ja")) / 3)


def test_identifiers_that_differ_in_their_language_are_one_question(tmp_path: Path) -> None:
    # given parallel questions in another order, with identifiers such as `low-fr-0`
    folders = []
    for name, value in (("a", 0.0), ("b", 0.5)):
        tasks = {
            f"quiz_{code}": samples([value] * 4, prefix=code, id=[f"low-{code}-{number}" for number in order])
            for code, order in (("fr", [0, 1, 2, 3]), ("de", [3, 2, 1, 0]))
        }
        folders.append(write_run(tmp_path / name, tasks))
    # when
    rows = {row.language: row for row in compared(*folders).rows}
    # then
    assert (rows["all"].n, rows["all"].clusters) == (8, 4)


def test_sentences_of_a_document_are_one_cluster(tmp_path: Path) -> None:
    # given
    documents = [f"d{number // 10}" for number in range(30)]
    first = write_languages(tmp_path / "a", 0.0, document_id=documents)
    second = write_languages(tmp_path / "b", 0.5, document_id=documents)
    # when, then
    assert {row.clusters for row in compared(first, second).rows} == {3}
    assert {row.clusters for row in compared(first, second, cluster="none").rows} == {30, 90}


def test_users_can_name_the_field_that_forms_clusters(tmp_path: Path) -> None:
    # given
    topics = [f"t{number % 5}" for number in range(30)]
    first = write_languages(tmp_path / "a", 0.0, topic=topics)
    second = write_languages(tmp_path / "b", 0.5, topic=topics)
    # when, then
    assert {row.clusters for row in compared(first, second, cluster="topic").rows} == {5}
    with pytest.raises(ConfigError, match=r"cluster=topik: .* Did you mean 'topic'"):
        compared(first, second, cluster="topik")


@pytest.mark.parametrize(
    "names",
    [
        [f"mgsm_direct_{code}" for code in ("bn", "en", "sw", "te", "th")],
        [f"mgsm_en_cot_{code}" for code in ("bn", "en", "sw")],
        [f"belebele_{code}" for code in ("eng_Latn", "fra_Latn", "swh_Latn")],
    ],
)
def test_more_languages_of_the_same_questions_add_no_certainty(tmp_path: Path, names: list[str]) -> None:
    # given an effect that belongs to the question and is the same in every language
    draw = random.Random(3)
    effects = [draw.gauss(0.1, 1) for _ in range(40)]
    zeros = write_run(tmp_path / "a", {name: samples([0.0] * 40, prefix=name) for name in names})
    shifted = write_run(tmp_path / "b", {name: samples(effects, prefix=name) for name in names})
    # when
    rows = compared(zeros, shifted).rows
    # then the p-value over all languages is that of one language
    (overall,) = [row for row in rows if row.language == "all"]
    assert overall.clusters == 40
    assert overall.p_value == pytest.approx(rows[0].p_value, abs=0.06)


def test_equal_documents_of_two_tasks_are_one_cluster(tmp_path: Path) -> None:
    # given
    folders = [
        write_run(tmp_path / name, {"quiz_cot": samples(values), "quiz_plain": samples(values)})
        for name, values in (("a", [0.0, 1.0, 0.5]), ("b", [1.0, 1.0, 0.7]))
    ]
    # when
    comparison = compared(*folders)
    # then
    assert (comparison.rows[-1].n, comparison.rows[-1].clusters) == (6, 3)
    assert any("the same document are one cluster" in note for note in comparison.notes)


def test_a_document_field_with_a_text_for_each_item_forms_no_clusters(tmp_path: Path) -> None:
    # given long texts that differ
    texts = [f"{number} " + "long text " * 1_000 for number in range(6)]
    folders = [
        write_run(tmp_path / name, {"summaries": samples([value] * 6, document=texts)})
        for name, value in (("a", 0.0), ("b", 0.5))
    ]
    # when, then
    assert only_row(compared(*folders)).clusters == 6


@pytest.mark.parametrize("field", ["dialogue_id", "conversation_id", "session_id"])
def test_conversations_are_clusters_over_tasks_too(tmp_path: Path, field: str) -> None:
    # given two tasks with different questions on the same three conversations
    conversations = {field: [f"talk{number // 2}" for number in range(6)]}
    folders = [
        write_run(
            tmp_path / name,
            {task: samples([value] * 6, prefix=task, **conversations) for task in ("intent", "summary")},
        )
        for name, value in (("a", 0.0), ("b", 0.5))
    ]
    # when
    rows = compared(*folders).rows
    # then
    assert [(row.task, row.n, row.clusters) for row in rows] == [
        ("intent", 6, 3),
        ("summary", 6, 3),
        ("all", 12, 3),
    ]
