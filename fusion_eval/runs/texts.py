"""The texts of a run: what was asked, what was answered. Read where a judge needs them, as they are most of its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fusion_eval.runs.files import find
from fusion_eval.runs.reading import Run
from fusion_eval.runs.samples import records
from fusion_eval.types import Message, whole


@dataclass(frozen=True, slots=True)
class Text:
    """One document: the prompt as the model got it, the answer before any filter, the target."""

    prompt: tuple[Message, ...]
    answer: str
    target: str
    answers: int
    """How many the run has of this document; `answer` is the first."""


def read_texts(run: Run) -> dict[tuple[str, int], Text]:
    """By task and doc_id. Samples that hold no single text, as those of multiple choice, are not among them."""
    texts: dict[tuple[str, int], Text] = {}
    for file in find(run.path).samples:
        for _, record in records(file.path):
            if isinstance(record, dict) and isinstance(doc_id := record.get("doc_id"), int):
                text = _text(record)
                if text:
                    texts.setdefault((file.task, doc_id), text)
    return texts


def _text(record: Mapping[str, Any]) -> Text | None:
    match record.get("resps"):
        case [[str() as first, *rest]] | [str() as first, *rest]:
            answers = [first, *rest]
        case _:
            return None
    match record.get("arguments"):
        case {"gen_args_0": {"arg_0": asked}} | [[asked, *_], *_]:
            target = record.get("target")
            said = whole(target) if isinstance(target, str) else ""
            return Text(turns(asked), whole(answers[0]), said, len(answers))
    return None


def turns(asked: object) -> tuple[Message, ...]:
    """A prompt in the sample file: messages as JSON, as chat models are asked with, or plain text."""
    text = asked if isinstance(asked, str) else msgspec.json.encode(asked).decode()
    if text.startswith("["):
        try:
            return tuple(
                Message(turn.role, whole(turn.content))
                for turn in msgspec.json.decode(text, type=list[Message])
            )
        except (msgspec.DecodeError, UnicodeError):
            pass
    return (Message("user", whole(text)),)
