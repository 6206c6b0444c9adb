"""Find items that are not independent: sentences of one document, or one question in several languages."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from fusion_eval.comparison.items import Item
from fusion_eval.comparison.options import AUTO, NO_CLUSTERS
from fusion_eval.comparison.task_families import Family, without_language
from fusion_eval.errors import ConfigError, nearest

_DOCUMENT_FIELDS = (
    *("dialogue_id", "dialog_id", "conversation_id", "session_id", "thread_id", "story_id"),
    *("context_id", "article_id", "paragraph_id"),
    *("document_id", "document", "docid", "doc_id", "doc", "docname", "doc_name"),
    *("passage_id", "passage", "context", "article", "paragraph", "story", "url"),
)
_CONVERSATION_FIELDS = ("dialogue_id", "dialog_id", "conversation_id", "session_id", "thread_id", "story_id")
"""Tasks of one benchmark often ask about the same conversations, so these are clusters over tasks too."""
_QUESTION_FIELDS = (
    *("id", "question_id", "qid", "uid", "item_id", "example_id"),
    *("problem_id", "sentence_id", "idx", "index"),
)
_MAX_LABEL = 200
"""Characters. A longer label is replaced by its hash."""


def clusters_of(
    items: Mapping[str, Sequence[Item]], families: Mapping[str, Family], column: str
) -> tuple[dict[Item, str], list[str]]:
    """Label every item with its cluster. Items with the same label are resampled together.

    With `column="auto"` a family of tasks is clustered by a field that names a text of several items. If its documents
    have no such field, a field that identifies the question is taken. If they have neither, parallel tasks in several
    languages are clustered by the position in the task. Equal documents of two tasks are one cluster.

    Clusters that are too large only cost power. Clusters that are too small make intervals too narrow.

    Args:
        items: The items of each task.
        families: The family of each task.
        column: A field of the documents, `none`, or `auto`.

    Returns:
        A label for each item, and notes on how clusters were formed.

    Raises:
        ConfigError: A document lacks the field.
    """
    if column == NO_CLUSTERS:
        return {item: _shorten(f"{item.task}/{item.key}") for task in items.values() for item in task}, []
    sibling_tasks: dict[str, list[str]] = defaultdict(list)
    for task in items:
        sibling_tasks[families[task].name].append(task)
    labels: dict[Item, str] = {}
    notes = []
    shared_fields = _fields_over_tasks(items) if column == AUTO else set()
    for family, tasks in sibling_tasks.items():
        members = {task: items[task] for task in tasks}
        field = _choose_field(members) if column == AUTO else column
        parallel = len(tasks) > 1 and len({tuple(item.doc_id for item in items[task]) for task in tasks}) == 1
        home = field if field in shared_fields else family
        of_family = {
            item: _shorten(
                f"{home}/{_label(item, field, families[task].language, parallel, chosen_by_user=column != AUTO)}"
            )
            for task in tasks
            for item in items[task]
        }
        if len(set(of_family.values())) < len(of_family):
            notes.append(_describe(family, field, parallel))
        labels |= of_family
    if column != AUTO:
        return labels, notes
    merged = _merge_equal_documents(labels)
    if len(set(merged.values())) < len(set(labels.values())):
        notes.append("items of several tasks that are the same document are one cluster")
    return merged, notes


def _fields_over_tasks(items: Mapping[str, Sequence[Item]]) -> set[str]:
    """Return the fields of conversations that several tasks have with the same values."""
    fields = set()
    for name in _CONVERSATION_FIELDS:
        values = [{str(item.doc.get(name)) for item in own} for own in items.values()]
        known = [own for own in values if own != {"None"}]
        if len(known) > 1 and set.intersection(*known):
            fields.add(name)
    return fields


def _describe(family: str, field: str | None, parallel: bool) -> str:
    if field:
        shared = f"share their field '{field}'"
    else:
        shared = "have the same position in each language" if parallel else "are equal"
    return f"{family}: items that {shared} are one cluster"


def _label(
    item: Item, field: str | None, language: str | None, parallel: bool, *, chosen_by_user: bool
) -> str:
    if field is None:
        return str(item.doc_id) if parallel else item.document
    if field not in item.doc:
        raise ConfigError(
            f"cluster={field}: documents of {item.task} have no such field.{nearest(field, item.doc)} "
            f"They have {', '.join(sorted(item.doc)) or 'none'}"
        )
    value = str(item.doc[field])
    return value if chosen_by_user else without_language(value, language)


def _choose_field(family: Mapping[str, Sequence[Item]]) -> str | None:
    """Return the field that all tasks of a family are clustered by, or None if they have none."""
    for name in _DOCUMENT_FIELDS:
        if _is_everywhere(name, family) and any(_groups_items(name, items) for items in family.values()):
            return name
    for name in _QUESTION_FIELDS:
        if _is_everywhere(name, family) and all(_identifies_items(name, items) for items in family.values()):
            return name
    return None


def _is_everywhere(name: str, family: Mapping[str, Sequence[Item]]) -> bool:
    values = (item.doc.get(name) for items in family.values() for item in items)
    return all(isinstance(value, str | int) for value in values)


def _groups_items(name: str, items: Sequence[Item]) -> bool:
    """Return whether the field has several values, and one of them belongs to several documents."""
    return 1 < len({str(item.doc[name]) for item in items}) < len({item.document for item in items})


def _identifies_items(name: str, items: Sequence[Item]) -> bool:
    """Return whether the field has as many values as there are different documents."""
    return len({str(item.doc[name]) for item in items}) == len({item.document for item in items})


def _merge_equal_documents(labels: Mapping[Item, str]) -> dict[Item, str]:
    """Merge the clusters of items that are the same document (union-find over labels)."""
    label_of_document: dict[str, str] = {}
    parents: dict[str, str] = {}

    def root(label: str) -> str:
        while parents.get(label, label) != label:
            label = parents[label]
        return label

    for item, label in labels.items():
        one, other = root(label_of_document.setdefault(item.document, label)), root(label)
        parents[max(one, other)] = min(one, other)
    return {item: root(label) for item, label in labels.items()}


def _shorten(label: str) -> str:
    return label if len(label) <= _MAX_LABEL else hashlib.sha256(label.encode()).hexdigest()
