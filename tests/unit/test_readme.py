"""What the README says of names is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fusion_eval import plugins
from fusion_eval.prompts import FUSORS, load_template
from fusion_eval.scorers import load_scorer
from fusion_eval.settings import _READERS
from fusion_eval.strategies import load_strategy

ROOT = Path(__file__).resolve().parents[2]


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
