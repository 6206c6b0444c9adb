"""Results of OpenAI's batch API: `{custom_id, response: {status_code, body}, error}`, a line for each request.

The requests, `{custom_id, body: {messages}}`, tell the prompts if their file stands in the same folder. The choices of a request are
its pool, and so are several requests of one prompt whose `custom_id` differs only after `#`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, SystemAnswer, messages_of, user_prompt
from fusion_eval.imports.source import Source
from fusion_eval.text.redaction import safe_message
from fusion_eval.types import Candidate, Message


def matches(source: Source) -> bool:
    """Return whether a file holds results of a batch."""
    return any({"custom_id", "response"} <= file.first().keys() for file in source.files)


def read(source: Source) -> Imported:
    """Read all results: a run for each model, which takes the first candidate."""
    imported = Imported()
    prompts: dict[str, tuple[Message, ...]] = {}
    pools: dict[tuple[str, str], list[Candidate]] = {}
    places: dict[str, str] = {}
    for file in source.files:
        for where, row in file.records():
            key = str(row.get("custom_id") or "")
            if not key:
                raise ConfigError(f"{where}: there is no custom_id")
            request = key.partition("#")[0]
            if "response" in row or "error" in row:
                model, candidates = _candidates(row, where)
                pools.setdefault((request, model), []).extend(candidates)
                places.setdefault(request, where)
            elif isinstance(body := row.get("body"), dict):
                prompts[request] = messages_of(body.get("messages") or body.get("prompt"), where)
    task, failed = imported.task(source.stem), list[str]()
    for (key, model), pool in pools.items():
        if prompts and key not in prompts:
            raise ConfigError(
                f"{places[key]}: the answer is to the request '{key}', which is not among the requests"
            )
        usable = next((place for place, one in enumerate(pool) if one.error is None), None)
        if usable is None:
            failed.append(f"'{key}': {pool[0].error}")
            continue
        item = ImportedItem(key, prompts.get(key, user_prompt(key)), places[key])
        task.merge(item, {model: SystemAnswer(pool[usable].text, chosen=0, pool=tuple(pool))})
    if failed:
        imported.notes.append(
            f"requests without an answer, {len(failed):,}, are left out, such as {failed[0]}"
        )
    if not prompts:
        imported.notes.append("there is no file of requests, so prompts are the custom_ids")
    return imported


def _candidates(row: Mapping[str, Any], where: str) -> tuple[str, list[Candidate]]:
    """Return the model and the choices of one result; one failed candidate if the request failed."""
    response = row.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    status = response.get("status_code") if isinstance(response, dict) else None
    model = str(body.get("model", "model")) if isinstance(body, dict) else "model"
    choices = body.get("choices") if isinstance(body, dict) else None
    if isinstance(body, dict) and isinstance(choices, list) and choices:
        usage = body["usage"] if isinstance(body.get("usage"), dict) else {}
        places = enumerate(choices)
        return model, [
            _candidate(choice, place, model, usage, len(choices), where) for place, choice in places
        ]
    error = row.get("error") or (body.get("error") if isinstance(body, dict) else None) or f"status {status}"
    message = error.get("message", error) if isinstance(error, dict) else error
    return model, [Candidate("", model, 0, "error", error=safe_message(str(message)))]


def _candidate(
    choice: Any, place: int, model: str, usage: Mapping[str, Any], n: int, where: str
) -> Candidate:
    match choice:
        case {"message": {"content": str() as text}} | {"text": str() as text}:
            read, written = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
            return Candidate(
                text,
                model,
                place,
                str(choice.get("finish_reason") or "stop"),
                prompt_tokens=read if isinstance(read, int) and place == 0 else 0,
                completion_tokens=written // n if isinstance(written, int) else 0,
            )
    raise ConfigError(f"{where}: choice {place + 1} has no text")


reader = Reader(matches, read)
