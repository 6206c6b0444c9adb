"""Every strategy has a short file of its own, and describes itself, its source and its deviations in short sentences."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from fusion_eval.strategies.plugins import SCORERS, STRATEGIES

PAGE = Path(__file__).parents[3] / "docs" / "strategies.md"
MOST_WORDS = 25
MOST_LINES = 119
_END = re.compile(r"(?<=[.:?!)])\s+(?=[A-Z`])|\n\s*\n|\n\s*- ")


@pytest.mark.parametrize("name", sorted({point.name for point in entry_points(group=STRATEGIES)}))
def test_a_strategy_describes_itself_in_short_sentences(name: str) -> None:
    [point] = {point for point in entry_points(group=STRATEGIES) if point.name == name}
    sentences = _END.split(inspect.getdoc(point.load()) or "")
    long = [" ".join(sentence.split()) for sentence in sentences if len(sentence.split()) > MOST_WORDS]
    assert not long


@pytest.mark.parametrize("name", sorted({point.name for point in entry_points(group=STRATEGIES)}))
def test_the_documentation_tells_every_deviation_that_a_strategy_names(name: str) -> None:
    # given the list of deviations in the docstring
    [point] = {point for point in entry_points(group=STRATEGIES) if point.name == name}
    described = re.search(
        r"^(?:Deviations|Our own choices).*?:\n\n(.*?)(?:\n\n|\Z)",
        inspect.getdoc(point.load()) or "",
        re.M | re.S,
    )
    deviations = (
        [" ".join(one.split()) for one in described[1].removeprefix("- ").split("\n- ")] if described else []
    )
    # when the page says for all strategies that prompts are in our words
    page = " ".join(PAGE.read_text("utf-8").split())
    own = [one for one in deviations if not one.endswith("in our words.")]
    # then
    assert [one for one in own if one not in page] == []


def test_each_strategy_and_scorer_has_a_file_of_its_own_under_120_lines() -> None:
    kinds = [point.load() for group in (STRATEGIES, SCORERS) for point in entry_points(group=group)]
    files = Counter(inspect.getfile(kind) for kind in set(kinds))
    assert set(files.values()) == {1}
    assert not [file for file in files if len(Path(file).read_text("utf-8").splitlines()) > MOST_LINES]
