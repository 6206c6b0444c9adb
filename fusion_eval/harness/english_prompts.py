"""Find the prompt of an item in English: that of the same document in the English task of its family."""

from __future__ import annotations

import re
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness import host_siblings, host_tasks
from fusion_eval.harness.choices import SUFFIXES, GeneratingManager, Order, plain_name
from fusion_eval.harness.tasks.loading import load_tasks
from fusion_eval.text.language import NAMES, language_of

_LEAVE_OUT = "leave out cross_lingual="
_CODE = re.compile(rf"(?<![^\W_])(?:{'|'.join(NAMES)}|[a-z]{{3}}_[A-Z][a-z]{{3}})(?![^\W_])")
"""A language in a task's name: `fr`, or `fra_Latn`."""
_IDS = ("id", "question_id", "qid", "uid", "item_id", "example_id", "problem_id", "sentence_id", "sample_id")
"""Fields that name a document in all languages, if documents have them."""
_kept: weakref.WeakKeyDictionary[Any, Mapping[int, Any]] = weakref.WeakKeyDictionary()
"""The requests in English by document, for each task of a run. Its strategies share them."""


@dataclass(slots=True)
class EnglishRequest:
    """What the harness asks about the same document in English. The attributes are those of its `Instance`."""

    doc: Any
    task_name: str | None
    doc_id: int | None
    args: tuple[Any, ...]
    repeats: int | None = 1


def english_request(request: Any) -> EnglishRequest | None:
    """Return the request for the same document in English; None for a request that is in English itself.

    The options of generation are those of the request itself, with the stop strings of both.

    Raises:
        ConfigError: The task has no parallel task in English.
    """
    name = request.task_name or ""
    if language_of(name, request.doc) == "en" or next(_english_names(name), None) == name:
        return None
    task = host_tasks.task_of(name)
    if task is None:
        raise ConfigError(
            f"cross_lingual= finds no task {name} in this process, so there is no English prompt; {_LEAVE_OUT}"
        )
    if request.doc_id not in _kept.get(task, {}):
        _kept[task] = _requests_in_english(name, task)
    found = _kept[task].get(request.doc_id)
    if found is None:
        raise ConfigError(
            f"cross_lingual= finds no document in English for document {request.doc_id} of {name}; {_LEAVE_OUT}"
        )
    context, options = found.args[0], dict(request.args[1] or {})
    stops = [*_listed(options.get("until")), *_listed((found.args[1] or {}).get("until"))]
    options["until"] = list(dict.fromkeys(stops))
    return EnglishRequest(found.doc, found.task_name, found.doc_id, (context, options))


def _listed(until: Any) -> Sequence[Any]:
    return [until] if isinstance(until, str) else list(until or ())


def _requests_in_english(name: str, task: Any) -> Mapping[int, Any]:
    """Return the request in English for each document of a task, by the document's number in the task."""
    wanted, order = _sibling(name)
    in_run = host_tasks.task_of(wanted + SUFFIXES[order] if order else wanted)
    sibling = in_run or _load(wanted, order)
    docs, english = list(task.eval_docs), list(sibling.eval_docs)
    if len(docs) != len(english):
        raise ConfigError(
            f"cross_lingual= needs parallel tasks: {name} has {len(docs):,} documents and {sibling.config.task} has "
            f"{len(english):,}; {_LEAVE_OUT}"
        )
    if (field := _shared_ids(docs, english)) is None:
        built = list(sibling.instances) if in_run else host_siblings.requests_like(sibling, task)
        return {one.doc_id: one for one in built}
    outside = _load(wanted, order) if in_run else sibling  # the run's own task keeps its requests
    by_id = {one.doc[field]: one for one in host_siblings.requests_like(outside, task, whole=True)}
    return {one.doc_id: by_id[one.doc[field]] for one in task.instances}


def _shared_ids(docs: Sequence[Any], english: Sequence[Any]) -> str | None:
    """Return a field that names the same documents in both tasks, if they stand in another order; else None."""
    for field in _IDS:
        if not all(field in doc for doc in (*docs[:1], *english[:1])):
            continue
        own, other = [doc.get(field) for doc in docs], [doc.get(field) for doc in english]
        if (
            own != other
            and len(set(map(str, own))) == len(own)
            and set(map(str, own)) == set(map(str, other))
        ):
            return field
    return None


def _load(name: str, order: Order | None) -> Any:
    """Return a task that takes no part in the run."""
    manager = host_siblings.manager()
    [task] = load_tasks(GeneratingManager(manager, order) if order else manager, [name]).values()
    return task


def _sibling(name: str) -> tuple[str, Order | None]:
    """Return the English task of a task's family: its plain name, and the order in which its options are listed."""
    plain, order = plain_name(name)
    if order == "permuted":
        raise ConfigError(
            f"cross_lingual= needs the options of {plain} in one order in all languages, and --generate_choices permuted "
            "gives each text its own; use --generate_choices in_order"
        )
    wanted = [one for one in _english_names(plain) if one != plain]
    known = host_siblings.known_tasks()
    found = next((one for one in wanted if one in known), None)
    if found is None:
        raise _no_sibling(name, wanted, known)
    return found, order


def _english_names(name: str) -> Iterator[str]:
    """Yield what the English task of a family may be called, the likeliest first: its last language is in English."""
    for code in reversed(list(_CODE.finditer(name))):
        english = "eng_Latn" if "_" in code[0] else "en"
        yield name[: code.start()] + english + name[code.end() :]


def _no_sibling(name: str, wanted: Sequence[str], known: Collection[str]) -> ConfigError:
    if not wanted:
        return ConfigError(
            f"cross_lingual= finds the prompt in English by a task's name, and {name} names no language, as mgsm_cot_fr does; "
            f"{_LEAVE_OUT}"
        )
    return ConfigError(
        f"cross_lingual= needs the task {wanted[0]} beside {name}, and there is none.{nearest(wanted[0], known)} Choose a "
        f"family with an English task, or {_LEAVE_OUT}"
    )
