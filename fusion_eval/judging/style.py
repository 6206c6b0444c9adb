"""Measure the length and Markdown of answers, which a judge may prefer for their own sake."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.judging.pair_verdicts import AnswerPair

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKDOWN = {
    "headers": re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
    "list items": re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s", re.MULTILINE),
}
FEATURES = ("length", *_MARKDOWN)


def style(answer: str) -> list[int]:
    """Return a count for each of `FEATURES`.

    Length is in characters, since Chinese and Japanese have no spaces between words. Markdown inside code is not counted.
    """
    prose = _CODE.sub("", answer)
    return [len(answer), *(len(pattern.findall(prose)) for pattern in _MARKDOWN.values())]


def style_differences(pairs: Sequence[AnswerPair]) -> list[list[float]]:
    """Return (candidate - baseline) / (candidate + baseline) for each pair and feature, from -1 to 1.

    This is the form that Chatbot Arena's style control uses.
    """
    return [
        [(b - a) / (a + b) if a + b else 0.0 for a, b in zip(*map(style, pair.answers), strict=True)]
        for pair in pairs
    ]
