"""Every provider without a door of its own, through litellm.

One `sample` is one request. Where a provider does not support an option, the door omits it only if the text keeps
its meaning:

- `n`: the door then returns one candidate.
- `seed`: candidates then differ between runs, unless the store has them.
- `logprobs`.
- Stop strings: the answer is cut at them afterwards.

An option that the provider itself refuses is left out from then on, as at the OpenAI door.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from fusion_eval.argument_values import BUNDLED_MODELS
from fusion_eval.errors import (
    ConfigError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
    nearest,
)
from fusion_eval.models.http.bounds import largest_reply
from fusion_eval.models.litellm.bounded import largest_reply_now
from fusion_eval.models.litellm.errors import error_of, secrets_in_environment
from fusion_eval.models.litellm.library import load_litellm
from fusion_eval.models.logs import log
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.options import DISPENSABLE, LearnedOptions
from fusion_eval.models.openai.refused_options import refused_option
from fusion_eval.models.openai.reply_fields import UnknownFormError, reply_of
from fusion_eval.models.openai.wire import Reply, payload_of
from fusion_eval.models.redactor import Redactor
from fusion_eval.text.redaction import without_userinfo
from fusion_eval.types import Candidate, Prompt, Sampling

_NAME_FORM = " A name looks like PROVIDER/MODEL; an endpoint of your own needs base_url=."
_MAY_BE_OMITTED = ("n", "seed", "stop", "logprobs", "top_logprobs")
_BLAMES_N = re.compile(
    r"['\"`]n['\"`]|\bn (?:>|must|should)|candidate|multiple choices|num_generations", re.I
)


class LiteLLMModel:
    """The model with litellm's id `name`. litellm reads its key and its address from the environment.

    Args:
        name: The id, as litellm knows it.
        chat: True for chat completions, False for plain-text completions.
        timeout: Seconds for a whole request.
        warn: Called with one sentence for each option that the provider refuses.

    Raises:
        ConfigError: litellm knows no provider for the name.
    """

    def __init__(
        self,
        name: str,
        *,
        chat: bool = True,
        timeout: float = 120.0,
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        provider = provider_of(name)
        self.name, self.chat = name, chat
        self.identity = "|".join(["litellm", name, "chat" if chat else "completion", *_address(provider)])
        self._provider, self._timeout = provider, timeout
        self._answered = False
        self._warn = warn
        if not chat:
            # litellm leaves a connection open after each completion, and aiohttp warns about each of them.
            load_litellm().disable_aiohttp_transport = True
        supported = load_litellm().get_supported_openai_params(name)
        self._omitted = [] if supported is None else [o for o in _MAY_BE_OMITTED if o not in supported]
        self.no_logprobs = "logprobs" in self._omitted
        """Whether the provider is known to report no log-probabilities."""
        self._options = LearnedOptions(1 if "n" in self._omitted else None)

    @property
    def max_n(self) -> int | None:
        """The most choices that one request brings; None until the provider shows a limit."""
        return self._options.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Send one request for n choices; fewer come back where the provider ignores or bounds `n`."""
        n = self._options.choices_to_request(n)
        payload = payload_of(self.name, prompt, sampling, n, self.chat)
        for option, value in payload.items():
            if isinstance(value, msgspec.Raw):
                payload[option] = msgspec.json.decode(value)
        for option in ("stream", *self._omitted):
            payload.pop(option, None)
        largest_reply_now.set(largest_reply(sampling, n))
        started = time.perf_counter()
        response, omitted = await self._request(payload)
        latency = time.perf_counter() - started
        redactor = Redactor(secrets_in_environment())
        candidates = candidates_of(_reply_in(response, self.name), self.name, sampling, latency, redactor)
        if not candidates:
            raise TransientError(f"{self.name} answered without any choice", lost=True)
        self._options.record_choices(len(candidates), n)
        if omitted:
            candidates = [msgspec.structs.replace(candidate, omitted=omitted) for candidate in candidates]
        return _share_cost(candidates, _cost(response, self.name))[:n]

    async def _request(self, payload: dict[str, object]) -> tuple[Any, tuple[str, ...]]:
        """Send a request; return litellm's response and the options that shape answers and were left out."""
        litellm = load_litellm()
        sent = dict(payload)
        omitted = self._options.omit_from(sent)
        call = litellm.acompletion if self.chat else litellm.atext_completion
        try:
            # litellm's own timeout covers each read, not the request.
            async with asyncio.timeout(self._timeout):
                response = await call(**sent, timeout=self._timeout, num_retries=0, max_retries=0)
            self._answered = True
            return response, omitted
        except TimeoutError:
            failure: FusionEvalError = TransientError(
                f"{self.name} gave no answer in {self._timeout:g} s", lost=True
            )
        except Exception as error:
            missing_keys = litellm.validate_environment(self.name)["missing_keys"]
            failure = error_of(error, self.name, self._provider, missing_keys, self._answered)
        if isinstance(failure, RequestError | EndpointError) and (option := self._refused(failure, sent)):
            if self._options.avoid(option):
                self._warn(
                    f"{self.name} refuses the option {option}. Its requests go without it, "
                    "and the provider's own default counts"
                )
            return await self._request(
                {name: value for name, value in payload.items() if (name, option) != ("n", "n")}
            )
        raise failure  # outside the handler: a traceback with litellm's own message could show a key

    def _refused(self, failure: FusionEvalError, payload: dict[str, object]) -> str | None:
        """Return the option in the payload that a failure is about, where the request can be made without it."""
        if isinstance(failure, RequestError) and "n" in payload and _BLAMES_N.search(str(failure)):
            return "n"
        option = refused_option(None, str(failure))
        return option if option in DISPENSABLE and option in payload else None

    async def close(self) -> None:
        """Close the connections, which all litellm models share; a later `sample` opens new ones."""
        await load_litellm().close_litellm_async_clients()
        load_litellm().in_memory_llm_clients_cache.flush_cache()  # a closed client in it would fail the next call


def provider_of(name: str) -> str:
    """Return the provider of a litellm id.

    Raises:
        ConfigError: litellm knows no provider for the name; the message suggests the nearest id.
    """
    # Loading litellm takes seconds, so a misspelt bundled model is found before. `qwen.…` is a name of litellm's.
    if "/" not in name and "." not in name.partition("-")[0] and (hint := nearest(name, BUNDLED_MODELS)):
        raise ConfigError(f"There is no model '{name}'.{hint}")
    litellm = load_litellm()
    try:
        return str(litellm.get_llm_provider(name)[1])
    except Exception as error:
        _, slash, rest = name.partition("/")
        providers = [str(provider.value) for provider in litellm.provider_list]
        # With a provider in the name, the provider is probably misspelt; without one, the model's name is.
        hint = nearest(
            name, [f"{p}/{rest}" for p in providers] if slash else [*BUNDLED_MODELS, *litellm.model_cost]
        )
        raise ConfigError(f"litellm knows no provider for the model '{name}'.{hint or _NAME_FORM}") from error


def _reply_in(response: Any, name: str) -> Reply:
    """Convert litellm's response; it has OpenAI's form for every provider."""
    try:
        return reply_of(response.model_dump())
    except (UnknownFormError, RecursionError) as error:
        raise RequestError(f"{name} answered in a form that cannot be read: {error}", lost=True) from error


def _address(provider: str) -> list[str]:
    """Return the provider's addresses in the environment: one id at two addresses is two models."""
    prefix = provider.upper().replace("-", "_")
    variables = (f"{prefix}_API_BASE", f"{prefix}_BASE_URL")
    addresses = [os.environ[variable] for variable in variables if os.environ.get(variable)]
    # What follows the path can hold a key: `?api-key=…`.
    return [re.split(r"[?#]", without_userinfo(address))[0] for address in addresses]


def _cost(response: Any, name: str) -> float | None:
    """Return the request's cost in US dollars; None where litellm has no price."""
    try:
        return float(load_litellm().completion_cost(completion_response=response, model=name))
    except Exception:  # it raises many kinds, and an unknown price is no reason to lose a text
        return None


def _share_cost(candidates: list[Candidate], cost: float | None) -> list[Candidate]:
    """Divide the request's cost among its candidates, so that sums over candidates are right."""
    if cost is None:
        return candidates
    return [msgspec.structs.replace(candidate, cost=cost / len(candidates)) for candidate in candidates]
