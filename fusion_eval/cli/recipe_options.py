"""`fusion-eval run --recipe NAME`: take options from a recipe, unless the command line names them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fusion_eval.cli import options as shared

if TYPE_CHECKING:
    from fusion_eval.recipes.reading import Recipe

_MERGED = ("model_args", "judge_args")
"""Options that are lists of arguments: each argument of the command line replaces the recipe's alone."""


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a recipe."""
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="settings of a published experiment: paper/arena, paper/wmt, paper/mgsm, paper/teachers or "
        "openrouter/draco-like, or a YAML file; other options override it",
    )
    parser.add_argument(
        "--no_apply_chat_template",
        dest="apply_chat_template",
        action="store_false",
        default=argparse.SUPPRESS,  # the default is that of --apply_chat_template
        help="send prompts as plain text, whatever the recipe says",
    )


def apply_recipe(options: argparse.Namespace) -> Recipe | None:
    """Set the options that the recipe names and the command line does not, and note what is not public.

    Raises:
        ConfigError: There is no such recipe.
    """
    if options.recipe is None:
        return None
    from fusion_eval.recipes.reading import load_recipe  # every command would pay for YAML

    recipe = load_recipe(options.recipe)
    for name, value in recipe.options.items():
        if name in _MERGED:
            setattr(options, name, _merged(value, getattr(options, name), f"--{name}"))
        elif not _is_named(name, options.command_line):
            setattr(options, name, ",".join(value) if isinstance(value, list) else value)
    shared.note(f"recipe {recipe.name}: {recipe.title}")
    for sentence in recipe.not_public:
        shared.note(f"not public: {sentence}")
    return recipe


def show_next_steps(recipe: Recipe | None, output: object) -> None:
    """Print the commands that complete the experiment."""
    for command in recipe.then if recipe else ():
        print(f"next: {command.replace('OUT', str(output))}")


def _is_named(name: str, words: tuple[str, ...]) -> bool:
    forms = (f"--{name}", f"--no_{name}")
    return any(word.partition("=")[0] in forms for word in words)


def _merged(values: Mapping[str, Any], text: str, option: str) -> str:
    """Return a recipe's arguments and those of the command line as one text. `name=` takes a recipe's argument away."""
    given = shared.read_model_args(text, option)
    taken_away = {name for name, value in given.items() if value == "" and name in values}
    merged = {**values, **given}
    return ",".join(
        f"{name}={_as_text(value)}"
        for name, value in merged.items()
        if name not in taken_away and value is not None
    )


def _as_text(value: Any) -> str:
    """Return a value as a command line has it: `true`, or several as `a|b`."""
    if isinstance(value, list):
        return "|".join(map(_as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
