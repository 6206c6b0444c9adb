"""What the README says of names is what the code has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fusion_eval.cli import main as cli
from fusion_eval.cli.options import underscored
from fusion_eval.cli.parser import parser_of
from fusion_eval.harness.tasks.listing import listed_tasks
from fusion_eval.model_arguments import _READERS
from fusion_eval.strategies import load_strategy, plugins
from fusion_eval.strategies.fusor_prompt import FUSORS, load_template
from fusion_eval.strategies.scorers import load_scorer

PAPERS = {"en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar"}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_has_the_two_commands_that_ci_runs(readme):
    commands = [line.strip() for line in readme.splitlines()[:14] if line.startswith("    python")]

    assert commands == [
        "python -m pip install '.[embedded]' && fusion-eval run --output out/demo",
        "python -m pip install '.[test]' && pytest",
    ]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m pip install --quiet '.[test]'" in ci and "\npytest\n" in ci


def test_every_model_argument_has_its_place_in_the_table(readme):
    table = readme.split("## Model arguments")[1].split("### Models")[0]
    named = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }

    assert named == set(_READERS)


def test_every_strategy_scorer_and_template_is_named_and_loads(readme):
    for group, load in (("fusion_eval.strategies", load_strategy), ("fusion_eval.scorers", load_scorer)):
        for name in plugins.names(group):
            assert f"`{name}`" in readme
            assert callable(load(name))
    for name in FUSORS:
        assert f"`{name}`" in readme
        assert load_template(name).source


def test_every_command_of_ours_can_be_typed_as_it_stands(readme):
    commands = re.findall(r"^    (?:.* && )?fusion-eval ((?:.+\\\n)*.+)$", readme, re.MULTILINE)
    parser = parser_of(dict.fromkeys(cli._COMMANDS, lambda options: 0))

    for command in commands:
        one = command.replace("\\\n", " ").split(" && ")[0]
        words = [underscored(word) for word in shlex.split(one, comments=True)]
        _, rest = parser.parse_known_args(["K=V" if word == "…" else word for word in words])
        assert not rest, command
    assert len(commands) >= 7


def test_every_option_that_is_spoken_of_is_ours_or_the_harnesss(readme):
    files = ("command_line", "comparing_options", "checking", "exporting", "pytest_plugin")
    sources = [(ROOT / "fusion_eval" / f"{name}.py").read_text(encoding="utf-8") for name in files]
    ours = set(re.findall(r'"--([\w-]+)"', "".join(sources)))
    harness = {"model", "log_samples", "config", "samples", "tasks", "apply_chat_template"}

    assert set(re.findall(r"--(\w[\w-]*)", readme)) <= ours | harness


def test_the_benchmarks_named_are_there_with_their_languages_and_metrics(readme):
    table = readme.split("## The paper's benchmarks")[1].split("`fusion_bench` is")[0]
    rows = [row.split("|")[1:5] for row in table.splitlines() if row.startswith("| `")]
    groups = {entry.group: entry for entry in listed_tasks()}

    assert {row[0].strip(" `") for row in rows} == set(groups) - {
        "fusion_demo",
        "fusion_open",
        "wmt24pp_xcomet",
    }
    for name, _, languages, metrics in rows:
        entry = groups[name.strip(" `")]
        spelt = {"all 11": PAPERS, "all but en": PAPERS - {"en"}}.get(
            languages.strip(), set(languages.split())
        )
        assert set(entry.languages) == spelt
        assert set(re.findall(r"`(\w+)`", metrics)) - set(entry.metrics) <= {"comet"} or "judge" in metrics
