"""Load GeoFact-X (arXiv 2507.05418): questions on facts of five countries in five languages, with worked answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fusion_eval.harness.tasks.hub_data import Part, load_rows

NAMES = {"en": "english", "hi": "hindi", "ja": "japanese", "sw": "swahili", "th": "thai"}
"""The data set's names of its languages, by ISO code."""

_COLUMNS = ("language", "region", "topic", "question", "answer_list", "reasoning")
_STEP = re.compile(r"\s*<step>\s*")


def load(language: str, repository: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the splits `test` and `train` of one language; `train` is for few-shot examples.

    On the hub, one configuration holds all languages.

    Args:
        language: ISO code of the language.
        repository: Name of the data set on the hub.
        **_metadata: Other metadata and `dataset_kwargs` of the task, which the harness passes along.

    Raises:
        ValueError: A split has no row in the language.
    """
    return {split: _docs(language, repository, split) for split in ("test", "train")}


def _docs(language: str, repository: str, split: str) -> Dataset:
    rows = load_rows(Part(repository, "default", split), _COLUMNS)
    docs = [_doc(row, language) for row in rows if row["language"].lower() in (language, NAMES[language])]
    if not docs:
        names = ", ".join(sorted({row["language"] for row in rows}))
        raise ValueError(
            f"The {split} split of {repository} has no row whose language is '{NAMES[language]}' or '{language}'; "
            f"it has {names}."
        )
    return Dataset.from_list(docs)


def _doc(row: Mapping[str, Any], language: str) -> dict[str, object]:
    return {
        "language": language,
        "region": row["region"],
        "topic": row["topic"],
        "question": row["question"],
        "references": list(row["answer_list"]),
        "worked": _STEP.sub("\n", row["reasoning"]).strip(),
    }
