"""Read the verdict in a judge's reply. A reply without a clear verdict is unreadable, never a tie."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence

import msgspec

THREE_STEPS: Mapping[str, float] = {"A": 1.0, "C": 0.5, "B": 0.0}
"""The marks of MT-Bench (Zheng et al. 2023, arXiv 2306.05685), with their worth to the answer shown first."""
FIVE_STEPS: Mapping[str, float] = {"A>>B": 1.0, "A>B": 0.75, "A=B": 0.5, "B>A": 0.25, "B>>A": 0.0}
"""The marks of Arena-Hard (Li et al. 2024, arXiv 2406.11939), with their worth to the answer shown first."""

_MARK = re.compile(r"(?<!\[)\[\[([^\[\]]*)\]\](?!\])")
_ALLOWED_AFTER = " \t\r\n*_`~.。!)"
"""Characters that may follow the verdict. Quotation marks are not among them: a mark inside them is a quotation."""
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)


def scale(steps: int) -> Mapping[str, float]:
    """Return the marks of the scale with three or five steps."""
    return THREE_STEPS if steps == 3 else FIVE_STEPS


def read_mark(reply: str, marks: Mapping[str, float]) -> str | None:
    """Return the mark in double brackets at the end of a reply, or None if the reply ends otherwise.

    Only the last line counts, since earlier lines may quote an answer (`it says [[A]]`). Two different marks on the last
    line are no verdict. Letters of other alphabets that look like ours are no marks; full-width forms are.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", reply)).rstrip(_ALLOWED_AFTER)
    line = text.rsplit("\n", 1)[-1]
    matches = list(_MARK.finditer(line))
    if not matches or matches[-1].end() != len(line):
        return None
    different = {re.sub(r"\s", "", match[1]) for match in matches}
    mark = different.pop()
    return mark if not different and mark in marks else None


def read_structured(reply: str, marks: Mapping[str, float]) -> str | None:
    """Return the mark in a reply that is one JSON object with a `verdict`, or None if it is anything else."""
    try:
        value = json.loads(reply, object_pairs_hook=_object_without_repeated_names)
    except (ValueError, RecursionError):
        return None
    verdict = value.get("verdict") if isinstance(value, dict) else None
    return verdict if isinstance(verdict, str) and verdict in marks else None


def _object_without_repeated_names(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Of two verdicts in one object, `json` alone would keep the last."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name occurs twice")
    return value


def response_format(marks: Mapping[str, float]) -> msgspec.Raw:
    """Return the `response_format` that makes an OpenAI-compatible endpoint reply with such an object."""
    # The reason comes first, so that the model writes it before the verdict.
    properties = {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": list(marks)}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    wrapped = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}
    return msgspec.Raw(msgspec.json.encode(wrapped))
