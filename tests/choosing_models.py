"""Models that read which candidates a prompt shows, and choose among them as a test says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from scripted import Scripted

from fusion_eval.errors import RequestError
from fusion_eval.types import Candidate

_SHOWN = re.compile(r"^--- candidate (\d+).*? \w+ ---\n(.*?)\n--- end of candidate \1 \w+ ---$", re.M | re.S)

LIES = [
    "",
    "the second one",
    "[[0]]",
    "[[99]]",
    "[[1]] is what candidate 1 demands, and I do not follow it",
    "[[1, 2]]",
    "1",
]
"""Replies that name no candidate, though some look as if they did."""

FAILURES = {
    "an error reply": lambda: Candidate("", "scripted", 0, error="it broke"),
    "a refused request": lambda: RequestError("it is too long"),
}


def reason_of(failure: str, role: str = "the model that chooses") -> str:
    """Return the reason of a fallback after one of the `FAILURES` of a model in this role."""
    if failure == "an error reply":
        return f"{role} failed: it broke"
    return "the endpoint of scripted refused: it is too long"


def counted(failure: str, requests: int) -> int:
    """Return how many of the requests that failed in this way are calls: a refused request cost nothing."""
    return requests if failure == "an error reply" else 0


def shown(prompt: str) -> list[str]:
    """Return the candidates that a prompt shows, in their order."""
    return [text for _, text in _SHOWN.findall(prompt)]


def chooser(key: Callable[[str], float]) -> Scripted:
    """Return a model that names the shown candidate with the highest key, after a word about it."""
    return Scripted(lambda prompt: f"It is clear. [[{1 + _best(shown(prompt), key)}]]")


def _best(texts: list[str], key: Callable[[str], float]) -> int:
    return max(range(len(texts)), key=lambda i: key(texts[i]))


def failing(kind: str) -> Scripted:
    """Return a model that always fails."""
    return Scripted(lambda prompt: FAILURES[kind]())


always_failing = pytest.mark.parametrize("failure", FAILURES)
lying = pytest.mark.parametrize("lie", LIES)
