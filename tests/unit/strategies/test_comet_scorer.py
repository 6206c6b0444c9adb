"""`comet:NAME` rates translations without a reference. The tests use a fake of the package unbabel-comet."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_comet import fake_comet
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.reward import comet as comet_model
from fusion_eval.models.store.store import Store
from fusion_eval.strategies import Pool, Scored
from fusion_eval.strategies.bias import metric_bias
from fusion_eval.strategies.scorers.comet import Comet, source_of
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import format_spec, load_scorer, load_strategy
from fusion_eval.types import Message, Prompt

KIWI = "Unbabel/wmt22-cometkiwi-da"
PROMPT = Prompt(messages=(Message("user", "Translate into German: The cat sat."),))
POOL = pool_of("Die Katze", "Die Katze.", "Katze", "Die Katze", prompt=PROMPT)


@pytest.fixture
def comet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(comet_model, "commit_of", lambda name, file: "c0ffee")
    with fake_comet(tmp_path / "packages", monkeypatch) as calls:
        yield calls


async def scored(scorer: Any, pool: Pool, store: Store, source: str | None = "The cat sat.") -> Scored:
    opener = Opener(parse({"model": "m", "base_url": "http://127.0.0.1:9/v1"}), store)
    try:
        return await scorer(
            pool, msgspec.structs.replace(tools(), open_model=opener.open_model, source=source)
        )
    finally:
        await opener.close()


async def test_each_text_is_rated_once_with_the_source_and_without_a_reference(comet: list[Any]) -> None:
    # given four candidates, two of them equal
    store = Store(None)
    # when
    result = await scored(Comet(KIWI), POOL, store)
    # then the model is loaded once, and sees source and translation alone, in one batch
    assert result.scores == pytest.approx([9 / 12, 10 / 12, 5 / 12, 9 / 12])
    assert comet[:2] == [("download", KIWI), ("load", "/checkpoints/model.ckpt")]
    assert comet[2][:3] == ("predict", [["mt", "src"]] * 3, 8) and len(comet) == 3
    assert [call.cost for call in result.calls] == [0, 0, 0]
    # and no score is computed twice
    assert (await scored(Comet(KIWI), POOL, store)).scores == result.scores
    assert len(comet) == 3


def test_the_source_is_the_tasks_own_or_the_question_in_the_prompt() -> None:
    few_shot = Prompt("Hello = Hallo\nThe cat sat = ")
    assert source_of(PROMPT, msgspec.structs.replace(tools(), source="The cat sat.")) == "The cat sat."
    assert source_of(PROMPT, tools()) == "Translate into German: The cat sat."
    assert source_of(few_shot, msgspec.structs.replace(tools(), examples=14)) == "The cat sat = "


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Unbabel/wmt22-comet-da",
            "compares with references, and a scorer has none; name a model that needs none",
        ),
        ("unknown", "scorer=comet:unknown cannot be loaded: \"Model 'unknown' not supported by COMET.\""),
    ],
)
async def test_a_model_that_cannot_rate_without_a_reference_is_refused(
    comet: list[Any], name: str, message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        await scored(Comet(name), POOL, Store(None))
    assert message in str(raised.value)


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs the package unbabel-comet: .*fusion-eval\[comet\]"):
        Comet(KIWI).check_installed()


def test_a_scorer_without_a_model_says_how_to_name_one() -> None:
    with pytest.raises(ConfigError, match="scorer=comet needs a model: comet:NAME"):
        load_scorer("comet")


def test_its_spec_is_its_name_and_its_model() -> None:
    assert format_spec(load_strategy(f"bon(scorer=comet:{KIWI})")) == f"bon(scorer=comet:{KIWI})"


def test_selecting_by_comet_warns_where_the_task_reports_comet_or_xcomet(comet: list[Any]) -> None:
    arguments = parse({"model": "m", "base_url": "http://127.0.0.1:9/v1", "cache": "off"})
    solver = Solver(f"bon(scorer=comet:{KIWI})", arguments, Opener(arguments, Store(None)))
    assert "selects by xcomet" in str(metric_bias(solver, {"wmt": ["chrf", "xcomet"]}))
    assert metric_bias(solver, {"wmt": ["chrf"]}) == []
