"""A machine without a network gets one sentence about a data set of the hub, at once and before any call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
from huggingface_hub import constants

from fusion_eval.cli.main import main
from fusion_eval.harness.tasks import hub_data
from fusion_eval.models.hub import connection, data_sets
from fusion_eval.models.hub.names import read_hub_name

NOBODY = "http://127.0.0.1:9"
"""An address at which no server listens."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub refuses connections, there is no copy of its data, and it was not asked before."""
    monkeypatch.delenv("FUSION_EVAL_DATA", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", NOBODY)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", NOBODY)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    connection._answers.cache_clear()


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each load of a data set, whether it was from the cache alone."""
    found: list[bool] = []
    load = datasets.load_dataset

    def load_dataset(*arguments: Any, **options: Any) -> Any:
        found.append(datasets.config.HF_HUB_OFFLINE)
        return load(*arguments, **options)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return found


@pytest.mark.parametrize(
    ("recipe", "data"),
    [
        ("paper/arena", "CohereLabs/m-ArenaHard-v2.0 (en)"),
        ("paper/mgsm", "juletxara/mgsm (en)"),
        ("paper/teachers", "CohereLabs/m-ArenaHard-v2.0 (en)"),
        ("openrouter/draco-like", "CohereLabs/m-ArenaHard-v2.0 (en)"),
    ],
)
def test_the_data_set_is_named_without_a_retry(
    recipe: str, data: str, attempts: list[bool], capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    code = main(["run", "--recipe", recipe, "--dry_run"])
    # then
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert f"{data} cannot be loaded from the Hugging Face hub (it does not answer" in error
    assert "go online, or set FUSION_EVAL_DATA=DIR" in error
    assert "`fusion-eval tasks --copy_to DIR` makes" in error
    assert attempts == [True]
    assert datasets.config.HF_HUB_OFFLINE is False


@pytest.mark.parametrize(
    "command",
    [
        ["import", "hf:owner/pools:train", "--output", "OUT"],
        ["synth", "--prompts", "hf:owner/pools:train", "--model_args", "model=m,base_url=http://127.0.0.1:9", "--output", "OUT"],
    ],
)  # fmt: skip
def test_import_and_synth_name_the_data_set_without_a_retry(
    command: list[str], attempts: list[bool], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # when
    code = main([part.replace("OUT", str(tmp_path / "out")) for part in command])
    # then
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert "hf:owner/pools:train cannot be loaded from the Hugging Face hub (it does not answer" in error
    assert "go online, or name a file of it" in error
    assert attempts == [True]
    assert not (tmp_path / "out").exists()


def test_a_local_folder_is_read_without_a_question_to_the_hub(
    attempts: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("huggingface_hub.get_session", lambda: pytest.fail("the hub was asked"))
    (tmp_path / "train.jsonl").write_text('{"prompt": "Why?"}\n')
    # when
    rows = data_sets.load_named(read_hub_name(f"hf:{tmp_path}"), cache_dir=str(tmp_path / "cache"))
    # then
    assert rows["train"].to_list() == [{"prompt": "Why?"}]
    assert attempts == [False]


def test_without_comet_the_extra_is_named_before_data_are_loaded(
    attempts: list[bool], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None)
    # when
    code = main(["run", "--recipe", "paper/wmt", "--dry_run"])
    # then
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert "pip install 'fusion-eval[comet]', or name the tasks wmt24pp" in error
    assert attempts == []


def test_a_hub_that_answers_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    class Session:
        def head(self, address: str, timeout: float) -> None:
            assert (address, timeout) == (NOBODY, connection.LONGEST_WAIT)

    monkeypatch.setattr("huggingface_hub.get_session", Session)
    # then
    assert connection.hub_answers()


def test_a_user_who_stays_offline_gets_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.get_session", lambda: pytest.fail("the hub was asked"))
    assert not connection.hub_answers()


def test_a_user_who_stays_offline_is_not_told_that_the_hub_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: 1 / 0)
    # then
    with pytest.raises(OSError, match="HF_DATASETS_OFFLINE is set, and its cache has no copy"):
        hub_data.load_from_hub(hub_data.Part("owner/name", "en", "test"))
