"""The page on recipes has a section for each, which names every value that the recipe sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_eval.recipes.reading import Recipe, load_recipe, recipe_names

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "recipes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def values_of(recipe: Recipe) -> Iterator[str]:
    """Yield each value of a recipe in the words of the page."""
    arguments = recipe.options["model_args"]
    yield recipe.options["tasks"]
    yield from (name for name in recipe.options["strategies"] if name not in ("bon", "fusion"))
    yield from arguments["model"].split("|")
    yield from (str(arguments[name]) for name in ("temperature", "max_tokens") if name in arguments)
    yield f"at temperature {arguments['fusor_temperature']}"
    if "n" in arguments:
        yield f"`n` {arguments['n']}" if "|" in arguments["model"] else f"{arguments['n']} samples"
    yield from (f"`{arguments[name]}`" for name in ("fusor_prompt",) if name in arguments)
    if "sampling" in arguments:
        yield f"sampling={arguments['sampling']}"
    if "judge" in recipe.options:
        yield recipe.options["judge"].removeprefix("openai/")
    yield from (f"`{recipe.options[name]}`" for name in ("judge_prompt", "swap") if name in recipe.options)


def test_each_recipe_has_its_section_and_no_other_has_one() -> None:
    assert sorted(SECTIONS) == recipe_names()


@pytest.mark.parametrize("name", recipe_names())
def test_a_section_names_each_value_and_what_is_not_public(name: str) -> None:
    # given
    section, recipe = SECTIONS[name], load_recipe(name)
    # then
    assert [value for value in values_of(recipe) if value not in section] == []
    assert "**Not public:**" in section
    assert "| point | published | recipe |" in section


@pytest.mark.parametrize("name", recipe_names())
def test_a_value_that_is_ours_is_called_so(name: str) -> None:
    recipe = load_recipe(name)
    ours = [option for option, source in recipe.sources.items() if source.startswith("ours")]
    assert SECTIONS[name].count("(ours)") >= len({*ours} - {"judge_prompt", "swap"})
