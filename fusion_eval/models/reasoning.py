"""Separate what a reasoning model thinks aloud from its answer."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think(?:ing)?>(.*?)</think(?:ing)?>", re.DOTALL)
_OPEN = re.compile(r"<think(?:ing)?>")
_CLOSE = re.compile(r"(?<!`)</think(?:ing)?>(?!`)")  # a tag in backquotes is mentioned, not used


def split_reasoning(text: str) -> tuple[str, str]:
    """Split a reply into answer and reasoning.

    The function knows three forms: a leading `<think>…</think>`; a block whose opening tag the chat template has
    already written; and a block that was cut off before it closed, so that there is no answer yet. Tags later in a
    reply belong to the answer.

    Returns:
        The answer and the reasoning; both may be empty.
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
