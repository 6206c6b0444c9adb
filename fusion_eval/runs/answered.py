"""Read the texts of a run: prompts, answers, references. They are most of a file's bytes, so `read_runs` skips them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fusion_eval.runs.reading import Run
from fusion_eval.runs.records import parse_line, read_records
from fusion_eval.runs.samples import Sample, first_prompt, is_sample
from fusion_eval.types import Message, without_surrogates


@dataclass(frozen=True, slots=True)
class AnsweredSample:
    """A sample with its texts: one document of a task under one filter."""

    task: str
    sample: Sample
    prompt: str
    """As the model got it. Chat messages are JSON."""
    references: tuple[str, ...]
    target: str
    """The references as the harness writes them, in one text."""
    answers: tuple[str, ...]
    """Before any filter, one for each repeat. If the model rated choices, the likeliest of them."""
    filtered: str
    """The first answer after the filter, as the metric saw it."""
    choices: tuple[str, ...] = ()
    """The texts that the model rated, if it generated none."""


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """The first generated answer to a document, before any filter, with the prompt as messages."""

    prompt: tuple[Message, ...]
    answer: str
    target: str
    """Empty if the target is not one text."""
    n_answers: int
    """How many answers the run has to this document."""


def read_answered(run: Run) -> Iterator[AnsweredSample]:
    """Yield every sample with its texts, task by task."""
    for task in run.tasks:
        yield from read_answered_task(run, task)


def read_answered_task(run: Run, task: str) -> Iterator[AnsweredSample]:
    """Yield the samples of one task with their texts, one line of the file at a time."""
    paths = {file.task: file.path for file in run.files.samples}
    if task not in paths:
        return
    part = run.tasks[task]
    records: Iterator[object]
    if part.broken_lines:
        records = (record for _, record in read_records(paths[task]) if is_sample(record))
    else:
        records = (record for _, record in read_records(paths[task], _parse_texts))
    for sample, record in zip(part.samples, records, strict=True):
        if isinstance(record, dict):  # it was when the run was read
            yield _answered_sample(task, sample, record)


class _Texts(msgspec.Struct):
    """The fields of a sample that hold its texts. The document is left out: it is most of a line."""

    arguments: Any = None
    target: Any = None
    resps: Any = None
    filtered_resps: Any = None


_DECODER = msgspec.json.Decoder(_Texts)


def _parse_texts(line: bytes) -> object:
    try:
        return msgspec.structs.asdict(_DECODER.decode(line))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return parse_line(line)


def read_generated(run: Run) -> dict[tuple[str, int], GeneratedAnswer]:
    """Return the generated answers by task and doc_id. Samples without one, as of multiple choice, are left out."""
    answers: dict[tuple[str, int], GeneratedAnswer] = {}
    for file in run.files.samples:
        for _, record in read_records(file.path):
            if isinstance(record, dict) and isinstance(doc_id := record.get("doc_id"), int):
                answer = _generated_answer(record)
                if answer:
                    answers.setdefault((file.task, doc_id), answer)
    return answers


def parse_messages(prompt: object) -> tuple[Message, ...]:
    """Parse a prompt of a sample file: chat messages as JSON, or plain text, which becomes one user message."""
    text = prompt if isinstance(prompt, str) else msgspec.json.encode(prompt).decode()
    if text.startswith("["):
        try:
            messages = msgspec.json.decode(text, type=list[Message])
            if messages:
                return tuple(Message(one.role, without_surrogates(one.content)) for one in messages)
        except (msgspec.DecodeError, UnicodeError):
            pass
    return (Message("user", without_surrogates(text)),)


def _generated_answer(record: Mapping[str, Any]) -> GeneratedAnswer | None:
    match record.get("resps"):
        case [[str() as first, *rest]] | [str() as first, *rest]:
            n_answers = 1 + len(rest)
        case _:
            return None
    prompt, target = first_prompt(record), record.get("target")
    if prompt is None:
        return None
    target = without_surrogates(target) if isinstance(target, str) else ""
    return GeneratedAnswer(parse_messages(prompt), without_surrogates(first), target, n_answers)


def _answered_sample(task: str, sample: Sample, record: Mapping[str, Any]) -> AnsweredSample:
    rated = [_text(request[1]).strip() for request in _requests(record) if _is_rating(request)]
    choices = tuple(rated) if len(rated) > 1 else ()  # one rated text is no choice
    prompt, target = first_prompt(record), record.get("target")
    references = target if isinstance(target, list) else [] if target is None else [target]
    answers = (_likeliest(choices, record.get("resps")),) if choices else _texts(record.get("resps"))
    filtered = answers if choices else _texts(record.get("filtered_resps"))
    return AnsweredSample(
        task,
        sample,
        prompt="" if prompt is None else _text(prompt),
        references=tuple(map(_text, references)),
        target=without_surrogates(str(target)),
        answers=answers,
        filtered=next(iter(filtered or answers), ""),
        choices=choices,
    )


def _requests(record: Mapping[str, Any]) -> list[list[Any]]:
    """Return the arguments of each request."""
    arguments = record.get("arguments")
    if isinstance(arguments, Mapping):
        return [list(request.values()) for request in arguments.values() if isinstance(request, Mapping)]
    listed = arguments if isinstance(arguments, list) else []
    return [request for request in listed if isinstance(request, list)]


def _is_rating(request: list[Any]) -> bool:
    """Tell requests by their second argument: a text is to be rated; an object has the options of a generation."""
    return len(request) > 1 and isinstance(request[1], str)


def _texts(responses: object) -> tuple[str, ...]:
    """Parse `[["…", …]]`, one list for each request, or `["…"]` after a filter. Anything else becomes JSON."""
    nested = isinstance(responses, list) and responses and isinstance(responses[0], list)
    texts = responses[0] if isinstance(responses, list) and nested else responses
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return tuple(without_surrogates(text) for text in texts)
    return () if responses is None else (_text(responses),)


def _likeliest(choices: tuple[str, ...], responses: object) -> str:
    ratings = [_log_likelihood(response) for response in responses] if isinstance(responses, list) else []
    if len(ratings) != len(choices):
        return ""
    return choices[max(range(len(choices)), key=ratings.__getitem__)]


def _log_likelihood(response: object) -> float:
    """Return the number in `[[-3.0, true]]`, which some releases write as text."""
    while isinstance(response, list) and response:
        response = response[0]
    try:
        return float(response) if isinstance(response, str | int | float) else -math.inf
    except ValueError:
        return -math.inf


def _text(value: object) -> str:
    return without_surrogates(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
