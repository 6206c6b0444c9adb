"""Load PolyMath (arXiv 2504.18428), the same problems of four levels in each language, and compute its accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from fusion_eval.answers.reasoning import exact_match
from fusion_eval.harness.tasks import hub_data

WEIGHTS = {"low": 1, "medium": 2, "high": 4, "top": 8}


def load(language: str, level: str, repository: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the problems of one level as the split `test`.

    Args:
        language: ISO code of the language.
        level: The level: low, medium, high or top.
        repository: Name of the data set on the hub.
        **_metadata: Other metadata and `dataset_kwargs` of the task, which the harness passes along.
    """
    rows = hub_data.load(language, repository, split=level, columns=("id", "question", "answer"))[level]
    return {"test": Dataset.from_list([_doc(row, language, level) for row in rows])}


def _doc(row: Mapping[str, Any], language: str, level: str) -> dict[str, object]:
    return {
        "id": row["id"],
        "level": level,
        "language": language,
        "question": row["question"],
        "references": [row["answer"]],
        "worked": "",
    }


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return `exact_match`, 0.0 or 1.0, and `dw_acc`, its share in the difficulty-weighted accuracy of the paper.

    The paper defines DW-ACC = Σ w_i a_i / Σ w_i over the accuracies a_i of the four levels, with w = 1, 2, 4, 8. The
    harness can only take the plain mean over the tasks of a group. So an answer's `dw_acc` is exact_match · 4 w_i / Σ w;
    the mean over the four levels is DW-ACC. It has a meaning for one or all languages, but not for a single level.
    """
    correct = exact_match(doc, results)["exact_match"]
    return {
        "exact_match": correct,
        "dw_acc": correct * len(WEIGHTS) * WEIGHTS[doc["level"]] / sum(WEIGHTS.values()),
    }
