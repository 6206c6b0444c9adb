"""The task group m_arenahard_v2 loads the hub or a local copy, and fails with a clear error without both."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text
from task_files import TASKS, load, load_one, refusal, results_of, run_single

from fusion_eval.harness.tasks import hub_data

REPOSITORY = "CohereLabs/m-ArenaHard-v2.0"
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
ANSWERS = {
    "fr": "Commencez par lire la documentation, puis écrivez un petit programme.",
    "ja": "まずは説明書を読み、それから小さなプログラムを書いてみてください。",
}
CODE = "`{{ braces }}` and\n\n```js\nlet a = {b: 1};\u2028```"
"""Parts of prompts that template engines and line readers could misread."""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of three rows per language, in the form of the hub."""
    folder = tmp_path / "data"
    for language in LANGUAGES:
        path = folder / REPOSITORY / language / "test.jsonl"
        path.parent.mkdir(parents=True)
        lines = [json.dumps(row, ensure_ascii=False) for row in rows(language)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


def rows(language: str) -> list[dict[str, str]]:
    kinds = ("hard_prompt", "hard_prompt", "creative_writing")
    return [
        {
            "question_id": f"q{number}",
            "category": kind,
            "subcategory": "coding",
            "prompt": f"{language} {number} {CODE}",
            "language": language,
        }
        for number, kind in enumerate(kinds)
    ]


# From a local copy


def test_the_group_holds_one_task_per_language(copy: Path) -> None:
    loaded = load("m_arenahard_v2")
    assert list(loaded) == [f"m_arenahard_v2_{language}" for language in LANGUAGES]
    for language, task in zip(LANGUAGES, loaded.values(), strict=True):
        assert list(task.test_docs()) == rows(language)
        assert task.config.metadata["language"] == language
        assert task.config.metadata["version"] == 1.0
        assert REPOSITORY in task.config.metadata["source"] and task.config.metadata["licence"]


def test_a_prompt_reaches_the_model_word_for_word(copy: Path) -> None:
    task = load_one("m_arenahard_v2_ar")
    docs = list(task.test_docs())
    assert [task.fewshot_context(doc, 0) for doc in docs] == [row["prompt"] for row in rows("ar")]
    assert {task.doc_to_target(doc) for doc in docs} == {""}
    assert task.config.generation_kwargs["until"] == []


def test_a_copy_of_the_tasks_folder_works_elsewhere(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TASKS, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    manager = TaskManager(include_path=str(tmp_path / "elsewhere"), include_defaults=False)
    (task,) = manager.load(["m_arenahard_v2_ko"])["tasks"].values()
    assert task.test_docs()["question_id"][:] == ["q0", "q1", "q2"]


def test_a_run_has_the_metrics_of_each_language(
    copy: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given a model that answers in French, and to the second prompt of each language in Japanese
    server = openai_server(
        Plan(reply=lambda request, index: ANSWERS["ja" if " 1 " in prompt_text(request) else "fr"])
    )
    # when it is asked two prompts in two languages
    run = run_single(server, tmp_path / "out", "m_arenahard_v2_fr", "m_arenahard_v2_ja", limit=2)
    # then half of its answers are in the language of the prompt
    results = results_of(run)["results"]
    for task in ("m_arenahard_v2_fr", "m_arenahard_v2_ja"):
        assert results[task]["answer_language,none"] == 0.5
        assert results[task]["length,none"] == sum(map(len, ANSWERS.values())) / 2
        assert results[task]["empty,none"] == 0.0


def test_the_language_of_a_document_is_that_of_its_task(copy: Path) -> None:
    path = copy / REPOSITORY / "zh" / "test.jsonl"
    path.write_text('{"prompt": "a", "language": "Chinese (Simplified)"}\n', encoding="utf-8")
    assert hub_data.load("zh", REPOSITORY)["test"].to_list() == [{"prompt": "a", "language": "zh"}]
    path.write_text('{"prompt": "a"}\n', encoding="utf-8")
    assert hub_data.load("zh", REPOSITORY)["test"].to_list() == [{"prompt": "a", "language": "zh"}]


def test_configuration_and_split_may_have_other_names(copy: Path) -> None:
    path = copy / "some" / "benchmark" / "en-fr_FR" / "train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"source": "yes"}\n', encoding="utf-8")
    loaded = hub_data.load("fr", "some/benchmark", configuration="en-fr_FR", split="train", version=1.0)
    assert {name: rows.to_list() for name, rows in loaded.items()} == {
        "train": [{"source": "yes", "language": "fr"}]
    }


# From the hub


def test_without_a_copy_the_hub_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[object] = []

    def load_dataset(*arguments: object, **options: object) -> datasets.Dataset:
        requests.append((arguments, options))
        return datasets.Dataset.from_list(rows("pt"))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert hub_data.load("pt", REPOSITORY)["test"].to_list() == rows("pt")
    assert requests == [((REPOSITORY, "pt"), {"split": "test"})]


def test_the_hubs_client_is_silent_while_it_retries_and_only_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = logging.getLogger("huggingface_hub.utils")

    def unreachable(*_arguments: object, **_options: object) -> None:
        client.warning("Retrying in 1s")
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.WARNING, logger="huggingface_hub")
    with pytest.raises(OSError, match="no network"):
        hub_data.load("pt", REPOSITORY)
    assert caplog.messages == []
    assert client.getEffectiveLevel() == logging.WARNING


# From neither


def test_without_hub_and_copy_the_error_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = refusal(capsys, tmp_path, "m_arenahard_v2_fr")
    assert "m_arenahard_v2_fr" in error and "Hugging Face hub" in error
    assert f"FUSION_EVAL_DATA=DIR, where DIR/{REPOSITORY}/fr/test.jsonl is a copy" in error
    assert "Couldn't reach the hub" in error


def test_a_copy_without_the_file_is_an_error_that_names_the_file(
    copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (copy / REPOSITORY / "fr" / "test.jsonl").unlink()
    error = refusal(capsys, tmp_path, "m_arenahard_v2_fr")
    assert str(copy / REPOSITORY / "fr" / "test.jsonl") in error
    assert "FUSION_EVAL_DATA is set" in error and "unset FUSION_EVAL_DATA" in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n  \n", "is empty"),
        (b'{"prompt": "a"}\n{"prompt": ', "line 2: this is no JSON object"),
        (b'{"prompt": "a"}\n\n["prompt"]\n', "line 3: this is no JSON object"),
        (b'{"prompt": "caf\xe9"}\n', "line 1: this is no JSON object"),
        (b'{"prompt": "a"}\n{"question": "b"}\n', "line 2: its columns differ"),
        (b'{"question": "a"}\n', "has no column prompt; it has question. Copy"),
    ],
)
def test_a_damaged_copy_is_refused(
    copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, message: str
) -> None:
    (copy / REPOSITORY / "fr" / "test.jsonl").write_bytes(content)
    assert message in refusal(capsys, tmp_path, "m_arenahard_v2_fr")
