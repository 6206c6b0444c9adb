"""Opening a model type of the harness: its arguments, its errors, and its identity."""

from __future__ import annotations

from pathlib import Path

import pytest
import recording_models  # noqa: F401 - registers the model types

from fusion_eval.errors import ConfigError
from fusion_eval.models.lm_eval.door import accepts, names_argument, open_harness

SECRET = "to-be-seen-nowhere"
"""It does not look like the key of any provider."""

# Arguments


def test_arguments_in_the_name_win_over_shared_arguments() -> None:
    shared = {"revision": "v1", "batch_size": 8, "device": None, "temperatures": 3, "pretrained": "theirs"}

    model = open_harness("lm_eval:recording,pretrained=mine", shared)

    assert model.inner.arguments == {"pretrained": "mine", "revision": "v1", "batch_size": 8}
    assert model.name == "lm_eval:recording,revision=v1,pretrained=mine"


@pytest.mark.parametrize(
    ("name", "argument", "declared", "accepted"),
    [
        ("lm_eval:recording,pretrained=x", "revision", True, True),
        ("lm_eval:recording", "temprature", False, False),
        ("lm_eval:recording-chat", "revision", True, True),
        ("lm_eval:recording-chat", "temprature", False, False),
        ("lm_eval:recording-open", "engine", True, True),
        ("lm_eval:recording-open", "temprature", False, True),
        ("lm_eval:dummy", "write_out", True, True),
        ("lm_eval:local-completions", "max_length", True, True),
    ],
)
def test_the_arguments_of_a_type_are_those_of_its_constructors(
    name: str, argument: str, declared: bool, accepted: bool
) -> None:
    assert names_argument(name, argument) is declared
    assert accepts(name, argument) is accepted


# Errors


def test_an_unknown_type_is_reported_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"no model type 'recordin'\. Did you mean 'recording'"):
        open_harness("lm_eval:recordin,pretrained=x", {})


def test_a_failed_constructor_is_reported_on_one_line_without_secrets() -> None:
    with pytest.raises(ConfigError) as caught:
        open_harness(f"lm_eval:recording,pretrained=nowhere,token={SECRET}", {})
    assert str(caught.value) == (
        "lm_eval:recording cannot be opened: nowhere is no model and *** opens nothing"
    )


def test_a_wrong_argument_in_the_name_is_reported() -> None:
    with pytest.raises(ConfigError, match=r"lm_eval:recording cannot be opened.*'pretraned'"):
        open_harness("lm_eval:recording,pretraned=x", {})


def test_a_missing_package_is_reported() -> None:
    with pytest.raises(ConfigError, match="lacks a package: No module named 'a_package_that_is_absent'"):
        open_harness("lm_eval:recording-absent", {})


# Identity


def test_the_identity_holds_what_decides_the_answers_and_no_secret() -> None:
    model = open_harness(f"lm_eval:recording,revision=v1,token={SECRET}", {"batch_size": 1})
    same = open_harness("lm_eval:recording", {"revision": "v1", "batch_size": 8})
    others = ("lm_eval:recording,revision=v2", "lm_eval:recording-chat,revision=v1", "lm_eval:recording")

    assert model.identity == same.identity
    assert SECRET not in model.identity + model.name
    assert len({model.identity, *(open_harness(other, {}).identity for other in others)}) == 4


def test_a_password_in_a_url_is_not_shown() -> None:
    model = open_harness("lm_eval:recording-open,engine=http://me:pass@host:1/v1", {})
    assert "engine=http://host:1/v1" in model.name
    assert "pass" not in model.name + model.identity


@pytest.mark.parametrize("changed", [0, 100_000, 199_999])
def test_other_weights_at_the_same_path_are_another_model(changed: int, tmp_path: Path) -> None:
    # given
    def identity(weights: bytes) -> str:
        (tmp_path / "model.safetensors").write_bytes(weights)
        return open_harness(f"lm_eval:recording,pretrained={tmp_path}", {}).identity

    weights = bytearray(200_000)
    before = identity(weights)
    # when a file changes that is not part of the model
    (tmp_path / "training.log").write_text("not a part of the model")
    # then
    assert identity(weights) == before
    # when one byte of the weights changes
    weights[changed] = 1
    # then
    assert identity(weights) != before
