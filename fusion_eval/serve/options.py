"""What `fusion-eval serve` can be told, checked before the server starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from fusion_eval.errors import ConfigError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that only programs of this machine reach."""
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How a server runs.

    Args:
        strategies: The strategies to serve, as canonical texts; each is the name of a model.
        model_args: The model arguments, as `fusion-eval run` takes them.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        api_key_env: The environment variable with the key that clients have to send; None asks for no key.
        max_requests: The most requests in work or waiting. Further ones are sent away with status 429.
        max_body: The most bytes of a request's body.

    Raises:
        ConfigError: The port is none, the variable holds no key, or a server that other machines reach has no key.
    """

    strategies: tuple[str, ...]
    model_args: Mapping[str, object] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 8000
    api_key_env: str | None = None
    max_requests: int = 1000
    max_body: int = 4 * 2**20

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _LAST_PORT:
            raise ConfigError(f"--port {self.port} is no port; they go from 0 to {_LAST_PORT}")
        if self.api_key_env is not None and not os.environ.get(self.api_key_env):
            raise ConfigError(
                f"--api_key_env: the variable {self.api_key_env} is not set; put the clients' key into it"
            )
        if self.api_key_env is None and self.host not in LOOPBACK:
            raise ConfigError(
                f"--host {self.host} lets other machines send requests that you pay for; set a key for them: "
                "--api_key_env NAME"
            )

    @property
    def key(self) -> str | None:
        """The key that clients have to send; None asks for none."""
        return os.environ[self.api_key_env] if self.api_key_env else None
