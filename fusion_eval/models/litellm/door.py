"""Every provider that has no door of its own, through litellm, which takes seconds to import and so waits for its use.

One `sample` is one request. Only what would bring fewer texts or other words is left out where a provider does not
take it: `n` (the door then returns one candidate), `seed` (candidates then differ from run to run, unless the store
has them), `logprobs`, and stop strings, at which the answer is cut afterwards anyhow. A temperature that is refused
is an error.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import importlib
import logging
import os
import re
import time
from typing import Any

import msgspec

from fusion_eval.errors import ConfigError, FusionEvalError, RequestError, TransientError, nearest
from fusion_eval.models.choices import Choices
from fusion_eval.models.litellm.errors import error_of
from fusion_eval.models.openai.errors import without_userinfo
from fusion_eval.models.openai.wire import Reply, candidates_of, payload_of
from fusion_eval.types import Candidate, Prompt, Sampling

_MAY_BE_LEFT_OUT = ("n", "seed", "stop", "logprobs")
_BLAMES_N = re.compile(
    r"['\"`]n['\"`]|\bn (?:>|must|should)|candidate|multiple choices|num_generations", re.I
)


class LiteLLMModel:
    """The model `name`, an id as litellm knows it, asked for chat or, where `chat` is False, for completions.

    Its key and its address are found where litellm looks for them: in the environment.
    """

    def __init__(self, name: str, *, chat: bool = True, timeout: float = 120.0) -> None:
        provider = check_name(name)
        self.name, self.chat = name, chat
        self.identity = "|".join(["litellm", name, "chat" if chat else "completion", *_address(provider)])
        self._provider, self._timeout = provider, timeout
        self._answered = False
        if not chat:
            # litellm leaves a connection behind at each completion; over aiohttp, each is complained of.
            _litellm().disable_aiohttp_transport = True
        supported = _litellm().get_supported_openai_params(name)
        self._left_out = [] if supported is None else [o for o in _MAY_BE_LEFT_OUT if o not in supported]
        self._choices = Choices(1 if "n" in self._left_out else None)

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """One request for n choices; fewer come back where the provider brings fewer (`max_n` tells, after a few)."""
        n = min(n, self.max_n or n)
        payload = payload_of(self.name, prompt, sampling, n, self.chat)
        for option, value in payload.items():
            if isinstance(value, msgspec.Raw):
                payload[option] = msgspec.json.decode(value)
        for option in self._left_out:
            payload.pop(option, None)
        started = time.perf_counter()
        response = await self._request(payload)
        latency = time.perf_counter() - started
        candidates = candidates_of(_read(response, self.name), self.name, sampling, latency)
        if not candidates:
            raise TransientError(f"{self.name} answered without any choice", lost=True)
        self._choices.came(len(candidates), n)
        return _priced(candidates, _cost(response, self.name))[:n]

    @property
    def max_n(self) -> int | None:
        """Texts that one request brings; None until the provider has shown otherwise."""
        return self._choices.most

    async def _request(self, payload: dict[str, object]) -> Any:
        litellm = _litellm()
        call = litellm.acompletion if self.chat else litellm.atext_completion
        try:
            async with asyncio.timeout(self._timeout):  # litellm's own is of each read
                response = await call(**payload, timeout=self._timeout, num_retries=0, max_retries=0)
            self._answered = True
            return response
        except TimeoutError:
            told: FusionEvalError = TransientError(
                f"{self.name} gave no answer in {self._timeout:g} s", lost=True
            )
        except Exception as error:
            absent = litellm.validate_environment(self.name)["missing_keys"]
            told = error_of(error, self.name, self._provider, absent, self._answered)
        if isinstance(told, RequestError) and "n" in payload and _BLAMES_N.search(str(told)):
            self._choices.most = 1
            return await self._request({option: value for option, value in payload.items() if option != "n"})
        raise told  # outside the handler: a traceback with litellm's own message could show a key

    async def close(self) -> None:
        """Close the connections, which all models behind litellm share; a later `sample` opens new ones."""
        await _litellm().close_litellm_async_clients()
        _litellm().in_memory_llm_clients_cache.flush_cache()  # a closed client in it would fail the next call


def check_name(name: str) -> str:
    """The provider of a litellm id; a `ConfigError` with the nearest id where litellm knows none."""
    litellm = _litellm()
    try:
        return str(litellm.get_llm_provider(name)[1])
    except Exception as error:
        _, slash, rest = name.partition("/")
        providers = [str(provider.value) for provider in litellm.provider_list]
        # A slip in the provider leaves the rest as it is; without a provider, it is in a model's name.
        hint = nearest(name, [f"{p}/{rest}" for p in providers] if slash else litellm.model_cost)
        raise ConfigError(
            f"'{name}' names no model that litellm knows a provider of.{hint or ' It looks like PROVIDER/MODEL; an endpoint of your own needs base_url=.'}"
        ) from error


@functools.cache
def _litellm() -> Any:
    os.environ.setdefault(
        "LITELLM_LOCAL_MODEL_COST_MAP", "True"
    )  # else importing it asks the network for prices
    # Not an import statement, or a type checker reads all of litellm, which takes it a minute.
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.num_retries = 0
    logging.getLogger("LiteLLM").setLevel(logging.ERROR)
    return litellm


def _read(response: Any, name: str) -> Reply:
    """litellm gives every provider's answer in OpenAI's form, as well as it can."""
    try:
        return msgspec.convert(response.model_dump(), Reply)
    except msgspec.ValidationError as error:
        raise RequestError(f"{name} answered in a form that cannot be read: {error}") from error


def _address(provider: str) -> list[str]:
    """Where the environment says that the provider is: one id at two addresses is two models."""
    word = provider.upper().replace("-", "_")
    return [
        without_userinfo(os.environ[v]) for v in (f"{word}_API_BASE", f"{word}_BASE_URL") if os.environ.get(v)
    ]


def _cost(response: Any, name: str) -> float | None:
    """US dollars of the whole request; None where litellm has no price."""
    try:
        return float(_litellm().completion_cost(completion_response=response, model=name))
    except Exception:  # it raises many kinds, and an unknown price is no reason to lose a text
        return None


def _priced(candidates: list[Candidate], cost: float | None) -> list[Candidate]:
    """The request's cost shared by its candidates, so that sums are right."""
    if cost is None:
        return candidates
    return [dataclasses.replace(candidate, cost=cost / len(candidates)) for candidate in candidates]
