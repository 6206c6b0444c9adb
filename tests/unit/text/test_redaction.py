"""Secrets are recognized by their names and forms; names and signatures are shown without folders."""

from __future__ import annotations

import pytest

from fusion_eval.text.redaction import is_secret, public_name, public_signature, without_userinfo


@pytest.mark.parametrize(
    "name",
    ["api_key", "OPENAI_API_KEY", "token", "HF_TOKEN", "HF_TOKEN_2", "auth_token", "headers", "password", "cookies"],
)  # fmt: skip
def test_a_secret_is_recognized_by_its_name(name: str) -> None:
    assert is_secret(name, "abc")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pretrained", "abc"),
        ("eos_token", "</s>"),
        ("max_tokens", "80"),
        ("num_keys", 3),
        ("use_auth_token", True),
    ],
)
def test_vocabulary_numbers_and_switches_are_no_secrets(name: str, value: object) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://user:password@host/v1", "https://host/v1"),
        ("https://user:p@ss@host/v1", "https://host/v1"),
        ("https://host/@me", "https://host/@me"),
        ("http://a:b@x|http://c:d@y", "http://x|http://y"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_user_and_password_are_removed_from_addresses(text: str, public: str) -> None:
    assert without_userinfo(text) == public


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("/home/me/models/mine/", "mine"),
        ("gguf:./models/x.gguf", "x.gguf"),
        ("C:\\models\\mine", "mine"),
        ("../..", "unknown"),
    ],
)
def test_a_local_model_is_named_by_the_last_part_of_its_path(name: str, public: str) -> None:
    assert public_name(name) == public


def test_a_signature_names_local_models_by_their_files() -> None:
    assert public_signature("model:/home/me/x.gguf|n:5") == "model:x.gguf|n:5"
    assert public_signature("model:a/b|n:5") == "model:a/b|n:5"
    assert public_signature(None) is None
