"""Find a missing key before any request is sent."""

from __future__ import annotations

import os

from fusion_eval.argument_values import KEY_VARIABLE, runs_in_process
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.keys import SAMPLER, key_source


def check_keys(arguments: ModelArguments) -> None:
    """Check that each model that samples, or judges, has the key it needs. Nothing is opened.

    Raises:
        ConfigError: A key is missing.
    """
    addresses = arguments.base_url or (None,)
    for name in arguments.model:
        for address in () if runs_in_process(name) else addresses:
            if address or name.startswith("openai/"):
                key_source(arguments, SAMPLER, address).read()
            else:
                check_litellm_key(name)


def check_litellm_key(name: str) -> None:
    """Check that a model that litellm sends to OpenAI has a key. Other providers have further ways to sign in.

    Raises:
        ConfigError: The key is missing, or litellm knows no provider for the name.
    """
    from fusion_eval.models.litellm.door import provider_of
    from fusion_eval.models.litellm.library import load_litellm

    if provider_of(name) != "openai":
        return
    litellm = load_litellm()
    if not (os.environ.get(KEY_VARIABLE, "").strip() or litellm.api_key or litellm.openai_key):
        raise ConfigError(
            f"{name} is a model of OpenAI, and the environment variable {KEY_VARIABLE} holds no key; set it, or name an "
            "endpoint of your own with base_url="
        )
