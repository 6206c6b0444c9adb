"""Recipes set the options of a run, name their sources, and give way to the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.cli.main import main
from fusion_eval.cli.parser import build_parser
from fusion_eval.cli.recipe_options import apply_recipe
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.prices import listed_price
from fusion_eval.recipes.reading import load_recipe, recipe_names
from fusion_eval.strategies.specs import read_strategies

ROOT = Path(__file__).resolve().parents[3]


def options_of(*words: str) -> object:
    options = build_parser().parse_args(["run", *words])
    options.command_line = ("fusion-eval", "run", *words)
    return options


def test_the_recipes_are_those_that_the_documentation_lists() -> None:
    expected = ["openrouter/draco-like", "paper/arena", "paper/mgsm", "paper/teachers", "paper/wmt"]
    assert recipe_names() == expected
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in expected)


@pytest.mark.parametrize("name", recipe_names())
def test_each_recipe_is_valid_and_names_the_source_of_each_value(name: str) -> None:
    recipe = load_recipe(name)
    arguments = parse(recipe.options["model_args"])
    assert read_strategies(recipe.options["strategies"])
    assert arguments.fusor
    named = {*recipe.options, *recipe.options["model_args"]} - {"model_args", "apply_chat_template"}
    assert named <= recipe.sources.keys()
    assert recipe.not_public


def test_the_pool_of_teachers_has_one_candidate_of_each_at_the_published_temperature() -> None:
    arguments = parse(load_recipe("paper/teachers").options["model_args"])
    assert (arguments.n, arguments.candidate_temperatures) == (5, (0.3,))


def test_the_command_line_overrides_single_fields(capsys: pytest.CaptureFixture[str]) -> None:
    options = options_of("--recipe", "paper/arena", "--tasks", "fusion_demo", "--model_args", "n=3,cache=off")
    apply_recipe(options)
    arguments = dict(part.split("=") for part in options.model_args.split(","))
    assert options.tasks == "fusion_demo"
    assert options.strategies == "single,bon,fusion"
    assert options.judge == "openai/gpt-4o-2024-05-13"
    assert (arguments["n"], arguments["temperature"], arguments["cache"]) == ("3", "0.7", "off")
    assert "not public: the reward model" in capsys.readouterr().err


def test_an_unknown_recipe_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--recipe", "paper/arana", "--dry_run"]) == 2
    assert "There is no recipe 'paper/arana'. Did you mean 'paper/arena'?" in capsys.readouterr().err


def test_a_recipe_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("options: {tasks: fusion_demo, model_args: {n: 4}}")
    assert load_recipe(str(path)).options["model_args"] == {"n": 4}
    path.write_text("options: {taks: fusion_demo}")
    with pytest.raises(ConfigError, match="Did you mean 'tasks'"):
        load_recipe(str(path))


@pytest.mark.slow  # it imports litellm
@pytest.mark.parametrize("name", recipe_names())
def test_the_price_of_each_model_is_known_for_a_dry_run(name: str) -> None:
    arguments = parse(load_recipe(name).options["model_args"])
    unknown = [model for model in (*arguments.model, arguments.fusor or "") if listed_price(model) is None]
    assert not unknown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("options: {model_args: foo}", "a mapping of names to values at 'options: model_args'"),
        ("options: {tasks: [1]}", "sets 'tasks' to"),
        ("options: {limit: ten}", "sets 'limit' to 'ten'"),
        ("options: {tasks: fusion_demo}\nsources: [a]", "a mapping of names to values at 'sources'"),
        ("options: {tasks: fusion_demo}\nthen: a", "a list of texts at 'then'"),
    ],
)
def test_a_recipe_of_another_form_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    assert main(["run", "--recipe", str(path), "--dry_run"]) == 2
    assert message in capsys.readouterr().err


def arguments_after(recipe: str, text: str) -> dict[str, str]:
    """Return the model arguments of a recipe after those of the command line."""
    options = options_of("--recipe", recipe, "--model_args", text)
    apply_recipe(options)
    return dict(part.split("=", 1) for part in options.model_args.split(","))


def test_an_argument_without_a_value_takes_the_recipes_away() -> None:
    taken = arguments_after("paper/teachers", "sampling=,n=3,max_tokens=")
    assert "sampling" not in taken and "max_tokens" not in taken
    assert taken["n"] == "3"


@pytest.mark.parametrize("name", recipe_names())
def test_every_field_can_be_overridden(name: str) -> None:
    # given
    words = {
        "tasks": "fusion_demo",
        "strategies": "single",
        "judge": "",
        "judge_prompt": "translation",
        "swap": "random",
    }
    recipe = load_recipe(name)
    named = {option: words[option] for option in recipe.options if option in words}
    changed = dict.fromkeys(recipe.options["model_args"], "7")
    # when
    options = options_of(
        "--recipe",
        name,
        *(word for option, value in named.items() for word in (f"--{option}", value)),
        "--model_args",
        ",".join(f"{argument}={value}" for argument, value in changed.items()),
        "--no_apply_chat_template",
    )
    apply_recipe(options)
    # then
    assert {option: getattr(options, option) for option in named} == named
    assert dict(part.split("=") for part in options.model_args.split(",")) == changed
    assert options.apply_chat_template is False
    assert {*recipe.options} - {*named} == {"model_args", "apply_chat_template"}


def test_a_list_in_a_recipe_is_several_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "options: {model_args: {model: [a, b], temperature: [0.2, 0.9], completion: true, top_p: null}}"
    )
    assert arguments_after(str(path), "n=4") == {
        "model": "a|b",
        "temperature": "0.2|0.9",
        "completion": "true",
        "n": "4",
    }
