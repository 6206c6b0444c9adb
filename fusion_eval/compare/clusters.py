"""Which items are not independent of each other: sentences of one document, one question in several languages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fusion_eval.compare.items import Item
from fusion_eval.errors import ConfigError, nearest

_DOCUMENT = ("document_id", "document", "docid", "doc_id", "doc", "docname", "doc_name")
_QUESTION = (
    "id",
    "question_id",
    "qid",
    "uid",
    "item_id",
    "example_id",
    "problem_id",
    "sentence_id",
    "idx",
    "index",
)
AUTO, NONE = "auto", "none"


def family_of(task: str, language: str | None) -> str:
    """The task's name without its language: what its sisters in other languages share. `mgsm_fr_cot` → `mgsm_cot`."""
    return _without(task, language)


def clusters_of(
    items: Mapping[str, Sequence[Item]], languages: Mapping[str, str | None], column: str
) -> dict[Item, str]:
    """A label per item; items that share one are resampled together.

    `column` is a field of the documents, `none`, or `auto`: documents where the data name them, else the identity of
    a question, else, where sister tasks in several languages give no identity, its place in the task. Joining too
    much only costs power, joining too little would claim what is not known.
    """
    if column == NONE:
        return {item: f"{item.task}/{item.key}" for task in items.values() for item in task}
    families: dict[str, list[str]] = defaultdict(list)
    for task in items:
        families[family_of(task, languages[task])].append(task)
    labels = {}
    for family, tasks in families.items():
        members = {task: items[task] for task in tasks}
        for task in tasks:
            for item, label in zip(items[task], _labels(task, members, languages, column), strict=True):
                labels[item] = f"{family}/{label}"
    return labels


def _labels(
    task: str, family: Mapping[str, Sequence[Item]], languages: Mapping[str, str | None], column: str
) -> list[str]:
    items = family[task]
    docs = [item.doc for item in items]
    if column != AUTO:
        return [_named(item, column) for item in items]
    for name in _DOCUMENT:
        if _everywhere(family, name) and len({_text(doc[name]) for doc in docs}) > 1:
            return [_without(_text(doc[name]), languages[task]) for doc in docs]
    for name in _QUESTION:
        if _everywhere(family, name) and all(_identifies(name, members) for members in family.values()):
            return [_without(_text(doc[name]), languages[task]) for doc in docs]
    if len({languages[member] for member in family}) > 1:
        return [str(item.doc_id) for item in items]
    return [item.document for item in items]


def _named(item: Item, column: str) -> str:
    if column not in item.doc:
        raise ConfigError(
            f"--cluster {column}: documents of {item.task} have no such field.{nearest(column, item.doc)} "
            f"They have {', '.join(sorted(item.doc)) or 'none'}"
        )
    return _text(item.doc[column])


def _everywhere(family: Mapping[str, Sequence[Item]], name: str) -> bool:
    return all(isinstance(item.doc.get(name), str | int) for items in family.values() for item in items)


def _identifies(name: str, items: Sequence[Item]) -> bool:
    """Whether each value stands for one document; the same document twice is no contradiction."""
    return len({_text(item.doc[name]) for item in items}) == len({item.document for item in items})


def _text(value: Any) -> str:
    return str(value)


def _without(name: str, language: str | None) -> str:
    """`low-fr-0` is `low-0` in French."""
    if not language:
        return name
    parts = re.split(r"([_\-.])", name)
    places = [place for place in range(0, len(parts), 2) if parts[place].lower() == language]
    if not places or len(parts) == 1:
        return name
    at = places[-1]
    kept = parts[: at - 1] + parts[at + 1 :] if at else parts[2:]
    return "".join(kept)
