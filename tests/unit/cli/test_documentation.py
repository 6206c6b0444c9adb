"""Names, options and commands in README.md and docs/ are those of the code."""

from __future__ import annotations

import re
import shlex

import pytest
from markdown_blocks import PAGES, ROOT, Block, blocks, shows

from fusion_eval.cli.parser import Parser, build_parser, with_underscores
from fusion_eval.harness.tasks.listing import list_groups
from fusion_eval.model_arguments import ARGUMENT_NAMES
from fusion_eval.model_arguments.parsing import STRATEGY_ARGS
from fusion_eval.strategies import plugins
from fusion_eval.strategies.fusor_prompt import FUSORS, load_template
from fusion_eval.strategies.specs import load_scorer, load_strategy

PAPER_LANGUAGES = {"en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar"}
HARNESS_OPTIONS = {
    "model",
    "tasks",
    "model_args",
    "apply_chat_template",
    "log_samples",
    "output_path",
    "config",
    "seed",
    "use_cache",
}
COMMANDS = [block for block in blocks("bash") if "fusion-eval" in block.text]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    return re.split(r"^#+ ", text.split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]


def first_column(text: str) -> set[str]:
    """The names in backquotes in the first column of the tables."""
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_readme_is_short_and_ci_runs_its_test_command() -> None:
    readme = page("README.md")
    commands = [line for line in readme.splitlines() if line.startswith("python -m pip install")]

    assert len(readme.splitlines()) <= 170
    assert commands == [
        "python -m pip install '.[embedded]' && fusion-eval run --output out/demo",
        "python -m pip install '.[test]' && pytest -n 2",
    ]
    ci = page(".ci/run")
    assert "python -m pip install --quiet '.[test]'" in ci
    assert "\npytest -n 2\n" in ci


def test_every_model_argument_is_in_the_table() -> None:
    assert first_column(section(page("docs/models.md"), "Arguments")) == {*ARGUMENT_NAMES, STRATEGY_ARGS}


def test_every_strategy_scorer_and_template_is_documented_and_loads() -> None:
    text = page("docs/strategies.md")
    for name in plugins.names("fusion_eval.strategies"):
        assert f"| `{name}` |" in text
        assert callable(load_strategy(name))
    examples = {
        "reward": "reward:NAME",
        "comet": "comet:NAME",
        "endpoint": "endpoint:http://localhost:8000/classify",
    }
    for name in plugins.names("fusion_eval.scorers"):
        row = rf"^\| `{name}(?::[A-Z]+)?` \|"
        assert re.search(row, text, re.MULTILINE) or name == "task"  # every run refuses the oracle
        assert callable(load_scorer(examples.get(name, name)))
    for name in FUSORS:
        assert f"| `{name}` |" in text
        assert load_template(name).source


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_every_command_can_be_parsed_as_it_stands(block: Block) -> None:
    parser = build_parser()
    for line in block.text.replace("\\\n", " ").splitlines():
        for command in line.split(" && "):
            if command.startswith("fusion-eval "):
                words = with_underscores(shlex.split(command, comments=True)[1:])
                _, unknown = parser.parse_known_args(words)
                assert not unknown, command


def test_every_option_in_the_pages_exists() -> None:
    build_parser()
    known = {name.removeprefix("--") for name in Parser.known_options} | HARNESS_OPTIONS
    known |= {"fusion-baseline"}  # of pytest
    for path in PAGES:
        prose = re.sub(
            r"^```sh\n.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        used = set(re.findall(r"(?<![\w-])--(\w[\w-]*)", prose.replace("--8<--", "")))
        assert used <= known | {"port"}, path.name


def test_every_option_is_documented() -> None:
    build_parser()
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    for option in Parser.known_options - {"--help", "--version"}:
        assert re.search(rf"{option}(?!\w)", text), option


@pytest.mark.parametrize(
    ("name", "pages"),
    [("judge", ["judge"]), ("export", ["export"]), ("compare", ["compare"]), ("check", ["gate"])],
)
def test_every_option_of_a_command_stands_on_its_page(name: str, pages: list[str]) -> None:
    [commands] = [action for action in build_parser()._actions if isinstance(action.choices, dict)]
    text = "".join(page(f"docs/{one}.md") for one in pages)
    for action in commands.choices[name]._actions:
        if action.option_strings and action.dest != "help":
            assert any(re.search(rf"{option}(?!\w)", text) for option in action.option_strings), action.dest


@pytest.mark.parametrize(
    ("shown", "is_shown"),
    [
        (["…"], False),
        (["…", "…"], False),
        (["a …", "…"], True),
        (["…", "c"], True),
        ([], False),
        (["b"], False),
    ],
)
def test_a_page_shows_an_output_by_more_than_an_ellipsis(shown: list[str], is_shown: bool) -> None:
    assert shows(shown, "a b\nc\n") is is_shown


def test_every_task_group_is_listed_with_its_languages_and_metrics() -> None:
    rows = [row.split("|")[1:5] for row in page("docs/tasks.md").splitlines() if row.startswith("| `")]
    groups = {entry.group: entry for entry in list_groups()}

    assert {row[0].strip(" `") for row in rows} == set(groups) - {"wmt24pp_xcomet"}
    for name, _, languages, metrics in rows:
        entry = groups[name.strip(" `")]
        named = languages.strip()
        expected = {"all 11": PAPER_LANGUAGES, "all but en": PAPER_LANGUAGES - {"en"}}.get(
            named, set(named.split())
        )
        assert set(entry.languages) == expected
        named_metrics = set(re.findall(r"`(\w+)`", metrics))
        assert named_metrics <= {*entry.metrics, "chrf_corpus"}


def test_the_how_to_shows_the_example_package() -> None:
    how_to = page("docs/how-to/write-a-strategy.md")

    for name in ("longest_answer.py", "pyproject.toml"):
        assert page(f"examples/longest_answer/{name}") in how_to
