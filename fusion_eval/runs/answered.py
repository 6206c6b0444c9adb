"""Each sample of a run with its texts: what was asked, what came back, what a filter made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fusion_eval.runs.files import find
from fusion_eval.runs.reading import Run
from fusion_eval.runs.samples import Sample, records
from fusion_eval.types import whole


@dataclass(frozen=True, slots=True)
class Answered:
    """One document of a task under one filter."""

    task: str
    sample: Sample
    prompt: str
    """As the model got it; chat messages are JSON."""
    references: tuple[str, ...]
    target: str
    """The references as the harness writes them, in one text."""
    answers: tuple[str, ...]
    """Before any filter, one per repeat. Where choices are rated, the likeliest of them."""
    filtered: str
    """What the metric saw of the first answer."""
    choices: tuple[str, ...] = ()
    """Where the model rated texts and wrote none."""


def read_answered(run: Run) -> Iterator[Answered]:
    """All samples, task by task. The run must be one of which every line could be read."""
    paths = {file.task: file.path for file in find(run.path).samples}
    for task, part in run.tasks.items():
        kept = (record for _, record in records(paths[task]) if isinstance(record, dict))
        for sample, record in zip(part.samples, kept, strict=True):
            yield _answered(task, sample, record)


def _answered(task: str, sample: Sample, record: Mapping[str, Any]) -> Answered:
    requests = _requests(record.get("arguments"))
    rated = [_text(request[1]).strip() for request in requests if _is_choice(request)]
    choices = tuple(rated) if len(rated) > 1 else ()  # one text that is rated is no choice
    target = record.get("target")
    references = target if isinstance(target, list) else [] if target is None else [target]
    answers = (_likeliest(choices, record.get("resps")),) if choices else _texts(record.get("resps"))
    filtered = answers if choices else _texts(record.get("filtered_resps"))
    return Answered(
        task,
        sample,
        prompt=_text(requests[0][0]) if requests and requests[0] else "",
        references=tuple(map(_text, references)),
        target=whole(str(target)),
        answers=answers,
        filtered=next(iter(filtered or answers), ""),
        choices=choices,
    )


def _requests(arguments: object) -> list[list[Any]]:
    """`{"gen_args_0": {"arg_0": …, "arg_1": …}, …}`, or as releases before 0.4.3 wrote it, a list of lists."""
    if isinstance(arguments, Mapping):
        return [list(request.values()) for request in arguments.values() if isinstance(request, Mapping)]
    return (
        [request for request in arguments if isinstance(request, list)] if isinstance(arguments, list) else []
    )


def _is_choice(request: list[Any]) -> bool:
    """A continuation to be rated is text; the options of a generation are an object."""
    return len(request) > 1 and isinstance(request[1], str)


def _texts(responses: object) -> tuple[str, ...]:
    """`[["…", …]]`, one list per request, or `["…"]` after a filter; anything else as JSON."""
    found = (
        responses[0]
        if isinstance(responses, list) and responses and isinstance(responses[0], list)
        else responses
    )
    if isinstance(found, list) and all(isinstance(text, str) for text in found):
        return tuple(whole(text) for text in found)
    return () if responses is None else (_text(responses),)


def _likeliest(choices: tuple[str, ...], responses: object) -> str:
    ratings = [_rating(response) for response in responses] if isinstance(responses, list) else []
    if len(ratings) != len(choices):
        return ""
    return choices[max(range(len(choices)), key=ratings.__getitem__)]


def _rating(response: object) -> float:
    """The log-likelihood in `[[-3.0, true]]`; some releases write its numbers as text."""
    while isinstance(response, list) and response:
        response = response[0]
    try:
        return float(response) if isinstance(response, str | int | float) else -math.inf
    except ValueError:
        return -math.inf


def _text(value: object) -> str:
    return whole(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
