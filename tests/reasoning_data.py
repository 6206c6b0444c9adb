"""Made-up rows of the reasoning benchmarks in the form of the hub, and replies to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from task_files import write_rows

from fusion_eval.answers.lead_ins import MARKERS

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
LABELS = {  # before the question and the answer of worked examples on the hub
    "en": ("Question: ", "Step-by-Step Answer: "),
    "es": ("Pregunta: ", "Respuesta paso a paso: "),
    "fr": ("Question : ", "Réponse étape par étape : "),
    "de": ("Frage: ", "Schritt-für-Schritt-Antwort: "),
    "ru": ("Задача: ", "Пошаговое решение: "),
    "zh": ("问题：", "逐步解答："),
    "ja": ("問題：", "ステップごとの答え："),
}
NAMES_IN_GEOFACTX = {"en": "english", "hi": "hindi", "ja": "japanese", "sw": "swahili", "th": "thai"}


def write_reasoning_data(folder: Path) -> None:
    """Write a local copy of a few rows of each benchmark."""
    for language in LANGUAGES["polymath"]:
        for level in LEVELS:
            write_rows(folder / f"Qwen/PolyMath/{language}/{level}.jsonl", polymath_rows(language, level))
    for language in LANGUAGES["mgsm_cot"]:
        for split in ("train", "test"):
            write_rows(folder / f"juletxara/mgsm/{language}/{split}.jsonl", mgsm_rows(language, split))
    for split in ("train", "test"):
        rows = [row for number in range(3) for row in geofact_rows(number, split)]
        write_rows(folder / f"geofact-x/GeoFact-X/default/{split}.jsonl", rows)


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
    """Return one question in all languages, which follow each other on the hub."""
    return [
        {
            "question": f"{split} {number} {language}?",
            "reasoning": f"<step> first {number}\n<step> then {language} ",
            "answer_list": [f"Nairobi {number}", f"Mombasa {number}"],
            "language": name,
            "topic": "Geography",
            "answer_type": "Place",
            "region": "Kenya",
        }
        for language, name in NAMES_IN_GEOFACTX.items()
    ]


def scores(task: Any, reply: Callable[[Mapping[str, Any]], str]) -> list[dict[str, float]]:
    """Return the scores of the replies to all documents of a task."""
    return [task.process_results(doc, [reply(doc)]) for doc in task.test_docs()]


def reply_with(answer: str, language: str) -> str:
    """Return a reply that ends in the line with the answer."""
    return f"2 + 2 = 4.\n\n{answer_line(answer, language)}"


def answer_line(answer: str, language: str) -> str:
    return f"{MARKERS[language]}{'' if language in ('ja', 'zh') else ' '}{answer}"
