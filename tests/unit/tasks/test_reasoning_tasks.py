"""The task groups polymath, mgsm_cot and geofactx: their names, their instructions, and data that are missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import lm_eval.tasks
import pytest
from lm_eval.tasks import TaskManager
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from reasoning_data import LANGUAGES, LEVELS, NAMES, REPOSITORIES, reply_with
from task_files import TASKS, load, refusal

from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.reasoning import INSTRUCTIONS
from fusion_eval.answers.reasoning import prompt as prompt_of_doc
from fusion_eval.errors import ConfigError


@pytest.mark.parametrize("group", list(NAMES))
def test_a_group_consists_of_its_tasks_which_describe_themselves(reasoning_data: Path, group: str) -> None:
    loaded = load(group)
    assert list(loaded) == NAMES[group]
    for name, task in loaded.items():
        metadata = task.config.metadata
        assert metadata["language"] == name.removeprefix(f"{group}_").partition("_")[0]
        assert metadata["version"] == 1.0 and metadata["licence"]
        assert REPOSITORIES[group] in metadata["source"]


def test_a_language_of_polymath_is_a_group_of_four_levels(reasoning_data: Path) -> None:
    assert list(load("polymath_ja")) == [f"polymath_ja_{level}" for level in LEVELS]


def test_no_task_has_a_name_of_the_harness() -> None:
    own = {*NAMES, *(name for group in NAMES.values() for name in group)}
    own |= {f"polymath_{language}" for language in LANGUAGES["polymath"]}
    assert own <= set(TaskManager(include_path=str(TASKS), include_defaults=False).all_tasks)
    # Read from the files, because the harness needs half a minute to index them.
    name = re.compile(r"^(?:task|group|tag): *['\"]?([\w.-]+)", re.MULTILINE)
    theirs = {
        found
        for path in Path(lm_eval.tasks.__file__).parent.rglob("*")
        if path.is_file() and path.name.endswith("yaml")
        for found in name.findall(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert {"mgsm_native_cot_en", "mgsm_cot_native"} <= theirs
    assert not own & theirs


def test_a_copy_of_the_tasks_folder_works_elsewhere(
    reasoning_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TASKS, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    manager = TaskManager(include_path=str(tmp_path / "elsewhere"), include_defaults=False)
    loaded = manager.load(["polymath_ko_top", "mgsm_cot_zh", "geofactx_sw"])["tasks"]
    assert len(loaded) == 3
    for task in loaded.values():
        (doc, *_) = task.test_docs()
        reply = reply_with(doc["references"][0], doc["language"])
        assert {score > 0 for score in task.process_results(doc, [reply]).values()} == {True}


@pytest.fixture(scope="module")
def identifier() -> LanguageIdentifier:
    """Return py3langid's model, which takes a second to load."""
    return LanguageIdentifier.from_model_file(MODEL_FILE)


@pytest.mark.parametrize("language", sorted(set().union(*LANGUAGES.values())))
def test_an_instruction_is_written_in_its_language_and_names_the_marker(
    identifier: LanguageIdentifier, language: str
) -> None:
    assert identifier.classify(INSTRUCTIONS[language].format(marker=""))[0] == language
    prompt = prompt_of_doc({"question": " 1 + 1 = ?\n", "language": language})
    question, instruction = prompt.split("\n\n")
    assert question == "1 + 1 = ?"
    assert instruction.count(MARKERS[language]) == 1


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("polymath_it_high", "Qwen/PolyMath/it/high.jsonl"),
        ("mgsm_cot_ru", "juletxara/mgsm/ru/test.jsonl"),
        ("geofactx_hi", "geofact-x/GeoFact-X/default/test.jsonl"),
    ],
)
def test_without_hub_and_copy_the_error_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, place: str
) -> None:
    error = refusal(capsys, tmp_path, name)
    assert name in error and "Hugging Face hub" in error
    assert f"FUSION_EVAL_DATA=DIR, where DIR/{place} is a copy" in error


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("polymath_it_high", "Qwen/PolyMath/it/high.jsonl"),
        ("mgsm_cot_ru", "juletxara/mgsm/ru/train.jsonl"),
        ("geofactx_hi", "geofact-x/GeoFact-X/default/train.jsonl"),
    ],
)
def test_a_copy_without_the_file_is_an_error_that_names_the_file(
    reasoning_data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, place: str
) -> None:
    (reasoning_data / place).unlink()
    error = refusal(capsys, tmp_path, name)
    assert str(reasoning_data / place) in error and "FUSION_EVAL_DATA is set" in error


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"a": 1}', "has no column id; it has a"),
        ('{"id": "1", "question": null, "answer": "2"}', "row 1: its question is empty"),
    ],
)
def test_a_copy_with_wrong_columns_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, message: str
) -> None:
    file = tmp_path / "Qwen" / "PolyMath" / "fr" / "low.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(row + "\n", encoding="utf-8")
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        load("polymath_fr_low")
    assert message in str(refused.value) and "low.jsonl" in str(refused.value)
