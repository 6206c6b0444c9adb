"""Strategies and scorers by entry point, third parties' among them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.strategies import GROUP, load_strategy
from fusion_eval.strategies.fusion import fusion
from fusion_eval.strategies.plugins import load, names

CODE = """
from fusion_eval.types import Answer, Pool

async def longest(pool, tools):
    return Answer(max(pool.usable, key=lambda candidate: len(candidate.text)).text)
"""
POINTS = """[fusion_eval.strategies]
longest = third_party_of_tests:longest
broken = third_party_of_tests:no_such_name
missing = no_such_module_of_tests:x
fusion = third_party_of_tests:longest
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with strategies of its own, first on the path, installed as pip leaves it."""
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "third_party_of_tests.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "third_party_of_tests", raising=False)


def test_ours_are_found_by_name() -> None:
    assert {"fusion", "bon", "single"} <= set(names(GROUP))
    assert load_strategy("fusion") is fusion


async def test_a_third_party_adds_a_strategy_in_a_few_lines(third_party: None) -> None:
    from scripted import pool_of, tools

    assert "longest" in names(GROUP)
    answer = await load_strategy("longest")(pool_of("a", "abc", "ab"), tools())
    assert answer.text == "abc"


def test_a_third_party_cannot_take_the_name_of_one_of_ours(third_party: None) -> None:
    """Else results named fusion would depend on the order of folders on the path."""
    assert load_strategy("fusion") is fusion
    assert names(GROUP).count("fusion") == 1


@pytest.mark.parametrize(("name", "nearest"), [("fusoin", "fusion"), ("singel", "single"), ("bno", "bon")])
def test_an_unknown_name_is_told_with_the_nearest_and_all(name: str, nearest: str) -> None:
    with pytest.raises(
        ConfigError, match=f"There is no strategy '{name}'. Did you mean '{nearest}'. Known: .*single"
    ):
        load_strategy(name)


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_one_that_cannot_be_imported_says_which_and_why(third_party: None, name: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"The strategy '{name}' \(.*no_such.*\) cannot be imported: .*no_such"
    ):
        load(GROUP, "strategy", name)
