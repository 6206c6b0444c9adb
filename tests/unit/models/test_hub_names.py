"""The one form in which data sets of the hub are named."""

from __future__ import annotations

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.models.hub.names import HubName, hub_hint, read_hub_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:openai/gsm8k", HubName("openai/gsm8k")),
        ("hf:openai/gsm8k/main", HubName("openai/gsm8k", "main")),
        ("hf:openai/gsm8k:test", HubName("openai/gsm8k", None, "test")),
        ("hf:google/wmt24pp/en-de_DE:train", HubName("google/wmt24pp", "en-de_DE", "train")),
        ("hf:a-b/c.d_e/1.0:test.v2", HubName("a-b/c.d_e", "1.0", "test.v2")),
        ("hf:./folder", HubName("./folder")),
        ("hf:/data/my set:validation", HubName("/data/my set", None, "validation")),
    ],
)
def test_a_name_has_an_owner_and_may_have_a_configuration_and_a_split(text: str, name: HubName) -> None:
    assert read_hub_name(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hf:openai/gsm8k:main:test", "hf:openai/gsm8k/main:test"),
        ("hf:openai/gsm8k/main/test", "hf:openai/gsm8k/main:test"),
        ("hf:openai/gsm8k/", "hf:openai/gsm8k"),
        ("hf:openai/gsm8k:", "hf:openai/gsm8k"),
        ("hf:openai/gsm8k:train[:10]", "hf:openai/gsm8k:train"),
        ("hf:openai/gsm8k/main:train[:10]", "hf:openai/gsm8k/main:train"),
        ("hf:datasets/openai/gsm8k", "hf:openai/gsm8k"),
        ("hf://datasets/openai/gsm8k", "hf:openai/gsm8k"),
        ("hf:https://huggingface.co/datasets/openai/gsm8k/viewer/main/test?p=1", "hf:openai/gsm8k"),
    ],
)
def test_a_wrong_form_is_answered_with_the_nearest_right_one(text: str, meant: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_hub_name(text)
    assert str(raised.value).endswith(f"did you mean {meant}?")
    assert "should be hf:OWNER/NAME" in str(raised.value)


@pytest.mark.parametrize("text", ["hf:", "hf:gsm8k", "hf:a/b/c/d/e", "hf:./folder:a b"])
def test_a_form_that_tells_nothing_is_answered_with_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match="should be hf:"):
        read_hub_name(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("openai/gsm8k", "hf:openai/gsm8k"),
        ("https://huggingface.co/datasets/openai/gsm8k", "hf:openai/gsm8k"),
        ("huggingface.co/datasets/openai/gsm8k/tree/main", "hf:openai/gsm8k"),
        ("https:/huggingface.co/datasets/openai/gsm8k", "hf:openai/gsm8k"),
    ],
)
def test_a_path_that_looks_like_a_data_set_is_answered_with_its_name(text: str, meant: str) -> None:
    assert hub_hint(text) == f" Did you mean {meant}, a data set of the Hugging Face hub?"


@pytest.mark.parametrize(
    "text", ["answers.jsonl", "out/answers.jsonl", "https://example.org/a/b", "fusion_demo"]
)
def test_another_path_is_not_taken_for_a_data_set(text: str) -> None:
    assert hub_hint(text) == ""


def test_a_configuration_after_the_colon_is_put_right_when_the_split_is_unknown() -> None:
    error = read_hub_name("hf:openai/gsm8k:main").cannot_load(ValueError("Unknown split 'main'."))
    assert "Unknown split 'main'; 'main' after the colon is a split, and" in str(error)
    assert str(error).endswith("a configuration is hf:openai/gsm8k/main")


def test_a_folder_that_does_not_exist_is_named() -> None:
    error = read_hub_name("hf:./nowhere").cannot_load(ValueError("Repo id must use alphanumeric chars"))
    assert str(error) == "hf:./nowhere: there is no folder ./nowhere"
