"""Every strategy describes itself, its source and its deviations in short sentences."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import entry_points

import pytest

from fusion_eval.strategies.plugins import STRATEGIES

MOST_WORDS = 25
_END = re.compile(r"(?<=[.:?!)])\s+(?=[A-Z`])|\n\s*\n|\n\s*- ")


@pytest.mark.parametrize("name", sorted({point.name for point in entry_points(group=STRATEGIES)}))
def test_a_strategy_describes_itself_in_short_sentences(name: str) -> None:
    [point] = {point for point in entry_points(group=STRATEGIES) if point.name == name}
    sentences = _END.split(inspect.getdoc(point.load()) or "")
    long = [" ".join(sentence.split()) for sentence in sentences if len(sentence.split()) > MOST_WORDS]
    assert not long
