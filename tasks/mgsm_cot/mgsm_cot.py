"""Load MGSM (arXiv 2210.03057): 250 grade-school problems per language, and eight worked examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fusion_eval.harness.tasks import hub_data

# Labels before the question and the answer of a worked example. The questions of the test have none.
_QUESTION = re.compile(r"(?:Question|Pregunta|Frage|Задача|问题|問題)\s*[:：]\s*")
_ANSWER = re.compile(
    r"(?:Step-by-Step Answer|Respuesta paso a paso|Réponse étape par étape|Schritt-für-Schritt-Antwort"
    r"|Пошаговое решение|逐步解答|ステップごとの答え)\s*[:：]\s*"
)


def load(language: str, repository: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the splits `test` and `train`; the latter has worked answers.

    Args:
        language: ISO code of the language.
        repository: Name of the data set on the hub.
        **_metadata: Other metadata and `dataset_kwargs` of the task, which the harness passes along.
    """
    return {split: _docs(language, repository, split) for split in ("test", "train")}


def _docs(language: str, repository: str, split: str) -> Dataset:
    rows = hub_data.load(language, repository, split=split, columns=("question", "answer_number"))[split]
    return Dataset.from_list([_doc(row, number, language) for number, row in enumerate(rows)])


def _doc(row: Mapping[str, Any], number: int, language: str) -> dict[str, object]:
    return {
        "id": number,  # the rows are parallel: the same id is the same problem in all languages
        "language": language,
        "question": _without(_QUESTION, row["question"]),
        "references": [str(row["answer_number"])],
        "worked": _without(_ANSWER, row["answer"] or ""),
    }


def _without(label: re.Pattern[str], text: str) -> str:
    text = text.strip()
    match = label.match(text)
    return text[match.end() :] if match else text
