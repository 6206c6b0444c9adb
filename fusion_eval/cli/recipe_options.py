"""`fusion-eval run --recipe NAME`: take options from a recipe, unless the command line names them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.recipes.reading import Recipe, load_recipe

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


def apply_recipe(options: argparse.Namespace) -> Recipe | None:
    """Set the options that the recipe names and the command line does not, and note what is not public.

    Raises:
        ConfigError: There is no such recipe.
    """
    if options.recipe is None:
        return None
    recipe = load_recipe(options.recipe)
    for name, value in recipe.options.items():
        if name in _MERGED:
            given = shared.read_model_args(getattr(options, name), f"--{name}")
            setattr(options, name, _as_arguments({**value, **given}))
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
    return any(word == f"--{name}" or word.startswith(f"--{name}=") for word in words)


def _as_arguments(values: Mapping[str, Any]) -> str:
    """Return arguments as a command line has them."""
    return ",".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in values.items()
    )
