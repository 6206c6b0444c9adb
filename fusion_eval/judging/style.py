"""Length and Markdown of answers, as differences that a judge may have a taste for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.judging.verdicts import Pair

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_COUNTED = {
    "headers": re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
    "list items": re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s", re.MULTILINE),
}
FEATURES = ("length", *_COUNTED)


def style(answer: str) -> list[int]:
    """Characters (words mean nothing in Chinese and Japanese), headers, bold parts, list items; marks in code are none."""
    prose = _CODE.sub("", answer)
    return [len(answer), *(len(pattern.findall(prose)) for pattern in _COUNTED.values())]


def style_differences(pairs: Sequence[Pair]) -> list[list[float]]:
    """(pairs, features): candidate - baseline over their sum, from -1 to 1, as Chatbot Arena's style control has it."""
    return [
        [(b - a) / (a + b) if a + b else 0.0 for a, b in zip(*map(style, pair.answers), strict=True)]
        for pair in pairs
    ]
