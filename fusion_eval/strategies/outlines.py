"""Fill in shipped prompts without Jinja: it writes the text around the request and the candidates once, not each time.

Every pool that is fused comes here, and Jinja takes as long for one prompt as a whole HTTP request does.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.errors import ConfigError
from fusion_eval.text.templates import Template, fill

_MARK = re.compile("\0([0-9]+)\0")


@dataclass(frozen=True, slots=True)
class Outline:
    """What a template writes around the texts that it shows."""

    parts: tuple[str, ...]
    """The template's own text, in pieces. Every second piece stands for one of the texts."""
    shown: tuple[int, ...]
    """The numbers of those texts."""

    def fill(self, texts: Sequence[str]) -> str:
        """Return what the template writes about these texts."""
        parts = list(self.parts)
        parts[1::2] = [texts[number] for number in self.shown]
        return "".join(parts)


@functools.lru_cache(maxsize=256)
def outline_of(
    template: Template, roles: tuple[str, ...], candidates: int, language: str, fence: str
) -> Outline | None:
    """Return the outline of a shipped template; None for a template that does more than show its texts.

    Args:
        template: The template.
        roles: The roles of the request's turns. Their texts are numbered from 0.
        candidates: How many candidates the template shows. Their numbers follow.
        language: The name of the answer's language, or an empty text.
        fence: The mark around untrusted text.
    """
    # A user's template may do with a text what `_Shown` does not notice. A role with a NUL could look like a mark.
    if not template.trusted or "\0" in "".join(roles):
        return None
    turns = [{"role": role, "content": _Shown(number)} for number, role in enumerate(roles)]
    texts = [_Shown(len(roles) + number) for number in range(candidates)]
    values = {"turns": turns, "candidates": texts, "language": language, "fence": fence, "analysis": ""}
    try:
        parts = _MARK.split(fill(template, values))
    except ConfigError:
        return None
    return Outline(tuple(parts), tuple(map(int, parts[1::2])))


class _Shown:
    """Stands for a text that a template may show as it is.

    What depends on the text fails: a condition, a comparison, a length, a slice, `indent`. Filters that turn the text into
    a string first, such as `upper`, do not. A test compares each shipped prompt with what Jinja writes.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def __str__(self) -> str:
        return f"\0{self._number}\0"

    def __bool__(self) -> bool:
        raise TypeError("what the template writes depends on a text")

    def __eq__(self, other: object) -> bool:
        raise TypeError("what the template writes depends on a text")
