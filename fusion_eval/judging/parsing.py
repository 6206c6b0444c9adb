"""What a judge's reply says, read strictly: a verdict that is not clearly there is missing, never a tie."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence

import msgspec

THREE: Mapping[str, float] = {"A": 1.0, "C": 0.5, "B": 0.0}
"""MT-Bench's marks (Zheng et al. 2023, arXiv 2306.05685): what each is worth to the answer shown first."""
FIVE: Mapping[str, float] = {"A>>B": 1.0, "A>B": 0.75, "A=B": 0.5, "B>A": 0.25, "B>>A": 0.0}
"""Arena-Hard's scale (Li et al. 2024, arXiv 2406.11939)."""

_MARK = re.compile(r"(?<!\[)\[\[([^\[\]]*)\]\](?!\])")
_AFTER = " \t\r\n*_`~.。!)"
"""What may stand after the verdict: white space, emphasis, the end of a sentence. A mark in quotation marks is a quotation."""
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)


def scale(steps: int) -> Mapping[str, float]:
    """The marks of the scale of three or five steps."""
    return THREE if steps == 3 else FIVE


def read_mark(reply: str, marks: Mapping[str, float]) -> str | None:
    """The mark in double brackets that the reply ends with; None where it does not end with one of `marks`.

    Brackets before the last line may quote an answer (`it says [[A]]`). Two different marks in the last line are no
    verdict, nor is a letter of another alphabet that looks like one of ours. Full-width forms and spaces are the same.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", reply)).rstrip(_AFTER)
    line = text.rsplit("\n", 1)[-1]
    found = list(_MARK.finditer(line))
    if not found or found[-1].end() != len(line):
        return None
    said = {re.sub(r"\s", "", mark[1]) for mark in found}
    mark = said.pop()
    return mark if not said and mark in marks else None


def read_structured(reply: str, marks: Mapping[str, float]) -> str | None:
    """The mark in a reply that is one JSON object, as the schema below asks for it, and nothing else."""
    try:
        found = json.loads(reply, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    verdict = found.get("verdict") if isinstance(found, dict) else None
    return verdict if isinstance(verdict, str) and verdict in marks else None


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object without repeated names: of two verdicts JSON would keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def response_format(marks: Mapping[str, float]) -> msgspec.Raw:
    """The option of OpenAI-compatible endpoints that has them write such an object: the reason first."""
    properties = {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": list(marks)}}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    wrapped = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}
    return msgspec.Raw(msgspec.json.encode(wrapped))
