"""Requests and replies as rows of `ray.data.llm`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fusion_eval.errors import RequestError
from fusion_eval.types import ALTERNATIVES, Prompt, Sampling

ERROR = "__inference_error__"
"""The column in which `ray.data.llm` says why a row has no answer; empty for one that has."""
_KEPT = ("place", "generated_text", "num_input_tokens", "num_generated_tokens")
"""The columns of a reply. Rows with an error have them, too."""


class Reply(NamedTuple):
    """The reply to the request at one place of a batch."""

    place: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    error: str


def request_row(prompt: Prompt, sampling: Sampling, seed: int, *, chat: bool) -> dict[str, Any]:
    """Return a request in the columns that the processor's first stage reads.

    All rows have the same columns and the same sampling parameters, because one Arrow table holds them.

    Raises:
        RequestError: vLLM gets no such option from here.
    """
    options = dict(sampling.extra)
    min_p = options.pop("min_p", None)
    options.pop(ALTERNATIVES, None)
    if options:
        raise RequestError(f"vLLM in the cluster takes no option {', '.join(sorted(options))}")
    parameters = {
        "max_tokens": sampling.max_tokens,
        "temperature": float(sampling.temperature),
        "top_p": 1.0 if sampling.top_p is None else float(sampling.top_p),
        "min_p": float(min_p) if isinstance(min_p, int | float) else 0.0,
        "seed": seed,
        "stop": [stop for stop in sampling.stop if stop] or None,
    }
    if not chat:
        return {"prompt": prompt.text, "sampling_params": parameters}
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    return {
        "messages": turns or [{"role": "user", "content": prompt.text}],
        "sampling_params": parameters,
    }


def kept_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an answered row that a reply is read from. It runs in the cluster."""
    return {name: row[name] for name in _KEPT}


def reply_of(row: Mapping[str, Any]) -> Reply:
    """Return a row that comes out of the processor as a reply."""
    place, text, read, written = (row[name] for name in _KEPT)
    return Reply(int(place), str(text or ""), int(read or 0), int(written or 0), str(row.get(ERROR) or ""))
