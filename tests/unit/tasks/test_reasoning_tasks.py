"""The task groups polymath, mgsm_cot and geofactx: their documents, their prompts and their scores."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets
import lm_eval.tasks
import pytest
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from task_files import TASKS, task_file

from fusion_eval.cli import main as cli
from fusion_eval.errors import ConfigError
from fusion_eval.harness import run as running
from fusion_eval.harness.tasks.loading import load_tasks, task_manager

LEVELS = ("low", "medium", "high", "top")
LANGUAGES = {
    "polymath": ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar"),
    "mgsm_cot": ("en", "es", "fr", "de", "ru", "zh", "ja"),
    "geofactx": ("en", "hi", "ja", "sw", "th"),
}
NAMES = {
    "polymath": [f"polymath_{language}_{level}" for language in LANGUAGES["polymath"] for level in LEVELS],
    "mgsm_cot": [f"mgsm_cot_{language}" for language in LANGUAGES["mgsm_cot"]],
    "geofactx": [f"geofactx_{language}" for language in LANGUAGES["geofactx"]],
}
REPOSITORIES = {
    "polymath": "Qwen/PolyMath",
    "mgsm_cot": "juletxara/mgsm",
    "geofactx": "geofact-x/GeoFact-X",
}
LABELS = {  # of the worked examples on the hub
    "en": ("Question: ", "Step-by-Step Answer: "),
    "es": ("Pregunta: ", "Respuesta paso a paso: "),
    "fr": ("Question : ", "Réponse étape par étape : "),
    "de": ("Frage: ", "Schritt-für-Schritt-Antwort: "),
    "ru": ("Задача: ", "Пошаговое решение: "),
    "zh": ("问题：", "逐步解答："),
    "ja": ("問題：", "ステップごとの答え："),
}
SPELT = {"en": "english", "hi": "hindi", "ja": "japanese", "sw": "swahili", "th": "thai"}


REASONING = import_module("fusion_eval.answers.reasoning")
MARKERS: Mapping[str, str] = import_module("fusion_eval.answers.final_answer").MARKERS


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub cannot be reached, and there is no copy, until a test makes one."""

    def unreachable(*_arguments: object, **_options: object) -> None:
        raise ConnectionError("Couldn't reach the hub\nand more lines")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.delenv("FUSION_EVAL_DATA", raising=False)


def write(folder: Path, place: str, rows: Iterable[Mapping[str, object]]) -> None:
    path = folder / f"{place}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of a few rows that were made up, in the schemas of the hub."""
    folder = tmp_path / "data"
    for language in LANGUAGES["polymath"]:
        for level in LEVELS:
            write(folder, f"Qwen/PolyMath/{language}/{level}", polymath_rows(language, level))
    for language in LANGUAGES["mgsm_cot"]:
        for split in ("train", "test"):
            write(folder, f"juletxara/mgsm/{language}/{split}", mgsm_rows(language, split))
    for split in ("train", "test"):
        rows = [row for number in range(3) for row in geofact_rows(number, split)]
        write(folder, f"geofact-x/GeoFact-X/default/{split}", rows)
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


def polymath_rows(language: str, level: str) -> list[dict[str, object]]:
    return [
        {"id": f"{level}-{language}-{n}", "question": f"{language} {level} 4 + {n} = ?", "answer": str(4 + n)}
        for n in range(4)
    ]


def mgsm_rows(language: str, split: str) -> list[dict[str, object]]:
    before_question, before_answer = LABELS[language] if split == "train" else ("", "")
    return [
        {
            "question": f"{before_question}{split} {n} + 40: {language}?",
            "answer": f"{before_answer}{n} + 40 = {n + 40}." if split == "train" else None,
            "answer_number": n + 40,
            "equation_solution": f"{n} + 40 = {n + 40}." if split == "train" else None,
        }
        for n in range(1, 4)
    ]


def geofact_rows(number: int, split: str) -> list[dict[str, object]]:
    """One question in all languages, as the hub has them one below the other."""
    return [
        {
            "question": f"{split} {number} {language}?",
            "reasoning": f"<step> first {number}\n<step> then {language} ",
            "answer_list": [f"Nairobi {number}", f"Mombasa {number}"],
            "language": spelt,
            "topic": "Geography",
            "answer_type": "Place",
            "region": "Kenya",
        }
        for language, spelt in SPELT.items()
    ]


def load(*names: str) -> dict[str, Any]:
    return dict(load_tasks(task_manager(names, None), names))


def one(name: str) -> Any:
    (task,) = load(name).values()
    return task


def scores(task: Any, reply: Callable[[Mapping[str, Any]], str]) -> list[dict[str, float]]:
    return [task.process_results(doc, [reply(doc)]) for doc in task.test_docs()]


def reply_line(answer: str, language: str) -> str:
    return f"2 + 2 = 4.\n\n{line(answer, language)}"


def line(answer: str, language: str) -> str:
    return f"{MARKERS[language]}{'' if language in ('ja', 'zh') else ' '}{answer}"


# Names and groups


@pytest.mark.parametrize("group", list(NAMES))
def test_a_group_holds_its_tasks(copy: Path, group: str) -> None:
    loaded = load(group)
    assert list(loaded) == NAMES[group]
    for name, task in loaded.items():
        metadata = task.config.metadata
        assert metadata["language"] == name.removeprefix(f"{group}_").partition("_")[0]
        assert metadata["version"] == 1.0 and metadata["licence"]
        assert REPOSITORIES[group] in metadata["source"]


def test_each_task_loads_by_its_name(copy: Path) -> None:
    names = [name for group in NAMES.values() for name in group]
    assert sorted(load(*names)) == sorted(names)


def test_a_language_of_polymath_is_a_group_of_four_levels(copy: Path) -> None:
    assert list(load("polymath_ja")) == [f"polymath_ja_{level}" for level in LEVELS]


def test_no_name_is_taken_by_the_harness() -> None:
    own = {*NAMES, *(name for group in NAMES.values() for name in group)}
    own |= {f"polymath_{language}" for language in LANGUAGES["polymath"]}
    assert own <= set(TaskManager(include_path=str(TASKS), include_defaults=False).all_tasks)
    # Read from the files, since indexing them all takes the harness half a minute.
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
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TASKS, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    manager = TaskManager(include_path=str(tmp_path / "elsewhere"), include_defaults=False)
    loaded = manager.load(["polymath_ko_top", "mgsm_cot_zh", "geofactx_sw"])["tasks"]
    assert len(loaded) == 3
    for task in loaded.values():
        (doc, *_) = task.test_docs()
        reply = reply_line(doc["references"][0], doc["language"])
        assert {score > 0 for score in task.process_results(doc, [reply]).values()} == {True}


# PolyMath


@pytest.fixture
def real_polymath(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of the real rows of the levels low and medium."""
    folder = tmp_path / "real"
    for path in sorted((shared_data / "polymath").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for level in ("low", "medium"):
            columns = [
                {name: row[name] for name in ("id", "question", "answer")}
                for row in rows
                if row["level"] == level
            ]
            write(folder, f"Qwen/PolyMath/{path.stem}/{level}", columns)
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


@pytest.mark.parametrize("level", ["low", "medium"])
@pytest.mark.parametrize("language", LANGUAGES["polymath"])
def test_the_reference_is_right_and_another_answer_wrong(
    real_polymath: Path, language: str, level: str
) -> None:
    task = one(f"polymath_{language}_{level}")
    replies: dict[str, Callable[[str], str]] = {
        "in the answer's line": lambda answer: reply_line(answer, language),
        "as a formula in it": lambda answer: reply_line(f"${bare(answer)}$", language),
        "boxed": lambda answer: f"2 + 2 = 4.\n\n$\\boxed{{{bare(answer)}}}$",
        "boxed in the answer's line": lambda answer: reply_line(f"$\\boxed{{{bare(answer)}}}$", language),
    }
    docs = list(task.test_docs())
    assert len(docs) == (40 if level == "low" else 20)
    for form, reply in replies.items():
        wrong = [
            doc["id"]
            for doc, score in zip(
                docs, scores(task, lambda doc, reply=reply: reply(doc["references"][0])), strict=True
            )
            if score["exact_match"] != 1
        ]
        assert wrong == [], form
    assert {score["exact_match"] for score in scores(task, lambda doc: reply_line("-98765", language))} == {0}
    assert {score["exact_match"] for score in scores(task, lambda doc: "")} == {0}


def bare(formula: str) -> str:
    return formula.replace("$", "")


@pytest.mark.parametrize("language", LANGUAGES["polymath"])
def test_a_real_question_reaches_the_model_with_an_instruction_below_it(
    real_polymath: Path, language: str
) -> None:
    task = one(f"polymath_{language}_medium")
    for doc in task.test_docs():
        prompt = task.fewshot_context(doc, 0)
        question, _, instruction = prompt.rpartition("\n\n")
        assert question == doc["question"].strip()
        assert MARKERS[language] in instruction


@pytest.mark.parametrize(
    ("right", "weighted"),
    [
        ({}, 0),
        ({"low": 4}, 1 / 15),
        ({"top": 4}, 8 / 15),
        ({"low": 4, "medium": 2, "high": 1}, (1 + 2 * 0.5 + 4 * 0.25) / 15),
        ({"low": 4, "medium": 4, "high": 4, "top": 4}, 1),
    ],
)
def test_the_weighted_accuracy_of_a_language(
    copy: Path,
    openai_server: Callable[[Plan], Server],
    tmp_path: Path,
    right: dict[str, int],
    weighted: float,
) -> None:
    # Given a model that solves the first so many problems of each level
    server = openai_server(Plan(reply=lambda request, _: solved(prompt_text(request), right)))
    # When it is asked all four levels of a language
    groups = results(server, tmp_path, "polymath_de")["groups"]
    # Then the group has the accuracy weighted by level, and the plain one
    assert groups["polymath_de"]["dw_acc,none"] == pytest.approx(weighted)
    assert groups["polymath_de"]["exact_match,none"] == pytest.approx(sum(right.values()) / 16)


def test_the_weighted_accuracy_of_all_languages_is_their_mean(
    copy: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # Given a model that solves everything in Japanese, and in Russian the two upper levels
    def reply(request: dict[str, Any], _: int) -> str:
        prompt = prompt_text(request)
        if prompt.startswith("ru"):
            return solved(prompt, {"high": 4, "top": 4})
        return solved(prompt, dict.fromkeys(LEVELS, 4) if prompt.startswith("ja") else {})

    groups = results(openai_server(Plan(reply=reply)), tmp_path, "polymath")["groups"]
    assert groups["polymath_ja"]["dw_acc,none"] == pytest.approx(1)
    assert groups["polymath_ru"]["dw_acc,none"] == pytest.approx(12 / 15)
    assert groups["polymath_fr"]["dw_acc,none"] == 0
    assert groups["polymath"]["dw_acc,none"] == pytest.approx((1 + 12 / 15) / 11)


def solved(prompt: str, right: Mapping[str, int]) -> str:
    """The answer of `right[level]` problems of each level is right: 4 + n, to the question `fr low 4 + n = ?`."""
    language, level, _, _, number, *_ = prompt.split()
    answer = 4 + int(number) if int(number) < right.get(level, 0) else 99
    return reply_line(str(answer), language)


def results(
    server: Server, folder: Path, name: str, *, completion: bool = False, num_fewshot: int | None = None
) -> dict[str, Any]:
    """The harness's results file of a run of the strategy `single`."""
    running.run(
        running.Plan(
            output=folder / "out",
            tasks=(name,),
            strategies=("single",),
            num_fewshot=num_fewshot,
            model_args={
                "model": "test-model", "base_url": server.base_url, "n": 1, "completion": completion,
                "cache": str(folder / "store.sqlite"),
            },
        ),
        lambda line: None,
    )  # fmt: skip
    (path,) = (folder / "out" / "single").rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_examples_of_polymath_are_other_problems_of_the_level(copy: Path) -> None:
    task = one("polymath_zh_low")  # there is no other split to take them from
    for doc in task.test_docs():
        *examples, question = task.fewshot_context(doc, 3).split("\n\n###\n\n")
        assert question == REASONING.prompt(doc)
        others = [other for other in task.test_docs() if other["id"] != doc["id"]]
        assert sorted(examples) == [
            f"{REASONING.prompt(other)}\n\n{line(other['references'][0], 'zh')}" for other in others
        ]


# MGSM


@pytest.mark.parametrize("language", LANGUAGES["mgsm_cot"])
def test_mgsm_asks_zero_shot_or_after_worked_examples(copy: Path, language: str) -> None:
    task = one(f"mgsm_cot_{language}")
    docs = list(task.test_docs())
    instruction = REASONING.INSTRUCTIONS[language].format(marker=MARKERS[language])
    questions = [f"test {n} + 40: {language}?\n\n{instruction}" for n in (1, 2, 3)]
    assert [doc["id"] for doc in docs] == [0, 1, 2]  # the same problems in each language
    assert [task.fewshot_context(doc, 0) for doc in docs] == questions
    examples = "".join(
        f"train {n} + 40: {language}?\n\n{instruction}\n\n"
        f"{n} + 40 = {n + 40}.\n\n{line(str(n + 40), language)}\n\n###\n\n"
        for n in (1, 2)
    )
    assert [task.fewshot_context(doc, 2) for doc in docs] == [examples + question for question in questions]


@pytest.mark.parametrize("language", LANGUAGES["mgsm_cot"])
def test_mgsm_compares_numbers(copy: Path, language: str) -> None:
    task = one(f"mgsm_cot_{language}")
    assert scores(task, lambda doc: reply_line(doc["references"][0], language)) == [{"exact_match": 1.0}] * 3
    assert (
        scores(task, lambda doc: reply_line(f"{doc['references'][0]}.00", language))
        == [{"exact_match": 1.0}] * 3
    )
    assert scores(task, lambda doc: reply_line("43", language)) == [
        {"exact_match": score} for score in (0.0, 0.0, 1.0)
    ]


def test_a_base_model_is_shown_examples_and_stopped_behind_its_answer(
    copy: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # Given a base model that goes on with a question of its own, and an endpoint that forgets stop strings
    def reply(request: dict[str, Any], _: int) -> str:
        number = int(re.findall(r"test (\d)", prompt_text(request))[-1])
        return f"{line(str(number + 40), 'de')}\n\n###\n\n1 + 1?\n\n{line('2', 'de')}"

    server = openai_server(Plan(reply=reply, ignores_stop=True))
    # When it is shown two examples
    found = results(server, tmp_path, "mgsm_cot_de", completion=True, num_fewshot=2)
    # Then its first answer counts
    assert found["results"]["mgsm_cot_de"]["exact_match,none"] == 1
    assert {prompt_text(call.body).count("\n\n###\n\n") for call in server.calls} == {2}


# GeoFact-X


@pytest.mark.parametrize("language", LANGUAGES["geofactx"])
def test_geofactx_asks_the_rows_of_its_language(copy: Path, language: str) -> None:
    task = one(f"geofactx_{language}")
    docs = list(task.test_docs())
    instruction = REASONING.INSTRUCTIONS[language].format(marker=MARKERS[language])
    questions = [f"test {n} {language}?\n\n{instruction}" for n in range(3)]
    assert [task.fewshot_context(doc, 0) for doc in docs] == questions
    example = (
        f"train 0 {language}?\n\n{instruction}\n\n"
        f"first 0\nthen {language}\n\n{line('Nairobi 0', language)}\n\n###\n\n"
    )
    assert task.fewshot_context(docs[2], 1) == example + questions[2]


@pytest.mark.parametrize("language", LANGUAGES["geofactx"])
def test_geofactx_takes_any_of_its_answers(copy: Path, language: str) -> None:
    task = one(f"geofactx_{language}")
    for place in (0, 1):
        right = scores(task, lambda doc, place=place: reply_line(doc["references"][place], language))  # type: ignore[misc]
        assert right == [{"answer_match": 1.0}] * 3
    assert scores(task, lambda doc: reply_line("Kisumu", language)) == [{"answer_match": 0.0}] * 3
    assert scores(task, lambda doc: "") == [{"answer_match": 0.0}] * 3


def test_geofactx_reads_iso_codes_as_well(copy: Path) -> None:
    for split in ("train", "test"):
        rows = [{**row, "language": "sw"} for row in geofact_rows(7, split) if row["language"] == "swahili"]
        write(copy, f"geofact-x/GeoFact-X/default/{split}", rows)
    assert one("geofactx_sw").test_docs()["question"][:] == ["test 7 sw?"]


def test_a_language_that_geofactx_lacks_is_an_error(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for row in geofact_rows(1, "test") if row["language"] != "thai"]
    write(copy, "geofact-x/GeoFact-X/default/test", rows)
    sentence = refusal(capsys, copy, "geofactx_th")
    assert "'thai'" in sentence and "english, hindi, japanese, swahili" in sentence


# Prompts


@pytest.mark.parametrize("language", sorted(set().union(*LANGUAGES.values())))
def test_an_instruction_is_in_its_language_and_names_the_marker(language: str) -> None:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    assert identifier.classify(REASONING.INSTRUCTIONS[language].format(marker=""))[0] == language
    prompt = REASONING.prompt({"question": " 1 + 1 = ?\n", "language": language})
    question, instruction = prompt.split("\n\n")
    assert question == "1 + 1 = ?"
    assert instruction.count(MARKERS[language]) == 1


# Without data


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("polymath_it_high", "Qwen/PolyMath/it/high.jsonl"),
        ("mgsm_cot_ru", "juletxara/mgsm/ru/test.jsonl"),
        ("geofactx_hi", "geofact-x/GeoFact-X/default/test.jsonl"),
    ],
)
def test_without_hub_and_copy_one_sentence_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, place: str
) -> None:
    sentence = refusal(capsys, tmp_path, name)
    assert name in sentence and "Hugging Face hub" in sentence
    assert f"FUSION_EVAL_DATA=DIR, where DIR/{place} is a copy" in sentence


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("polymath_it_high", "Qwen/PolyMath/it/high.jsonl"),
        ("mgsm_cot_ru", "juletxara/mgsm/ru/train.jsonl"),
        ("geofactx_hi", "geofact-x/GeoFact-X/default/train.jsonl"),
    ],
)
def test_a_copy_that_lacks_the_file_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, place: str
) -> None:
    (copy / place).unlink()
    sentence = refusal(capsys, tmp_path, name)
    assert str(copy / place) in sentence and "FUSION_EVAL_DATA is set" in sentence


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, name: str) -> str:
    """The one line with which `fusion-eval run` refuses the task, with exit code 2."""
    status = cli.main(["run", "--tasks", name, "--output", str(folder / "out")])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1 and "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"a": 1}', "has no column id; it has a"),
        ('{"id": "1", "question": null, "answer": "2"}', "row 1: its question is empty"),
    ],
)
def test_a_copy_with_other_columns_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, said: str
) -> None:
    file = tmp_path / "Qwen" / "PolyMath" / "fr" / "low.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(row + "\n", encoding="utf-8")
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    with pytest.raises(ConfigError) as refused:
        load_tasks(task_manager(["polymath_fr_low"], None), ["polymath_fr_low"])
    assert said in str(refused.value) and "low.jsonl" in str(refused.value)
