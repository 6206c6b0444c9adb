"""Any OpenAI-compatible endpoint, called directly over HTTP.

One `sample` is one HTTP request. Only the first requests may need a second try, without an option that the endpoint
refuses. `Limited` retries failed requests and bounds those in flight; `Cached` asks for choices that are missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from fusion_eval.models.http.bounds import largest_reply
from fusion_eval.models.logs import log
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.connection import Connection
from fusion_eval.models.openai.errors import OptionRefusedError
from fusion_eval.models.openai.options import LearnedOptions
from fusion_eval.models.openai.wire import payload_of
from fusion_eval.types import Candidate, Prompt, Sampling


class OpenAIModel:
    """The model `name` behind `base_url`.

    Args:
        name: The model's name at the endpoint.
        base_url: The endpoint's address, up to and including `/v1`.
        api_key: The key, or None where the endpoint needs none.
        api_key_env: The environment variable that the key comes from; None where no key belongs to the host.
        chat: True for chat completions, False for plain-text completions.
        timeout: Seconds for a whole request.
        identity: What identifies the model in the store; by default its address, name and form of prompt.
        key_argument: The model argument that names `api_key_env`, for error messages.
        warn: Called with one sentence for each option that the endpoint refuses.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str | None = None,
        api_key_env: str | None = None,
        chat: bool = True,
        timeout: float = 120.0,
        identity: str | None = None,
        key_argument: str = "api_key_env",
        warn: Callable[[str], None] = log.warning,
    ) -> None:
        self.name, self.chat = name, chat
        self._connection = Connection(
            name,
            base_url,
            "chat/completions" if chat else "completions",
            api_key=api_key,
            key_variable=api_key_env,
            timeout=timeout,
            key_argument=key_argument,
        )
        form = "chat" if chat else "completion"
        self.identity = identity or f"openai|{self._connection.where}|{name}|{form}"
        self._options = LearnedOptions()
        self._warn = warn

    @property
    def max_n(self) -> int | None:
        """The most choices that one request brings; None until the endpoint shows a limit."""
        return self._options.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Send one request for n choices; fewer come back where the endpoint ignores or bounds `n`."""
        n = self._options.choices_to_request(n)
        payload = payload_of(self.name, prompt, sampling, n, self.chat, self._options.length_option)
        omitted = self._options.omit_from(payload) if self._options.omitted else ()
        connection = self._connection
        started = time.perf_counter()
        try:
            reply = await connection.post(payload, largest_reply(sampling, n))
        except OptionRefusedError as error:
            if error.option not in payload:
                raise
            if self._options.avoid(error.option):
                self._warn(
                    f"{self.name} at {connection.where} refuses the option {error.option}. Its requests go without it, "
                    f"and the endpoint's own default counts"
                )
            return await self.sample(prompt, sampling, n)
        latency = time.perf_counter() - started
        candidates = candidates_of(reply, self.name, sampling, latency, connection.redactor)
        self._options.record_choices(len(candidates), n)
        if omitted:
            candidates = [msgspec.structs.replace(candidate, omitted=omitted) for candidate in candidates]
        return candidates[:n]

    async def close(self) -> None:
        """Close the connections; a later `sample` opens new ones."""
        await self._connection.close()
