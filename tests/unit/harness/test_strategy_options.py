"""Strategies with options in the harness: model types, signatures, folders of a run and the names of runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan as ServerPlan
from openai_server import Server
from third_party import install

from fusion_eval.errors import ConfigError
from fusion_eval.harness.boundary import user_errors
from fusion_eval.harness.lm import model_type
from fusion_eval.harness.run import Plan, ordered_runs, run
from fusion_eval.runs.traces import read_traces


def model_info(strategy: str, **arguments: Any) -> dict[str, Any]:
    """Return what the model type of a strategy writes into a results file."""
    named = {"model": "m", "base_url": "http://127.0.0.1:9/v1", "cache": "off", "n": 2}
    return model_type(strategy)(**named, **arguments).get_model_info()


# Model types


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


def test_a_strategys_own_options_stand_among_the_model_arguments(third_party: None) -> None:
    info = model_info("everything", k=2, by="judge(temperature=0.5)")
    assert info["strategy"] == "everything(k=2,by=judge(temperature=0.5))"
    assert info["signature"].startswith("everything(k=2,by=judge(temperature=0.5))|n:2|pool:m|seed:0|v:")
    assert "k" not in info["settings"]


@pytest.mark.parametrize(("slip", "nearest"), [("shar", "share"), ("temprature", "temperature")])
def test_an_argument_that_neither_has_names_the_nearest_of_both(
    third_party: None, slip: str, nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((ConfigError, SystemExit)) as error:
        model_info("everything", **{slip: 1})
    assert f"Did you mean '{nearest}'" in str(error.value) + capsys.readouterr().err


@pytest.mark.parametrize(
    ("strategy", "arguments", "part"),
    [
        ("bon", {"scorer": "chrf"}, "bon|n:2|pool:m|scorer:chrf|"),
        ("bon(scorer=chrf)", {"scorer": "judge"}, "bon(scorer=chrf)|n:2|pool:m|scorer:chrf|"),
        ("bon", {"scorer": "judge(temperature=0.5)"}, "|scorer:judge(temperature=0.5)|"),
        ("single", {"scorer": "chrf"}, "single|n:2|pool:m|seed:0|"),
        ("fusion", {}, "fusion|n:2|pool:m|fusor:m|prompt:"),
        ("fusion(fusor_prompt=direct)", {}, "fusion(fusor_prompt=direct)|n:2|pool:m|fusor:m|prompt:"),
    ],
)
def test_the_signature_says_what_decides_the_answers(
    strategy: str, arguments: dict[str, Any], part: str
) -> None:
    assert part in model_info(strategy, **arguments)["signature"]


def test_an_option_of_the_strategy_wins_over_the_model_argument() -> None:
    # given a prompt as model argument, another one as option, and the prompt alone
    own = model_info("fusion(fusor_prompt=direct)", fusor_prompt="few_shot")
    default = model_info("fusion", fusor_prompt="direct")
    # then the results file names the option's prompt
    assert own["prompt_template"] == default["prompt_template"] == "direct"
    assert own["prompt_hash"] == default["prompt_hash"]
    assert model_info("bon(scorer=chrf)", scorer="judge")["scorer"] == "chrf"


# A run


@pytest.fixture
def finished(
    openai_server: Callable[[ServerPlan], Server], tmp_path: Path
) -> Callable[..., tuple[Plan, Server]]:
    """Return a function that runs strategies on two prompts."""

    def start(*strategies: str, **arguments: object) -> tuple[Plan, Server]:
        server = openai_server(ServerPlan())
        model_args = {
            "model": "test-model",
            "base_url": server.base_url,
            "n": 2,
            "cache": tmp_path / "store.sqlite",
        }
        plan = Plan(tmp_path / "out", ("fusion_demo_en",), strategies, model_args | arguments, limit=2)
        with user_errors():
            assert run(plan, lambda line: None)
        return plan, server

    return start


def test_each_spec_has_a_folder_traces_and_a_name_of_its_own(finished: Any, tmp_path: Path) -> None:
    # given a prompt in a folder, which no folder's name can hold as it is
    (tmp_path / "mine.j2").write_text("Join: {{ candidates | join(' + ') }}")
    specs = ("single", "bon(scorer=chrf)", f"fusion(fusor_prompt={tmp_path}/mine.j2)")
    # when all run
    plan, _ = finished(*specs)
    # then each has a folder, and is read back under its own text
    assert [plan.folder(spec).is_dir() for spec in specs] == [True] * 3
    assert (plan.output / "bon(scorer=chrf)").is_dir()
    assert [run.name for run in ordered_runs(plan)] == list(specs)
    for spec in specs:
        assert {trace.strategy for trace in read_traces(plan.folder(spec) / "traces.jsonl")} == {spec}
        [results] = plan.folder(spec).rglob("results_*.json")
        config = json.loads(results.read_text())["config"]
        assert (config["strategy"], config["model"]) == (spec, spec)


def test_strategies_share_their_pools_though_one_alone_needs_log_probabilities(finished: Any) -> None:
    _, server = finished("single", "bon(scorer=logprob)")
    assert len(server.calls) == 3  # one for each pool, and one before them for the first candidate
    assert all(call.body["logprobs"] for call in server.calls)
