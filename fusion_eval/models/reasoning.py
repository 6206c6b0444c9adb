"""What a reasoning model thinks aloud is kept, and kept out of its answer."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think(?:ing)?>(.*?)</think(?:ing)?>", re.DOTALL)
_OPEN = re.compile(r"<think(?:ing)?>")
_CLOSE = re.compile(r"(?<!`)</think(?:ing)?>(?!`)")  # in backquotes it is talked of, not used


def split_reasoning(text: str) -> tuple[str, str]:
    """(answer, reasoning) of a reply.

    Knows a leading `<think>…</think>`, one whose opening tag the chat template has already written, and one
    that was cut off before it closed (then there is no answer yet). Tags later in a reply are the answer's own.
    """
    if "think" not in text:
        return text, ""
    lead = text.lstrip()
    if _OPEN.match(lead):
        block = _BLOCK.match(lead)
        if block is None:
            return "", _OPEN.sub("", lead, count=1).strip()
        return lead[block.end() :].lstrip(), block.group(1).strip()
    close = _CLOSE.search(text)
    if close and not _OPEN.search(text, 0, close.start()):
        return text[close.end() :].lstrip(), text[: close.start()].strip()
    return text, ""
