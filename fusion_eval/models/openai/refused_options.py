"""Recognise in an error which option of the request an endpoint refuses, in the words of many servers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fusion_eval.models.openai.options import DISPENSABLE

_REFUSES = re.compile(
    r"unsupported|not (?:be )?(?:supported|permitted|allowed|accepted|available|recognized|implemented|valid)|"
    r"(?:does|do|did|is|are|can)(?: not|n't|not) (?:support|accept|allow|take|recogni[sz]e|use)|"
    r"deprecated|removed|unknown|unrecogni[sz]ed|unexpected|extra (?:inputs|fields|forbidden)|extra_forbidden|"
    r"cannot find field|cannot (?:both )?be (?:set|used|specified)|only the default|may only be|can only be|only supports|"
    r"only \S+ is allowed|no longer|not a valid (?:parameter|field|option)|must be unset|should be omitted|remove the",
    re.IGNORECASE,
)
"""Says that an option is refused whatever its value, or for every value but the default."""
_OUT_OF_RANGE = re.compile(
    r"must be|should be|between|in the range|out of range|at (?:most|least)|(?:less|greater|larger|smaller|lower|higher) "
    r"than|too (?:large|small|high|low|long|many)|exceed|maximum|minimum",
    re.IGNORECASE,
)
"""Says that the value is wrong. To leave the option out would hide that."""
_OTHER_TOKEN_LIMIT = re.compile(r"use \W?max_completion_tokens", re.IGNORECASE)
_ONE_CHOICE = re.compile(
    r"only one (?:completion )?choice|multiple (?:choices|completions|candidates)|"
    r"""(?<![\w.-])["'`]?n["'`]?\s*(?:>|value|must|should|is|does)\s|["']n["'](?!:)|argument supplied: n\b""",
    re.IGNORECASE,
)
_OPTION = re.compile(rf"(?<![\w.-])(?:{'|'.join(DISPENSABLE)}|max_tokens)(?![\w-])", re.IGNORECASE)


def refused_option(parsed: object, text: str) -> str | None:
    """Return the option that a refusal is about, where the request can be made otherwise; else None.

    Args:
        parsed: The response's body as JSON. OpenAI names the option in `param`, FastAPI in `loc`.
        text: The server's message.
    """
    if _OTHER_TOKEN_LIMIT.search(text):
        return "max_tokens"
    named = _named_option(parsed)
    if named == "n" or (named is None and _ONE_CHOICE.search(text)):
        return "n"
    refuses = _REFUSES.search(text) or _REFUSES.search(" ".join(_strings(parsed, ("code", "type"))))
    if named in (*DISPENSABLE, "max_tokens"):
        return named if refuses or not _OUT_OF_RANGE.search(text) else None
    if not refuses:
        return None
    mentioned = _OPTION.search(text)
    return mentioned[0].lower() if mentioned else None


def _named_option(parsed: object) -> str | None:
    """Return the option that a refusal names in a field of its own."""
    for name in _strings(parsed, ("param", "loc", "field", "parameter")):
        option = name.rpartition(".")[2].strip("'\"`[]$ ")
        if option in (*DISPENSABLE, "max_tokens", "n"):
            return option
    return None


def _strings(parsed: object, fields: tuple[str, ...], depth: int = 8) -> Iterator[str]:
    """Yield the texts in fields of these names, at any place in parsed JSON."""
    if depth and isinstance(parsed, dict):
        for name, value in parsed.items():
            if name in fields:
                yield from (
                    part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str)
                )
            else:
                yield from _strings(value, fields, depth - 1)
    elif depth and isinstance(parsed, list):
        for value in parsed:
            yield from _strings(value, fields, depth - 1)
