"""Results of OpenAI's batch API: `{custom_id, response: {status_code, body}, error}`, a line for each request.

The requests, `{custom_id, body: {messages}}`, tell the prompts if their file stands in the same folder. The choices of a request are
its pool, and so are several requests of one prompt whose `custom_id` differs only after `#`. Bodies are those of chat
completions, completions, or the Responses API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.openai_bodies import candidates_in, failed_candidate, prompt_in
from fusion_eval.imports.pools import (
    Imported,
    ImportedItem,
    SystemAnswer,
    check_same_item,
    user_prompt,
)
from fusion_eval.imports.source import Source
from fusion_eval.models.openai.reply_fields import as_dict
from fusion_eval.types import Candidate

_MODEL = "model"
"""The model's name where no line tells it."""


@dataclass(slots=True)
class _Batch:
    """The lines of all files, by their full `custom_id`."""

    requests: dict[str, ImportedItem] = field(default_factory=dict)
    replies: dict[tuple[str, str], tuple[str, tuple[Candidate, ...]]] = field(default_factory=dict)
    """For each id and model the place and the answers."""
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    """For each id without a reply the place and the reason."""
    shortened: list[str] = field(default_factory=list)
    """The places of prompts with parts that are no text."""

    def places(self) -> dict[str, str]:
        """Return the place of each id that has a result."""
        places = {key: where for key, (where, _) in self.failures.items()}
        return {**places, **{key: where for (key, _), (where, _) in self.replies.items()}}


def matches(source: Source) -> bool:
    """Return whether a file holds results of a batch."""
    return any({"custom_id", "response"} <= file.first().keys() for file in source.files)


def read(source: Source) -> Imported:
    """Read all results: a run for each model, which takes the first candidate."""
    imported, batch = Imported(), _Batch()
    for file in source.files:
        for where, row in file.records():
            _read_line(batch, row, where)
    task, items = imported.task(source.stem), _items(batch)
    pools: dict[tuple[str, str], list[Candidate]] = {}
    for key, model, candidates in _answers(batch):
        pools.setdefault((items[key].key, model), []).extend(candidates)
    by_key, failed, holes = {item.key: item for item in items.values()}, list[str](), list[str]()
    for (key, model), own in pools.items():
        pool = tuple(msgspec.structs.replace(one, seed=place) for place, one in enumerate(own))
        errors = [one.error for one in pool if one.error is not None]
        if len(errors) == len(pool):
            failed.append(f"'{key}': {errors[0]}")
            continue
        holes += [f"'{key}': {error}" for error in errors]
        text = next(one.text for one in pool if one.error is None)
        task.merge(by_key[key], {model: SystemAnswer(text, chosen=0, pool=pool)})
    with_result = {name for key in items for name in (key, _stem(key))}
    failed += [f"'{key}': it has no result" for key in batch.requests if key not in with_result]
    _note(imported, batch, failed, holes)
    return imported


def _read_line(batch: _Batch, row: Mapping[str, Any], where: str) -> None:
    """Take one line.

    Raises:
        ConfigError: It is neither a request nor a result, or contradicts another of the same id.
    """
    key, response, body = str(row.get("custom_id") or ""), row.get("response"), row.get("body")
    if not key:
        raise ConfigError(f"{where}: there is no custom_id")
    if response is None and row.get("error") is None and isinstance(body, dict):
        prompt, all_text = prompt_in(body, where)
        item = ImportedItem(key, prompt, where)
        check_same_item(item, batch.requests.setdefault(key, item))
        if not all_text:
            batch.shortened.append(where)
        return
    if not ("response" in row or "error" in row):
        raise ConfigError(f"{where}: the line is neither a request with a body nor a result with a response")
    reply, status = as_dict(as_dict(response).get("body")), as_dict(response).get("status_code")
    if not reply.keys() & {"choices", "output", "output_text"}:
        reason = (
            _reason(row.get("error")) or _reason(reply.get("error")) or (f"status {status}" if status else "")
        )
        batch.failures.setdefault(key, (where, reason))
        return
    candidates = candidates_in(reply, where)
    first_where, first = batch.replies.setdefault((key, candidates[0].model), (where, candidates))
    if all(one.error is not None for one in first):
        batch.replies[key, candidates[0].model] = where, candidates
    elif [one.text for one in first] != [one.text for one in candidates] and any(
        one.error is None for one in candidates
    ):
        raise ConfigError(
            f"{where}: '{key[:60]}' has another answer than in {first_where}; keep one of the two, or end the ids of "
            "repeated requests with #1, #2, …"
        )


def _reason(error: object) -> str:
    message = error.get("message", error) if isinstance(error, dict) else error
    return "" if message is None else str(message)


def _items(batch: _Batch) -> dict[str, ImportedItem]:
    """Return the item of each id with a result. Ids that differ after `#` share one unless their prompts differ.

    Raises:
        ConfigError: There are requests, and a result is to none of them.
    """
    places = batch.places()
    prompts = {key: batch.requests.get(key) or batch.requests.get(_stem(key)) for key in places}
    by_stem: dict[str, set[object]] = {}
    for key, request in prompts.items():
        if request is None and batch.requests:
            raise ConfigError(
                f"{places[key]}: the answer is to the request '{key}', which is not among the requests"
            )
        by_stem.setdefault(_stem(key), set()).add(request.prompt if request else None)
    items = {}
    for key, request in prompts.items():
        name = _stem(key) if len(by_stem[_stem(key)]) == 1 else key
        items[key] = ImportedItem(name, request.prompt if request else user_prompt(name), places[key])
    return items


def _stem(key: str) -> str:
    return key.partition("#")[0] or key


def _answers(batch: _Batch) -> Iterator[tuple[str, str, tuple[Candidate, ...]]]:
    """Yield the id, the model and the answers of each result. A failure belongs to the only model, if there is one."""
    models = {model for _, model in batch.replies}
    only = models.pop() if len(models) == 1 else _MODEL
    answered = {key for key, _ in batch.replies}
    for (key, model), (_, candidates) in batch.replies.items():
        yield key, model, candidates
    for key, (_, reason) in batch.failures.items():
        if key not in answered:
            yield key, only, (failed_candidate(only, reason),)


def _note(imported: Imported, batch: _Batch, failed: list[str], holes: list[str]) -> None:
    answered = {key for key, _ in batch.replies}
    again = [key for key in batch.failures if key in answered]
    refusals = [
        key
        for (key, _), (_, own) in batch.replies.items()
        if any(one.finish_reason == "refusal" for one in own)
    ]
    for what, named in (
        ("requests without an answer, {}, are left out, such as {}", failed),
        ("answers without a text, {}, are failed candidates, such as {}", holes),
        ("requests that failed in one line and were answered in another: {}, such as {}", again),
        ("requests whose answer is a refusal, {}, keep its text, such as {}", refusals),
        ("prompts with parts that are no text, {}, keep only their text, such as {}", batch.shortened),
    ):
        if named:
            imported.notes.append(what.format(f"{len(named):,}", named[0]))
    if not batch.requests:
        pooled = (
            "; ids that differ after # are one pool" if any("#" in key for key, _ in batch.replies) else ""
        )
        imported.notes.append(
            f"there is no file of requests, so prompts are the custom_ids{pooled}; name a folder that has both files"
        )


reader = Reader(matches, read)
