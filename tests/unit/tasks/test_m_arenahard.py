"""The task group m_arenahard_v2: a benchmark of the hub, or its local copy, and what is said where there is neither."""

from __future__ import annotations

import ast
import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
import pytest
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text
from task_files import TASKS, task_file

from fusion_eval.cli import main as cli
from fusion_eval.harness import run as running
from fusion_eval.harness.tasks.loading import load_tasks, task_manager

REPOSITORY = "CohereLabs/m-ArenaHard-v2.0"
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
ANSWERS = {
    "fr": "Commencez par lire la documentation, puis écrivez un petit programme.",
    "ja": "まずは説明書を読み、それから小さなプログラムを書いてみてください。",
}
CODE = "`{{ braces }}` and\n\n```js\nlet a = {b: 1};\u2028```"
"""What a prompt may hold that templates and readers of lines could mistake for their own."""


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub cannot be reached, and there is no copy, until a test makes one."""

    def unreachable(*_arguments: object, **_options: object) -> None:
        raise ConnectionError("Couldn't reach the hub\nand more lines")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.delenv("FUSION_EVAL_DATA", raising=False)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of three rows per language, in the schema of the hub."""
    folder = tmp_path / "data"
    for language in LANGUAGES:
        path = folder / REPOSITORY / language / "test.jsonl"
        path.parent.mkdir(parents=True)
        lines = [json.dumps(row, ensure_ascii=False) for row in rows(language)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


@pytest.fixture(scope="module")
def hub_copy() -> ModuleType:
    return task_file("hub_copy")


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


def refusal(capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """The one line with which `fusion-eval run` refuses the French task, with exit code 2."""
    status = cli.main(["run", "--tasks", "m_arenahard_v2_fr", "--output", str(folder / "out")])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1 and "Traceback" not in said.err
    return said.err


# From a local copy


def test_the_group_holds_one_task_per_language(copy: Path) -> None:
    loaded = load_tasks(task_manager(["m_arenahard_v2"], None), ["m_arenahard_v2"])
    assert list(loaded) == [f"m_arenahard_v2_{language}" for language in LANGUAGES]
    for language, task in zip(LANGUAGES, loaded.values(), strict=True):
        assert list(task.test_docs()) == rows(language)
        assert task.config.metadata["language"] == language
        assert task.config.metadata["version"] == 1.0
        assert REPOSITORY in task.config.metadata["source"] and task.config.metadata["licence"]


def test_a_prompt_reaches_the_model_word_for_word(copy: Path) -> None:
    (task,) = load_tasks(task_manager(["m_arenahard_v2_ar"], None), ["m_arenahard_v2_ar"]).values()
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


def test_a_run_gives_the_metrics(copy: Path, openai_server: Callable[[Plan], Server], tmp_path: Path) -> None:
    # Given a model that answers in French, and to the second prompt of each language in Japanese
    server = openai_server(
        Plan(reply=lambda request, index: ANSWERS["ja" if " 1 " in prompt_text(request) else "fr"])
    )
    # When it is asked two prompts in two languages
    outcome = running.run(
        running.Plan(
            output=tmp_path / "out",
            tasks=("m_arenahard_v2_fr", "m_arenahard_v2_ja"),
            strategies=("single",),
            model_args={
                "model": "test-model", "base_url": server.base_url, "n": 1, "cache": str(tmp_path / "store.sqlite"),
            },
            limit=2,
        ),
        lambda line: None,
    )  # fmt: skip
    # Then half of its answers are in the language of the prompt
    (path,) = (tmp_path / "out" / "single").rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["results"]
    for task in ("m_arenahard_v2_fr", "m_arenahard_v2_ja"):
        assert results[task]["answer_language,none"] == 0.5
        assert results[task]["length,none"] == sum(map(len, ANSWERS.values())) / 2
        assert results[task]["empty,none"] == 0.0
    assert outcome is not None and [row.label for row in outcome.rows] == ["fr", "ja"]


def test_a_document_has_the_language_of_its_task(hub_copy: ModuleType, copy: Path) -> None:
    path = copy / REPOSITORY / "zh" / "test.jsonl"
    path.write_text('{"prompt": "a", "language": "Chinese (Simplified)"}\n', encoding="utf-8")
    assert hub_copy.load("zh", REPOSITORY)["test"].to_list() == [{"prompt": "a", "language": "zh"}]
    path.write_text('{"prompt": "a"}\n', encoding="utf-8")
    assert hub_copy.load("zh", REPOSITORY)["test"].to_list() == [{"prompt": "a", "language": "zh"}]


def test_configuration_and_split_may_have_names_of_their_own(hub_copy: ModuleType, copy: Path) -> None:
    path = copy / "some" / "benchmark" / "en-fr_FR" / "train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"source": "yes"}\n', encoding="utf-8")
    loaded = hub_copy.load("fr", "some/benchmark", configuration="en-fr_FR", split="train", version=1.0)
    assert {name: rows.to_list() for name, rows in loaded.items()} == {
        "train": [{"source": "yes", "language": "fr"}]
    }


# From the hub


def test_without_a_copy_the_hub_is_asked(hub_copy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def load_dataset(*arguments: object, **options: object) -> datasets.Dataset:
        asked.append((arguments, options))
        return datasets.Dataset.from_list(rows("pt"))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert hub_copy.load("pt", REPOSITORY)["test"].to_list() == rows("pt")
    assert asked == [((REPOSITORY, "pt"), {"split": "test"})]


def test_the_hubs_client_says_nothing_of_its_tries_and_is_left_as_it_was(
    hub_copy: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = logging.getLogger("huggingface_hub.utils")

    def unreachable(*_arguments: object, **_options: object) -> None:
        client.warning("Retrying in 1s")
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.WARNING, logger="huggingface_hub")
    with pytest.raises(OSError, match="no network"):
        hub_copy.load("pt", REPOSITORY)
    assert caplog.messages == []
    assert client.getEffectiveLevel() == logging.WARNING


# From neither


def test_without_hub_and_copy_one_sentence_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sentence = refusal(capsys, tmp_path)
    assert "m_arenahard_v2_fr" in sentence and "Hugging Face hub" in sentence
    assert f"FUSION_EVAL_DATA=DIR, where DIR/{REPOSITORY}/fr/test.jsonl is a copy" in sentence
    assert "Couldn't reach the hub" in sentence


def test_a_copy_that_lacks_the_file_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (copy / REPOSITORY / "fr" / "test.jsonl").unlink()
    sentence = refusal(capsys, tmp_path)
    assert str(copy / REPOSITORY / "fr" / "test.jsonl") in sentence
    assert "FUSION_EVAL_DATA is set" in sentence and "unset FUSION_EVAL_DATA" in sentence


@pytest.mark.parametrize(
    ("content", "says"),
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
    copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, says: str
) -> None:
    (copy / REPOSITORY / "fr" / "test.jsonl").write_bytes(content)
    assert says in refusal(capsys, tmp_path)


def test_the_loader_stands_without_the_package() -> None:
    tree = ast.parse((TASKS / "hub_copy.py").read_text(encoding="utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    from_ = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in plain | from_} <= sys.stdlib_module_names | {"datasets"}
