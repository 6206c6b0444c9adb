"""Other weights are another reward model to the store."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelInfo, constants

from fusion_eval.models.reward.classifier import RewardClassifier

MIB = 1 << 20


def test_weights_that_differ_in_the_middle_of_a_file_are_another_model(tmp_path: Path) -> None:
    # given
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(5 * MIB))
    first = RewardClassifier(str(tmp_path)).identity
    # when
    weights.write_bytes(bytes(2 * MIB) + b"x" + bytes(3 * MIB - 1))
    # then
    assert RewardClassifier(str(tmp_path)).identity != first


def test_files_that_are_no_part_of_the_model_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = RewardClassifier(str(tmp_path)).identity
    (tmp_path / "README.md").write_text("A model.")
    assert RewardClassifier(str(tmp_path)).identity == first


def test_a_model_of_the_hub_is_told_apart_by_the_commit_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--org--rm"
    (folder / "refs").mkdir(parents=True)
    identities = []
    # when
    for commit in ("a" * 40, "b" * 40):
        (folder / "snapshots" / commit).mkdir(parents=True)
        (folder / "snapshots" / commit / "config.json").write_text("{}")
        (folder / "refs" / "main").write_text(commit)
        identities.append(RewardClassifier("org/rm").identity)
    # then
    assert identities == [f"reward|org/rm@{'a' * 40}", f"reward|org/rm@{'b' * 40}"]


def test_a_model_that_is_not_in_the_cache_has_the_commit_that_the_hub_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    info = ModelInfo(id="org/rm", sha="c" * 40)
    monkeypatch.setattr(HfApi, "model_info", lambda self, name, timeout: info)
    # when, then
    assert RewardClassifier("org/rm").identity == f"reward|org/rm@{'c' * 40}"


def test_without_a_connection_the_name_alone_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    def refuse(self: object, name: str, timeout: float) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(HfApi, "model_info", refuse)
    # when, then
    assert RewardClassifier("org/rm").identity == "reward|org/rm"
