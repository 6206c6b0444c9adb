"""PolyMath (arXiv 2504.18428): problems of four levels, the same in each language, and its weighted accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from fusion_eval.answers.reasoning import exact_match
from fusion_eval.harness.tasks import hub_data as _hub

WEIGHTS = {"low": 1, "medium": 2, "high": 4, "top": 8}


def load(language: str, level: str, repository: str, **_metadata: object) -> dict[str, Dataset]:
    """The split `test`: the problems of one level, with its name as `level`.

    The harness passes a task's whole metadata and `dataset_kwargs`; the rest of them is not needed here. Raises what
    `hub_data.load` raises.
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
    """`exact_match`, 0.0 or 1.0, and its share in DW-ACC, the difficulty-weighted accuracy of the paper.

    DW-ACC = Σ w_i a_i / Σ w_i over the accuracies a_i of the four levels, with w = 1, 2, 4, 8. The harness can only
    take the plain mean of the tasks of a group; so an answer's `dw_acc` is exact_match · 4 w_i / Σ w, whose plain mean
    over the four levels is DW-ACC. It means something for a whole language (or all of them), never for one level.
    """
    right = exact_match(doc, results)["exact_match"]
    return {
        "exact_match": right,
        "dw_acc": right * len(WEIGHTS) * WEIGHTS[doc["level"]] / sum(WEIGHTS.values()),
    }
