"""GeoFact-X (arXiv 2507.05418): facts of five countries, asked in their five languages, with reasoned answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datasets import Dataset

from fusion_eval.harness.tasks import hub_data as _hub

NAMES = {"en": "english", "hi": "hindi", "ja": "japanese", "sw": "swahili", "th": "thai"}
"""How the data set spells its languages."""

_COLUMNS = ("language", "region", "topic", "question", "answer_list", "reasoning")
_STEP = re.compile(r"\s*<step>\s*")


def load(language: str, repository: str, **_metadata: object) -> dict[str, Dataset]:
    """The splits `test` and `train` of one language, the latter for worked examples.

    The hub has all languages in one configuration. The harness passes a task's whole metadata and `dataset_kwargs`;
    the rest of them is not needed here. Raises ValueError where a split has no row in the language, and otherwise
    what `hub_data.load` raises.
    """
    return {split: _docs(language, repository, split) for split in ("test", "train")}


def _docs(language: str, repository: str, split: str) -> Dataset:
    rows = hub_data.rows_of(repository, "default", split, _COLUMNS)  # `load` would overwrite their language
    docs = [_doc(row, language) for row in rows if row["language"].lower() in (language, NAMES[language])]
    if not docs:
        spelt = ", ".join(sorted({row["language"] for row in rows}))
        raise ValueError(
            f"The {split} split of {repository} has no row whose language is '{NAMES[language]}' or '{language}'; "
            f"it has {spelt}."
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
