"""Read recipes: the options of a run, the sources that they come from, and what the sources do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.text.parse_errors import why_unreadable

_FOLDER = Path(__file__).parent
OPTIONS = (
    *("tasks", "strategies", "model_args", "limit", "apply_chat_template", "num_fewshot"),
    *("judge", "judge_base_url", "judge_args", "judge_prompt", "swap"),
)
"""The options of `fusion-eval run` that a recipe can set."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe.

    Args:
        name: Its name, such as `paper/arena`.
        title: What it repeats, in one sentence.
        options: The options of `fusion-eval run` that it sets.
        sources: For each option or argument, where its value is published, or why it is ours.
        not_public: What nobody can repeat, because it is not published.
        then: Commands that complete the experiment after the run.
    """

    name: str
    title: str
    options: Mapping[str, Any]
    sources: Mapping[str, str]
    not_public: tuple[str, ...] = ()
    then: tuple[str, ...] = ()


def recipe_names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(file.relative_to(_FOLDER).with_suffix("").as_posix() for file in _FOLDER.rglob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """Return the recipe of a name.

    Args:
        name: One of `recipe_names`, or the path of a YAML file of the same form.

    Raises:
        ConfigError: There is no such recipe, or the file is none.
    """
    own = name in recipe_names()
    path = _FOLDER / f"{name}.yaml" if own else Path(name)
    if not own and not (path.suffix in (".yaml", ".yml") and path.is_file()):
        raise ConfigError(
            f"There is no recipe '{name}'.{nearest(name, recipe_names())} Known: {', '.join(recipe_names())}"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"The recipe {path} cannot be read: {why_unreadable(error)}") from error
    if not isinstance(content, dict) or not isinstance(content.get("options"), dict):
        raise ConfigError(f"The recipe {path} has no mapping 'options'")
    for option in content["options"]:
        if option not in OPTIONS:
            raise ConfigError(
                f"The recipe {path} sets '{option}'.{nearest(str(option), OPTIONS)} It can set {', '.join(OPTIONS)}"
            )
    _check_values(path, content)
    return Recipe(
        name=name,
        title=str(content.get("title", name)),
        options=content["options"],
        sources={str(key): str(value) for key, value in (content.get("sources") or {}).items()},
        not_public=tuple(map(str, content.get("not_public") or ())),
        then=tuple(map(str, content.get("then") or ())),
    )


def _check_values(path: Path, content: Mapping[str, Any]) -> None:
    """Raise a ConfigError for a part of a recipe that has another form than it needs."""
    options = content["options"]
    mappings = {f"options: {name}": options.get(name) for name in ("model_args", "judge_args")}
    for name, value in {**mappings, "sources": content.get("sources")}.items():
        if not isinstance(value, dict | None):
            raise ConfigError(f"The recipe {path} needs a mapping of names to values at '{name}'")
    for name in ("not_public", "then"):
        if not isinstance(content.get(name), list | None):
            raise ConfigError(f"The recipe {path} needs a list of texts at '{name}'")
    for name, value in options.items():
        items = value if isinstance(value, list) else [] if name in ("model_args", "judge_args") else [value]
        kind = (int, float) if name in ("limit", "num_fewshot") else (str, bool)
        if not all(isinstance(item, kind) for item in items):
            raise ConfigError(
                f"The recipe {path} sets '{name}' to {str(value)[:60]!r}, which is none of its values"
            )
