"""Read the verdict in a judge's reply. A reply without a clear verdict is unreadable, never a tie."""

from __future__ import annotations

import html
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
_ALLOWED_AFTER = " \t\r\n*_`~.。।۔!)#$"
"""Characters that may follow the verdict. Quotation marks are not among them: a mark inside them is a quotation."""
_AFTER = re.compile(
    r"(?:<[|｜][^<>|｜\s]{1,40}[|｜]>|</?s>|<eos>|<pad>|<end_of_turn>|\[/INST\]|<br ?/?>|(?<=\n)-{3,}"
    r"|</(?:b|i|u|em|strong|p|span|div|code|center|mark|h[1-6]|answer|verdict|judge?ment|output|response)>)\Z",
    re.IGNORECASE,
)
"""What else may follow the verdict: tokens that end a turn, closing tags, a ruled line."""
_BOXED = re.compile(r"\\boxed\{\s*(?:\\text\{)?\s*(\[\[[^\[\]{}\n]*\]\])\s*\}{1,2}")
"""A mark in a LaTeX box, as models that were trained on mathematics write it."""
_LONGEST_AFTER, _MOST_AFTER = 64, 20
_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>|\[/THINK\]")
_LEAD_IN = (
    r"[^\[\]\n]{0,40}?(?:verdict|judge?ment|urteil|veredicto|veredito|verdetto|вердикт|판정|判定|裁决|判决|结论|الحكم)"
    r"[^\[\]\n]{0,40}"
)
_STATEMENT = re.compile(
    rf"^[ \t>.*_`~#$-]*(?:{_LEAD_IN})?\[\[([^\[\]\n]*)\]\](?:[ \t\r.*_`~。।۔!)#$]|</\w+>)*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that states a verdict: a mark alone, or after a short lead-in such as `My verdict:`."""
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(?:json\w*)?[ \t]*\r?\n(.*)\n[ \t]*\1", re.IGNORECASE | re.DOTALL)
_TURNED = {"A<B": "B>A", "A<<B": "B>>A", "B=A": "A=B", "B<A": "A>B", "B<<A": "A>>B"}
"""Marks that judges turn round, and what they mean. Arena-Hard counts them, too."""
_SIGNS = str.maketrans({"≫": ">>", "≪": "<<"})


def scale(steps: int) -> Mapping[str, float]:
    """Return the marks of the scale with three or five steps."""
    return THREE_STEPS if steps == 3 else FIVE_STEPS


def read_mark(reply: str, marks: Mapping[str, float]) -> str | None:
    """Return the mark in double brackets at the end of a reply, or None if the reply ends otherwise.

    Only the last line counts, since earlier lines may quote an answer (`it says [[A]]`). Two different marks on the last
    line are no verdict, and neither is a verdict that an earlier line states differently. Letters of other alphabets
    that look like ours are no marks; full-width forms are. A mark may be turned round: `[[B<A]]` is `[[A>B]]`.
    """
    answer = _THOUGHT_ENDS.split(reply)[-1]
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", answer))
    text = _BOXED.sub(r"\1", text.replace("\\[", "[").replace("\\]", "]"))
    text = _without_tokens(text, _ALLOWED_AFTER)
    earlier, _, line = text.rpartition("\n")
    matches = list(_MARK.finditer(line))
    if not matches or matches[-1].end() != len(line):
        return None
    stated = {mark for match in _STATEMENT.finditer(earlier) if (mark := _canonical(match[1], marks))}
    different = {_canonical(match[1], marks) for match in matches} | stated
    return different.pop() if len(different) == 1 else None


def read_structured(reply: str, marks: Mapping[str, float]) -> str | None:
    """Return the mark in a reply that is one JSON object with a `verdict`, or None if it is anything else.

    Endpoints that do not enforce JSON may put the object into a Markdown fence, or add a byte order mark or end tokens.
    """
    text = _THOUGHT_ENDS.split(reply)[-1].strip(" \t\r\n\ufeff")
    fenced = _FENCE.fullmatch(text) or _FENCE.fullmatch(text := _without_tokens(text, " \t\r\n"))
    try:
        # Not strict, because such endpoints also leave line breaks inside texts.
        value = json.loads(
            fenced[2] if fenced else text, object_pairs_hook=_object_without_repeated_names, strict=False
        )
    except (ValueError, RecursionError):
        return None
    verdict = value.get("verdict") if isinstance(value, dict) else None
    return _canonical(verdict, marks) if isinstance(verdict, str) else None


def _without_tokens(text: str, characters: str) -> str:
    """Remove these characters, tokens that end a turn, and closing tags from the end of a text."""
    text = text.rstrip(characters)
    for _ in range(_MOST_AFTER):
        after = _AFTER.search(text[-_LONGEST_AFTER:])
        if after is None:
            break
        text = text[: len(text) - len(after[0])].rstrip(characters)
    return text


def _canonical(text: str, marks: Mapping[str, float]) -> str | None:
    """Return the mark of the scale that a text stands for, or None. White space, emphasis and escapes do not count."""
    plain = re.sub(r"\s|\\(?=[<>=])", "", html.unescape(text)).strip("*_`").translate(_SIGNS)
    mark = _TURNED.get(plain, plain)
    return mark if mark in marks else None


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
