"""A reward model that vLLM or SGLang serves: `endpoint:URL`."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from fusion_eval.errors import ConfigError
from fusion_eval.models.reward.chat_template import ChatTemplate
from fusion_eval.models.reward.classifier import INSTALL
from fusion_eval.models.reward.served_model import RewardEndpoint, split_url
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.scorers.reward import scored_by
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool


@dataclass(frozen=True, repr=False)
class EndpointScorer:
    """Score each candidate by a reward model behind `/pooling`, `/classify`, `/score` or `/v1/rerank`.

    Args:
        url: The address with its path. `endpoint:URL` is short for `endpoint(url=URL)`.
        model: The model's name at the endpoint; None is the one that it serves.
        tokenizer: Whose chat template joins prompt and candidate, for `/pooling` and `/classify`. None leaves that to the
            endpoint, as vLLM can; SGLang cannot.
        api_key_env: The environment variable that holds the endpoint's key; None sends no key.

    Raises:
        ConfigError: The address ends in none of the paths.
    """

    after_colon: ClassVar = "url"
    votes: ClassVar = "borda"

    url: str = ""
    model: str | None = None
    tokenizer: str | None = None
    api_key_env: str | None = None

    def __post_init__(self) -> None:
        split_url(self.url)

    def check_ready(self) -> None:
        """Raise a ConfigError if a tokenizer is named and transformers is missing, or the key is not set."""
        if self.tokenizer is not None:
            _tokenizer(self.tokenizer)
        if self.api_key_env is not None and not os.environ.get(self.api_key_env):
            raise ConfigError(
                f"The environment variable {self.api_key_env} of endpoint:{self.url} is not set"
            )

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the endpoint's number for each candidate; None where its request failed."""
        return await scored_by(tools.open_model(f"{self!r}", self._open), pool)

    def _open(self, timeout: float) -> RewardEndpoint:
        template = (
            None if self.tokenizer is None else ChatTemplate(self.tokenizer, _tokenizer(self.tokenizer))
        )
        return RewardEndpoint(
            self.url,
            self.model,
            api_key=os.environ.get(self.api_key_env) if self.api_key_env else None,
            key_variable=self.api_key_env,
            timeout=timeout,
            template=template,
        )

    def __repr__(self) -> str:
        return format_spec(self)


@functools.cache
def _tokenizer(name: str) -> Any:
    try:
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(name)
    except ImportError as error:
        raise ConfigError(f"endpoint(tokenizer={name}) needs transformers: {INSTALL}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"endpoint(tokenizer={name}) cannot be loaded: {error}") from error
    if not tokenizer.chat_template:
        raise ConfigError(f"endpoint(tokenizer={name}) has no chat template; name a tokenizer that has one")
    return tokenizer
