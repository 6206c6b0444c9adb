"""The columns of the Parquet files, and rows in their form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fusion_eval.synth.job import Format
from fusion_eval.synth.pairs import Pair
from fusion_eval.synth.rows import Failure, Row
from fusion_eval.types import Prompt

if TYPE_CHECKING:
    import pyarrow as pa

_MESSAGE = {"role": "string", "content": "string"}
_CANDIDATE = {
    "model": "string",
    "text": "string",
    "score": "float64",
    "seed": "int64",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "finish_reason": "string",
    "cost": "float64",
    "error": "string",
}
_ORIGIN = {"id": "string", "index": "int64", "language": "string", "strategy": "string"}
_PROVENANCE = {
    "signature": "string",
    "chosen_candidate": "int64",
    "score": "float64",
    "fusor": "string",
    "fallback": "string",
    "departures": ["string"],
    "finish_reason": "string",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "cost": "float64",
    "pool_cost": "float64",
    "candidates": [_CANDIDATE],
}


def row_schema(form: Format) -> pa.Schema:
    """Return the columns of a data set's rows.

    Besides the training text, no column has a name that TRL knows (`prompt`, `completion`, `messages`, `chosen`, `rejected`):
    it looks at any one of them to tell chats from texts.
    """
    text = {"messages": [_MESSAGE]} if form == "messages" else {"prompt": "string", "completion": "string"}
    return _schema({**text, **_ORIGIN, **_PROVENANCE})


def pair_schema(form: Format) -> pa.Schema:
    """Return the columns of the pairs."""
    text: object = [_MESSAGE] if form == "messages" else "string"
    return _schema(
        {
            "prompt": text,
            "chosen": text,
            "rejected": text,
            "kind": "string",
            "gap": "float64",
            "chosen_model": "string",
            "rejected_model": "string",
            **_ORIGIN,
        }
    )


def failure_schema() -> pa.Schema:
    """Return the columns of `failed.parquet`."""
    return _schema(
        {
            **_ORIGIN,
            "reason": "string",
            "error": "string",
            "prompt": [_MESSAGE],
            "completion": "string",
            "prompt_tokens": "int64",
            "completion_tokens": "int64",
            "cost": "float64",
            "pool_cost": "float64",
        }
    )


def row_record(row: Row, form: Format) -> dict[str, Any]:
    """Return a row by column."""
    text: dict[str, Any] = {"prompt": plain_prompt(row.prompt), "completion": row.completion}
    if form == "messages":
        text = {"messages": [*_turns(row.prompt), *_answer(row.completion)]}
    values = {name: getattr(row, name) for name in _PROVENANCE if name not in ("candidates", "departures")}
    return {
        **text,
        **_origin(row),
        **values,
        "departures": list(row.departures),
        "candidates": [msgspec.to_builtins(candidate) for candidate in row.candidates],
    }


def pair_record(row: Row, pair: Pair, form: Format) -> dict[str, Any]:
    """Return a pair by column."""
    chat = form == "messages"
    return {
        "prompt": _turns(row.prompt) if chat else plain_prompt(row.prompt),
        "chosen": _answer(pair.chosen) if chat else pair.chosen,
        "rejected": _answer(pair.rejected) if chat else pair.rejected,
        "kind": pair.kind,
        "gap": pair.gap,
        "chosen_model": pair.chosen_model,
        "rejected_model": pair.rejected_model,
        **_origin(row),
    }


def failure_record(failure: Failure) -> dict[str, Any]:
    """Return a failure by column."""
    names = ("reason", "error", "completion", "prompt_tokens", "completion_tokens", "cost", "pool_cost")
    return {
        **_origin(failure),
        **{name: getattr(failure, name) for name in names},
        "prompt": _turns(failure.prompt),
    }


def _origin(result: Row | Failure) -> dict[str, Any]:
    return {name: getattr(result, name) for name in _ORIGIN}


def plain_prompt(prompt: Prompt) -> str | None:
    """Return a prompt as one text; None for a chat that is more than one turn of a user."""
    if not prompt.messages:
        return prompt.text
    [first, *others] = prompt.messages
    return None if others or first.role != "user" else first.content


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _turns(prompt: Prompt) -> list[dict[str, str]]:
    if not prompt.messages:
        return [{"role": "user", "content": prompt.text}]
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


def _schema(columns: Mapping[str, Any]) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(name, _type(kind)) for name, kind in columns.items()])


def _type(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_type(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([(name, _type(inner)) for name, inner in kind.items()])
    return pa.type_for_alias(kind)
