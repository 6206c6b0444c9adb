"""The task group fusion_demo: its sentences, its scores, and its tasks in the harness."""

from __future__ import annotations

import ast
import json
import logging
import re
import shutil
import sys
from collections.abc import Iterator
from types import ModuleType

import lm_eval
import pytest
import sacrebleu
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from task_files import TASKS, task_file

FOLDER = TASKS / "fusion_demo"
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
SENTENCES = [
    json.loads(line)
    for line in (FOLDER / "data" / "sentences.jsonl").read_text(encoding="utf-8").splitlines()
]

LATIN, CYRILLIC, ARABIC = r"[A-Za-zÀ-ÿ]", r"[А-Яа-яЁё]", r"[\u0621-\u064a]"
KANA, HAN, HANGUL = r"[\u3041-\u3096\u30a1-\u30fa]", r"[\u4e00-\u9fff]", r"[가-힣]"
SCRIPTS = {"ru": CYRILLIC, "ja": KANA, "ko": HANGUL, "zh": HAN, "ar": ARABIC}
FULL_WIDTH = ("。", "？", "！")
ENDINGS = {"ja": FULL_WIDTH, "zh": FULL_WIDTH, "ar": (".", "؟", "!")}


@pytest.fixture(scope="module")
def translation() -> ModuleType:
    return task_file("fusion_demo/translation")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ConfigurableTask]]:
    """The tasks by language, loaded from a copy of the folder and from another working directory."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(FOLDER, elsewhere / "fusion_demo", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("working_directory"))
        loaded = TaskManager(include_path=str(elsewhere), include_defaults=False).load(["fusion_demo"])
        yield {name.removeprefix("fusion_demo_"): task for name, task in loaded["tasks"].items()}


def prompt(task: ConfigurableTask, number: int = 0) -> str:
    return task.fewshot_context(task.test_docs()[number], task.config.num_fewshot)


# The sentences


def test_every_sentence_exists_in_every_language() -> None:
    for sentence in SENTENCES:
        assert set(sentence) == {"id", "split", *LANGUAGES}
        assert all(sentence[language].strip() == sentence[language] != "" for language in LANGUAGES)


def test_there_are_fourteen_sentences_to_translate_and_four_examples() -> None:
    splits = [sentence["split"] for sentence in SENTENCES]
    assert (splits.count("test"), splits.count("fewshot"), len(splits)) == (14, 4, 18)


def test_ids_are_unique() -> None:
    assert len({sentence["id"] for sentence in SENTENCES}) == len(SENTENCES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_appears_twice_so_no_example_is_a_question(language: str) -> None:
    texts = [re.sub(r"\W", "", sentence[language]).casefold() for sentence in SENTENCES]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_written_in_the_script_of_their_language(language: str) -> None:
    own = SCRIPTS.get(language, LATIN)
    foreign = {LATIN, CYRILLIC, ARABIC, KANA, HAN, HANGUL} - {own} - ({HAN} if language == "ja" else set())
    for sentence in SENTENCES:
        assert re.search(own, sentence[language]), sentence[language]
        assert not re.search("|".join(foreign), sentence[language]), sentence[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end_with_the_punctuation_of_their_language(language: str) -> None:
    endings = ENDINGS.get(language, (".", "?", "!"))
    assert all(sentence[language].endswith(endings) for sentence in SENTENCES)


def test_punctuation_follows_the_rules_of_each_language() -> None:
    for sentence in SENTENCES:
        assert not re.search(r"\S[?!]", sentence["fr"]), "French puts a space before ? and !"
        assert all(sentence["es"].count(a) == sentence["es"].count(b) for a, b in ("¿?", "¡!"))
        assert not re.search("[?,;]", sentence["ar"]), "Arabic has its own question mark and comma"
        assert not re.search("[.,?!]", sentence["ja"] + sentence["zh"]), "Japanese and Chinese are full-width"


def test_questions_are_questions_in_every_language() -> None:
    for sentence in SENTENCES:
        question_marks = {bool(re.search("[?？؟]", sentence[language])) for language in LANGUAGES}
        assert len(question_marks) == 1, sentence["id"]


# Loading and scoring


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_carry_source_target_and_languages(translation: ModuleType, language: str) -> None:
    splits = translation.load(language=language, version=1.0, anything="else")
    source = "fr" if language == "en" else "en"
    for split in ("test", "fewshot"):
        expected = [sentence for sentence in SENTENCES if sentence["split"] == split]
        assert [doc["id"] for doc in splits[split]] == [sentence["id"] for sentence in expected]
        for doc, sentence in zip(splits[split], expected, strict=True):
            assert (doc["source"], doc["target"]) == (sentence[source], sentence[language])
            assert (doc["source_language"], doc["target_language"]) == (source, language)


def test_a_language_without_sentences_is_an_error_that_names_the_others(translation: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"'xx'.*en, fr, de"):
        translation.load(language="xx")


def test_a_reference_against_itself_scores_100(translation: ModuleType) -> None:
    for language in LANGUAGES:
        scores = [translation.score(doc, [doc["target"]]) for doc in translation.load(language)["test"]]
        assert [score["chrf"] for score in scores] == pytest.approx([100.0] * 14)
        assert translation.corpus_chrf([score["chrf_corpus"] for score in scores]) == pytest.approx(100.0)


def test_scores_equal_those_of_sacrebleu(translation: ModuleType) -> None:
    docs = translation.load("de")["test"]
    references = [doc["target"] for doc in docs]
    hypotheses = [*references[1:], ""]
    scores = [translation.score(doc, [f" {text}\n"]) for doc, text in zip(docs, hypotheses, strict=True)]
    assert [score["chrf"] for score in scores] == [
        sacrebleu.sentence_chrf(text, [reference]).score
        for text, reference in zip(hypotheses, references, strict=True)
    ]
    assert scores[-1]["chrf"] == 0
    assert scores[0]["chrf_corpus"] == (references[0], hypotheses[0])
    corpus = translation.corpus_chrf([score["chrf_corpus"] for score in scores])
    assert corpus == sacrebleu.corpus_chrf(hypotheses, [references]).score


def test_the_example_for_own_tasks_imports_nothing_of_the_package() -> None:
    tree = ast.parse((FOLDER / "translation.py").read_text(encoding="utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    from_ = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0] for name in plain | from_}
    assert packages <= sys.stdlib_module_names | {"datasets", "sacrebleu"}


# In the harness


def test_the_group_holds_one_task_per_language(tasks: dict[str, ConfigurableTask]) -> None:
    assert tuple(tasks) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_task_is_configured_for_its_language(tasks: dict[str, ConfigurableTask], language: str) -> None:
    config = tasks[language].config
    assert config.metadata["version"] == 1.0
    assert config.metadata["language"] == language
    assert config.metadata["licence"] == "Apache-2.0"
    assert config.output_type == "generate_until"
    assert config.generation_kwargs == {
        "until": ["\n"], "max_gen_toks": 64, "do_sample": False, "temperature": 0.0,
    }  # fmt: skip
    assert tasks[language].higher_is_better() == {"chrf": True, "chrf_corpus": True}
    assert {doc["target_language"] for doc in tasks[language].test_docs()} == {language}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_contains_the_examples_and_ends_with_the_label(
    tasks: dict[str, ConfigurableTask], translation: ModuleType, language: str
) -> None:
    text = prompt(tasks[language])
    source, target = ("fr" if language == "en" else "en"), language
    names = translation.LANGUAGES
    for sentence in SENTENCES:
        turn = f"{names[source]}: {sentence[source]}\n{names[target]}: {sentence[target]}\n\n"
        assert (turn in text) == (sentence["split"] == "fewshot")
    first = next(sentence for sentence in SENTENCES if sentence["split"] == "test")
    assert text.startswith(f"Translate from {names[source]} into {names[target]}.\n\n")
    assert text.endswith(f"\n\n{names[source]}: {first[source]}\n{names[target]}:")


def test_all_prompts_of_a_language_share_their_prefix(tasks: dict[str, ConfigurableTask]) -> None:
    prefixes = {prompt(tasks["ko"], number).rpartition("English: ")[0] for number in range(14)}
    assert len(prefixes) == 1


def test_with_a_chat_template_the_examples_are_turns(tasks: dict[str, ConfigurableTask]) -> None:
    task = tasks["fr"]
    messages = task.fewshot_context(
        task.test_docs()[0],
        4,
        apply_chat_template=True,
        fewshot_as_multiturn=True,
        chat_template=lambda messages, add_generation_prompt: messages,
    )
    assert [message["role"] for message in messages] == ["system", *["user", "assistant"] * 4, "user"]
    assert messages[0]["content"].strip() == "Translate from English into French."
    assert [m["content"] for m in messages if m["role"] == "assistant"] == [
        sentence["fr"] for sentence in SENTENCES if sentence["split"] == "fewshot"
    ]


class PerfectTranslator(LM):
    """A model that answers every prompt with the reference."""

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [f" {request.doc['target']}" for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def test_a_perfect_translator_scores_100_in_the_harness(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        evaluation = lm_eval.simple_evaluate(
            PerfectTranslator(),
            tasks=["fusion_demo"],
            task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        )
    group, korean = evaluation["results"]["fusion_demo"], evaluation["results"]["fusion_demo_ko"]
    assert group["chrf,none"] == pytest.approx(100.0)
    assert group["chrf_stderr,none"] == pytest.approx(0.0)
    assert group["sample_len"] == 14 * 11
    assert korean["chrf,none"] == pytest.approx(100.0)
    assert korean["chrf_corpus,none"] == pytest.approx(100.0)
    assert korean["chrf_corpus_stderr,none"] == "N/A", "the harness bootstraps for seconds where it knows how"
    warnings = [record.getMessage() for record in caplog.records if "fusion_demo" in record.getMessage()]
    assert [text for text in warnings if "Custom kwargs can be passed" not in text] == []
