"""Decide which key goes to which host. A key belongs to a host: none travels to another one by default."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from fusion_eval.argument_values import KEY_VARIABLE, OFF
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments

OPENAI_URL = "https://api.openai.com/v1"
SAMPLER, FUSOR, SCORER = "sampler", "fusor", "scorer"
_PREFIX = {SAMPLER: "", FUSOR: "fusor_", SCORER: "scorer_"}


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the key for one role at one address comes from."""

    variable: str | None = None
    """The environment variable; None where no key belongs to the host."""
    argument: str = "api_key_env"
    """The model argument that names the variable, for messages."""
    required: bool = False
    """Whether the variable must hold a key: the user named it, or the host serves nobody without one."""

    def read(self) -> str | None:
        """Return the key; None where there is none and none is required.

        Raises:
            ConfigError: The variable holds no key, or no single printable line.
        """
        # A key from a file often ends with a newline.
        key = os.environ.get(self.variable, "").strip() if self.variable else ""
        if (key and not key.isprintable()) or (not key and self.required):
            raise ConfigError(
                f"The environment variable {self.variable} holds no key; set it, or name another with {self.argument}="
            )
        return key or None


def key_source(arguments: ModelArguments, role: str, address: str | None) -> KeySource:
    """Return where the key for a role at an address comes from.

    The variable that the role's own argument names comes first. The sampler's variable counts for a role at the
    sampler's host. `OPENAI_API_KEY` is the default for OpenAI's own host, and for no other.

    Args:
        arguments: The model arguments.
        role: Who asks: the sampler (or a judge of the panel), the fusor or the scorer.
        address: The base URL; None is OpenAI itself.
    """
    argument = f"{_PREFIX[role]}api_key_env"
    variable = _variable_at(address, getattr(arguments, argument), _addresses(arguments, role))
    if variable is None and role != SAMPLER and getattr(arguments, argument) is None:
        variable = _variable_at(address, arguments.api_key_env, _addresses(arguments, SAMPLER))
    if variable:
        return KeySource(variable, argument, required=True)
    if is_openai(address or OPENAI_URL) and getattr(arguments, argument) is None:
        return KeySource(KEY_VARIABLE, argument, required=True)
    return KeySource(None, argument)


def is_openai(address: str) -> bool:
    """Return whether an address is OpenAI's own host, reached safely."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == "api.openai.com" or host.endswith(".api.openai.com"))


def _addresses(arguments: ModelArguments, role: str) -> tuple[str, ...]:
    addresses = getattr(arguments, f"{_PREFIX[role]}base_url")
    if addresses is None and role != SAMPLER:
        addresses = arguments.base_url
    return (OPENAI_URL,) if addresses in (None, OFF) else addresses


def _variable_at(address: str | None, variables: str | None, addresses: tuple[str, ...]) -> str | None:
    """Return the variable that belongs to the host of an address."""
    names = variables.split("|") if variables else []
    host = _host(address or OPENAI_URL)
    exact = [at == (address or OPENAI_URL) for at in addresses]
    matches = exact if any(exact) else [_host(at) == host for at in addresses]
    for place, matched in enumerate(matches):
        if matched and names:
            return (names[0] if len(names) == 1 else names[place]) or None
    return None


def _host(address: str) -> tuple[str, str | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname
