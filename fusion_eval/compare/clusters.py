"""Which items are not independent of each other: sentences of one document, one question in several languages."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from fusion_eval.compare.items import Item
from fusion_eval.compare.task_families import Family, without_language
from fusion_eval.errors import ConfigError, nearest

_DOCUMENT = (
    *("document_id", "document", "docid", "doc_id", "doc", "docname", "doc_name"),
    *("passage_id", "passage", "context", "article", "paragraph", "story", "url"),
)
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
_LONGEST = 200
"""Characters of a label; of what is longer it is a hash."""
AUTO, NONE = "auto", "none"


def clusters_of(
    items: Mapping[str, Sequence[Item]], families: Mapping[str, Family], column: str
) -> tuple[dict[Item, str], list[str]]:
    """(A label per item, notes on how they came about); items that share a label are resampled together.

    `column` is a field of the documents, `none`, or `auto`: documents where the data name them, else the identity of
    a question, else, where sister tasks in several languages give no identity, its place in the task; and the same
    document in two tasks is one. Joining too much only costs power, joining too little would claim what is not known.
    """
    if column == NONE:
        return {item: _short(f"{item.task}/{item.key}") for task in items.values() for item in task}, []
    sisters: dict[str, list[str]] = defaultdict(list)
    for task in items:
        sisters[families[task].name].append(task)
    labels: dict[Item, str] = {}
    notes = []
    for family, tasks in sisters.items():
        members = {task: items[task] for task in tasks}
        field = _field(members) if column == AUTO else column
        parallel = len(tasks) > 1 and len({tuple(item.doc_id for item in items[task]) for task in tasks}) == 1
        for task in tasks:
            for item in items[task]:
                own = _label(item, field, families[task].language, parallel, asked=column != AUTO)
                labels[item] = _short(f"{family}/{own}")
        if len({labels[item] for task in tasks for item in items[task]}) < sum(
            len(items[task]) for task in tasks
        ):
            notes.append(_note(family, field, parallel))
    if column != AUTO:
        return labels, notes
    joined = _joined(labels)
    if len(set(joined.values())) < len(set(labels.values())):
        notes.append("items of several tasks that are the same document are one cluster")
    return joined, notes


def _note(family: str, field: str | None, parallel: bool) -> str:
    how = (
        f"share their field '{field}'"
        if field
        else "stand at one place in its languages"
        if parallel
        else "are equal"
    )
    return f"{family}: items that {how} are one cluster"


def _label(item: Item, field: str | None, language: str | None, parallel: bool, *, asked: bool) -> str:
    if field is None:
        return str(item.doc_id) if parallel else item.document
    if field not in item.doc:
        raise ConfigError(
            f"--cluster {field}: documents of {item.task} have no such field.{nearest(field, item.doc)} "
            f"They have {', '.join(sorted(item.doc)) or 'none'}"
        )
    value = str(item.doc[field])
    return value if asked else without_language(value, language)


def _field(family: Mapping[str, Sequence[Item]]) -> str | None:
    """The field that all tasks of a family are clustered by."""
    for name in _DOCUMENT:
        if _everywhere(family, name) and any(_repeats(name, items) for items in family.values()):
            return name
    for name in _QUESTION:
        if _everywhere(family, name) and all(_identifies(name, items) for items in family.values()):
            return name
    return None


def _everywhere(family: Mapping[str, Sequence[Item]], name: str) -> bool:
    values = (item.doc.get(name) for items in family.values() for item in items)
    return all(isinstance(value, str | int) for value in values)


def _repeats(name: str, items: Sequence[Item]) -> bool:
    """Several documents, of which one has several items."""
    return 1 < len({str(item.doc[name]) for item in items}) < len({item.document for item in items})


def _identifies(name: str, items: Sequence[Item]) -> bool:
    """Whether each value stands for one document; the same document twice is no contradiction."""
    return len({str(item.doc[name]) for item in items}) == len({item.document for item in items})


def _joined(labels: Mapping[Item, str]) -> dict[Item, str]:
    """Labels that share a document become one."""
    first: dict[str, str] = {}
    of: dict[str, str] = {}

    def root(label: str) -> str:
        while of.get(label, label) != label:
            label = of[label]
        return label

    for item, label in labels.items():
        one, other = root(first.setdefault(item.document, label)), root(label)
        of[max(one, other)] = min(one, other)
    return {item: root(label) for item, label in labels.items()}


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else hashlib.sha256(label.encode()).hexdigest()
