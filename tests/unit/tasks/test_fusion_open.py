"""The task group fusion_open: prompts in 11 languages, metrics without a judge, and a run."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import py3langid
import pytest
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from openai_server import Plan, Request, Server, prompt_text
from task_files import TASKS, results_of, run_single, task_file

from fusion_eval.answers.open_ended import identify_language, score
from fusion_eval.harness.tasks.loading import load_tasks, task_manager
from fusion_eval.text.language import NAMES, language_of

FOLDER = TASKS / "fusion_open"
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
METRICS = ("answer_language", "length", "empty")
PROMPTS = [
    json.loads(line) for line in (FOLDER / "data" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
]
CODE = re.compile(r"```.*?```", re.DOTALL)

LATIN, CYRILLIC, ARABIC = r"[A-Za-zÀ-ÿ]", r"[А-Яа-яЁё]", r"[\u0621-\u064a]"
KANA, HAN, HANGUL = r"[\u3041-\u3096\u30a1-\u30fa]", r"[\u4e00-\u9fff]", r"[가-힣]"
SCRIPTS = {"ru": CYRILLIC, "ja": KANA, "ko": HANGUL, "zh": HAN, "ar": ARABIC}
ENGLISH = re.compile(r"(?i)\b(the|and|of|with|is|are|you|your|this|that|write|explain|what|should)\b")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ConfigurableTask]]:
    """The tasks by language, loaded from a copy of the tasks folder and from another working directory."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "tasks"
    shutil.copytree(TASKS, elsewhere, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("working_directory"))
        loaded = TaskManager(include_path=str(elsewhere), include_defaults=False).load(["fusion_open"])
        yield {name.removeprefix("fusion_open_"): task for name, task in loaded["tasks"].items()}


def without_code(prompt: dict[str, str], language: str) -> str:
    return CODE.sub("", prompt[language])


# The prompts


def test_every_prompt_is_there_in_every_language() -> None:
    for prompt in PROMPTS:
        assert set(prompt) == {"id", "category", *LANGUAGES}
        assert all(prompt[language].strip() == prompt[language] != "" for language in LANGUAGES)


def test_there_are_ten_prompts_of_ten_categories() -> None:
    assert [prompt["id"] for prompt in PROMPTS] == [f"open-{number:02}" for number in range(1, 11)]
    assert len({prompt["category"] for prompt in PROMPTS}) == 10


def test_no_text_appears_twice() -> None:
    texts = [re.sub(r"\W", "", prompt[language]).casefold() for prompt in PROMPTS for language in LANGUAGES]
    assert len(set(texts)) == len(texts)


def test_translations_have_the_same_paragraphs_and_code() -> None:
    for prompt in PROMPTS:
        assert len({prompt[language].count("\n\n") for language in LANGUAGES}) == 1, prompt["id"]
        assert len({tuple(CODE.findall(prompt[language])) for language in LANGUAGES}) == 1, prompt["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_written_in_the_script_of_their_language(language: str) -> None:
    own = SCRIPTS.get(language, LATIN)
    foreign = {CYRILLIC, ARABIC, KANA, HAN, HANGUL} - {own} - ({HAN} if language == "ja" else set())
    for prompt in PROMPTS:
        text = without_code(prompt, language)
        assert re.search(own, text) and not re.search("|".join(foreign), text), text


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_translations_contain_no_english_except_the_name_of_a_programming_language(language: str) -> None:
    for prompt in PROMPTS:
        text = without_code(prompt, language)
        assert not ENGLISH.search(text), text
        if language in SCRIPTS:
            assert set(re.findall("[A-Za-z]+", text)) <= {"Python"}, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_every_prompt_is_identified(language: str) -> None:
    assert {identify_language(prompt[language]) for prompt in PROMPTS} == {language}


def test_punctuation_follows_the_rules_of_each_language() -> None:
    for prompt in PROMPTS:
        text = {language: without_code(prompt, language) for language in LANGUAGES}
        assert not re.search(r"[^\s][?!:;»]|«\S", text["fr"]), (
            "French puts a space before ? ! : ; and inside « »"
        )
        assert all(text["es"].count(a) == text["es"].count(b) for a, b in ("¿?", "¡!"))
        assert not re.search("[?,;]", text["ar"]), "Arabic has its own question mark and comma"
        assert not re.search("[.,?!:]", text["ja"] + text["zh"]), "Japanese and Chinese are full-width"


# The metrics

ANSWERS = {
    "en": "You could start with a walk after lunch and see how you feel.",
    "fr": "Vous pourriez commencer par une promenade après le déjeuner.",
    "de": "Du könntest mit einem Spaziergang nach dem Mittagessen anfangen.",
    "es": "Podrías empezar con un paseo después de comer y ver cómo te sientes.",
    "ru": "Можно начать с прогулки после обеда.",
    "it": "Potresti cominciare con una passeggiata dopo pranzo.",
    "pt": "Você poderia começar com uma caminhada depois do almoço.",
    "ja": "昼食のあとに散歩から始めてみてはどうでしょうか。",
    "ko": "점심을 먹고 나서 산책부터 시작해 보세요.",
    "zh": "你可以先从午饭后散步开始。",
    "ar": "يمكنك أن تبدأ بنزهة قصيرة بعد الغداء.",
}
ENGLISH_CODE = (
    "```python\n# This function walks through the list and keeps the items that it has not seen before.\n"
    "def unique(items):\n    return list(dict.fromkeys(items))  # the order of the items is kept\n```"
)


@pytest.mark.parametrize("asked", LANGUAGES)
def test_only_an_answer_in_the_language_of_the_prompt_is_right(asked: str) -> None:
    scores = {
        language: score({"language": asked}, [answer])["answer_language"]
        for language, answer in ANSWERS.items()
    }
    assert scores == {language: float(language == asked) for language in LANGUAGES}


FENCED = {
    "closed": ENGLISH_CODE,
    "cut short": ENGLISH_CODE.removesuffix("```"),
    "a fence in a fence": f"````markdown\n{ENGLISH_CODE}\nThe code above is the one that you asked for.\n````",
}


@pytest.mark.parametrize("language", ["fr", "de", "it", "zh"])
@pytest.mark.parametrize("fenced", FENCED.values(), ids=FENCED)
def test_fenced_code_does_not_count_as_english(language: str, fenced: str) -> None:
    doc = {"language": language}
    assert score(doc, [f"{ANSWERS[language]}\n\n{fenced}"])["answer_language"] == 1.0
    assert score(doc, [f"{ANSWERS['en']}\n\n{fenced}"])["answer_language"] == 0.0


def test_text_between_two_code_blocks_counts() -> None:
    answer = f"{ENGLISH_CODE}\n\n{ANSWERS['pt']}\n\n{ENGLISH_CODE}"
    assert identify_language(answer) == "pt"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answer", [ENGLISH_CODE, "42", "!!! 😀"])
def test_code_numbers_and_signs_are_in_no_language(language: str, answer: str) -> None:
    assert score({"language": language}, [answer]) == {
        "answer_language": 0.0,
        "length": len(answer),
        "empty": 0.0,
    }


@pytest.mark.parametrize("answer", ["", " \n\t", "\u3000"])
def test_white_space_is_an_empty_answer_in_no_language(answer: str) -> None:
    for language in LANGUAGES:
        scores = score({"language": language}, [answer])
        assert scores == {"answer_language": 0.0, "length": 0.0, "empty": 1.0}


def test_length_counts_characters_in_any_script() -> None:
    lengths = [score({"language": "ja"}, [text])["length"] for text in (" ab c\n", "散歩する", "산책")]
    assert lengths == [4.0, 4.0, 2.0]


def test_the_global_settings_of_py3langid_are_not_changed() -> None:
    dutch = "Je zou na de lunch met een wandeling kunnen beginnen."
    try:
        py3langid.set_languages(["nl", "en"])
        assert identify_language(ANSWERS["ko"]) == "ko"
        assert py3langid.classify(dutch)[0] == "nl"
        assert identify_language(dutch) in LANGUAGES
    finally:
        py3langid.set_languages()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_real_news_is_identified(shared_data: Path, language: str) -> None:
    lines = (shared_data / "ntrex" / "en-x.jsonl").read_text(encoding="utf-8").splitlines()
    correct = [identify_language(json.loads(line)[language]) == language for line in lines]
    assert len(correct) == 200 and statistics.mean(correct) >= 0.95


# What the harness sees


def test_the_group_holds_one_task_per_language(tasks: dict[str, ConfigurableTask]) -> None:
    assert tuple(tasks) == LANGUAGES == tuple(NAMES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_task_is_configured_for_its_language(tasks: dict[str, ConfigurableTask], language: str) -> None:
    task = tasks[language]
    metadata = task.config.metadata
    assert (metadata["version"], metadata["language"]) == (1.0, language)
    assert (metadata["source"], metadata["licence"]) == ("written for this project", "Apache-2.0")
    assert (task.config.output_type, task.config.num_fewshot) == ("generate_until", 0)
    assert task.config.generation_kwargs == {
        "until": [], "max_gen_toks": 1024, "do_sample": False, "temperature": 0.0,
    }  # fmt: skip
    assert task.higher_is_better() == {"answer_language": True, "length": None, "empty": False}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_document_is_the_prompt_without_reference(
    tasks: dict[str, ConfigurableTask], language: str
) -> None:
    task = tasks[language]
    docs = list(task.test_docs())
    assert docs == [
        {"id": p["id"], "category": p["category"], "prompt": p[language], "language": language}
        for p in PROMPTS
    ]
    assert [task.fewshot_context(doc, 0) for doc in docs] == [prompt[language] for prompt in PROMPTS]
    assert {task.doc_to_target(doc) for doc in docs} == {""}
    assert {language_of(f"fusion_open_{language}", doc) for doc in docs} == {language}


def test_a_language_without_prompts_is_an_error_that_names_the_others() -> None:
    with pytest.raises(ValueError, match=r"'xx'.*en, fr, de"):
        task_file("fusion_open/prompts").load(language="xx")


# A run


def test_the_group_and_its_tasks_are_found_by_name() -> None:
    manager = task_manager(["fusion_open_ko", "fusion_open"], None)
    assert len(load_tasks(manager, ["fusion_open"])) == 11
    assert list(load_tasks(manager, ["fusion_open_ko"])) == ["fusion_open_ko"]


def test_a_run_has_the_scores_of_each_language_and_their_means(
    openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given a model that answers in the prompt's language, but Korean in English and Chinese with nothing
    answers = {PROMPTS[0][language]: ANSWERS[language] for language in LANGUAGES}
    answers |= {PROMPTS[0]["ko"]: ANSWERS["en"], PROMPTS[0]["zh"]: " "}

    def reply(request: Request, index: int) -> str:
        return answers[prompt_text(request)]

    server = openai_server(Plan(reply=reply))
    # when the group is run on the first prompt of each language
    run = run_single(server, tmp_path / "out", "fusion_open", limit=1)
    # then each task has the three metrics, and the group their means over languages
    results = results_of(run)["results"]
    scores = {
        language: [results[f"fusion_open_{language}"][f"{metric},none"] for metric in METRICS]
        for language in LANGUAGES
    }
    assert scores["fr"] == [1.0, len(ANSWERS["fr"]), 0.0]
    assert scores["ko"] == [0.0, len(ANSWERS["en"]), 0.0]
    assert scores["zh"] == [0.0, 0.0, 1.0]
    means = [statistics.mean(column) for column in zip(*scores.values(), strict=True)]
    assert [results["fusion_open"][f"{metric},none"] for metric in METRICS] == pytest.approx(means)
    assert means[0] == pytest.approx(9 / 11)
    # and the model was asked for nothing but the prompt, with room for a long answer and no stop string
    assert {prompt_text(call.body) for call in server.calls} == set(answers)
    assert {(call.body["max_tokens"], str(call.body.get("stop") or "")) for call in server.calls} == {
        (1024, "")
    }
