"""What a judge's reply says, read strictly: a verdict that is not clearly there is missing, never a tie."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import msgspec

THREE: Mapping[str, float] = {"A": 1.0, "C": 0.5, "B": 0.0}
"""MT-Bench's marks (Zheng et al. 2023, arXiv 2306.05685): what each is worth to the answer shown first."""
FIVE: Mapping[str, float] = {"A>>B": 1.0, "A>B": 0.75, "A=B": 0.5, "B>A": 0.25, "B>>A": 0.0}
"""Arena-Hard's scale (Li et al. 2024, arXiv 2406.11939)."""

_MARK = re.compile(r"\[\[\s*([^\[\]]{1,8}?)\s*\]\]")
_AFTER = " \t\r\n*_`~\"'.。．!！)）"
"""What may stand after the verdict: white space, emphasis, the end of a sentence."""
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
    if not text.endswith("]]"):
        return None
    found = [re.sub(r"\s", "", mark) for mark in _MARK.findall(text.rsplit("\n", 1)[-1])]
    return found[-1] if len(set(found)) == 1 and found[-1] in marks else None


class Structured(msgspec.Struct):
    """A reply in JSON, as the schema below asks for it."""

    verdict: str
    reason: str = ""


def read_structured(reply: str, marks: Mapping[str, float]) -> str | None:
    """The mark in a reply that is one JSON object and nothing else."""
    try:
        verdict = msgspec.json.decode(reply.strip(), type=Structured).verdict
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return verdict if verdict in marks else None


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
