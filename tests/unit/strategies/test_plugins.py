"""Strategies and scorers are found by entry point, those of third parties too."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from scripted import pool_of, tools
from third_party import install

from fusion_eval import strategies
from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.strategies.plugins import STRATEGIES, load, names
from fusion_eval.strategies.specs import format_spec, load_strategy


@pytest.fixture(autouse=True)
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


def test_our_strategies_and_those_of_others_are_listed_by_name() -> None:
    assert {"fusion", "bon", "single", "lengthiest", "everything"} <= set(names(STRATEGIES))


async def test_a_plain_function_is_a_strategy() -> None:
    # when a function is loaded by its name
    strategy = load_strategy("lengthiest")
    # then it answers, and its name is its text
    assert (await strategy(pool_of("a", "abc", "ab"), tools())).text == "abc"
    assert format_spec(strategy) == "lengthiest"


async def test_a_class_is_a_strategy_with_options() -> None:
    strategy = load_strategy("everything(k=2)")
    assert (await strategy(pool_of("a", "b", "c"), tools())).text == "2 of 3"
    assert format_spec(strategy) == "everything(k=2)"


async def test_a_ready_value_is_a_strategy() -> None:
    strategy = load_strategy("ready")
    assert (await strategy(pool_of("a"), tools())).text == "ready"
    assert format_spec(strategy) == "ready"


def test_a_third_party_cannot_replace_a_name_of_ours() -> None:
    """Otherwise results named fusion would depend on the order of folders on the path."""
    assert load_strategy("fusion") == Fusion()
    assert names(STRATEGIES).count("fusion") == 1


@pytest.mark.parametrize(("name", "nearest"), [("fusoin", "fusion"), ("singel", "single"), ("bno", "bon")])
def test_an_unknown_name_is_an_error_with_the_nearest_name_and_all_names(name: str, nearest: str) -> None:
    expected = f"There is no strategy '{name}'. Did you mean '{nearest}'. Known: .*single"
    with pytest.raises(ConfigError, match=expected):
        load_strategy(name)


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_a_strategy_that_cannot_be_imported_is_an_error_with_its_reason(name: str) -> None:
    expected = rf"The strategy '{name}' \(.*no_such.*\) cannot be imported: .*no_such"
    with pytest.raises(ConfigError, match=expected):
        load(STRATEGIES, name)


def test_a_value_that_nobody_registered_goes_by_the_name_of_its_class() -> None:
    class Mine:
        pass

    assert format_spec(Mine()) == "Mine"


async def test_the_example_in_the_packages_docstring_works() -> None:
    # given the code block of the docstring
    documentation = strategies.__doc__ or ""
    block = documentation[documentation.index("    from dataclasses") : documentation.index("Its package")]
    namespace: dict[str, Any] = {}
    exec(textwrap.dedent(block), namespace)
    # when its strategy answers, with its default option and with another one
    shortest, picky = namespace["Shortest"](), namespace["Shortest"](least=9)
    # then it chooses the shortest candidate, or falls back
    assert (await shortest(pool_of("abc", "a"), tools())).chosen == 1
    assert (await picky(pool_of("a", "abc"), tools())).fallback == "every candidate is too short"
