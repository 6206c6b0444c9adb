"""Any OpenAI-compatible endpoint, straight over aiohttp: the hot path.

One `sample` is one HTTP request. Retries, slots and missing choices are the affair of `limited`.
"""

from __future__ import annotations

import time
from typing import TypeVar

import aiohttp
import msgspec

from fusion_eval.errors import EndpointError, RequestError, TransientError
from fusion_eval.models.openai_errors import refusal_of, without_userinfo
from fusion_eval.models.openai_wire import Reply, candidates_of, payload_of
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class OpenAIModel:
    """A model behind `base_url`, asked for chat completions, or for plain completions where `chat` is False."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        chat: bool = True,
        timeout: float = 120.0,
        identity: str | None = None,
    ) -> None:
        self.name = name
        self.chat = chat
        self.base_url = base_url.rstrip("/")
        self.identity = identity or f"openai|{without_userinfo(self.base_url)}|{name}|{_form(chat)}"
        self.max_n: int | None = None
        """Choices that one request brings; None until the endpoint has shown that it ignores `n`."""
        self._url = f"{self.base_url}/{'chat/completions' if chat else 'completions'}"
        self._api_key, self._api_key_env = api_key, api_key_env
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._answered = False

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """One request for n choices; fewer come back where the endpoint ignores `n` (`max_n` then says 1)."""
        if self.max_n is not None:
            n = min(n, self.max_n)
        started = time.perf_counter()
        payload = payload_of(self.name, prompt, sampling, n, self.chat)
        reply = await self.request(self._url, payload, Reply)
        candidates = candidates_of(reply, self.name, sampling, time.perf_counter() - started)
        if not candidates:
            raise TransientError(f"{self.name} answered without any choice")
        if len(candidates) < n:
            self.max_n = len(candidates)
        return candidates[:n]

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """By echoing the prompt with its log-probabilities: plain completions endpoints only (vLLM, SGLang, …)."""
        from fusion_eval.models.openai_echo import echo_payload, read_echo

        if self.chat:
            raise EndpointError(
                f"{self.name} is asked for chat, which tells no log-probability of a given text; "
                "add completion=true if it serves /completions with echo, or use model=lm_eval:hf,pretrained=…"
            )
        reply = await self.request(self._url, echo_payload(self.name, context + continuation), Reply)
        return read_echo(reply, len(context), self.name)

    async def request(self, url: str, payload: dict[str, object], kind: type[T]) -> T:
        """POST and decode; every way to fail becomes one of the three kinds of error."""
        session = self._session
        if session is None or session.closed:
            session = self._session = self._open()
        try:
            async with session.post(url, data=_encode(payload)) as response:
                body = await response.read()
                self._answered = True
                if response.status == 200:
                    return self._parse(body, response.content_type, kind)
                if "n" in payload and response.status in (400, 422) and _blames_n(body):
                    self.max_n = 1
                    raise TransientError(f"{self.name} takes no n > 1", retry_after=0.0)
                raise refusal_of(self, response.status, dict(response.headers), body, self._secrets())
        except TimeoutError as error:
            raise TransientError(
                f"{self.name} at {self._where} gave no answer in {self._timeout:g} s"
            ) from error
        except aiohttp.ClientConnectorError as error:
            if self._answered:  # it was up a moment ago: a restart, not a wrong address
                raise TransientError(f"{self._where} is gone: {_reason(error)}") from error
            raise EndpointError(
                f"Cannot reach {self._where} for {self.name}: {_reason(error)}. Is the server up, and is base_url right?"
            ) from error
        except aiohttp.InvalidURL as error:
            raise EndpointError(
                f"base_url '{self._where}' is not a URL; it looks like http://localhost:8000/v1"
            ) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise TransientError(
                f"{self.name} at {self._where} broke the connection: {_reason(error)}"
            ) from error

    def _parse(self, body: bytes, content_type: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            if content_type == "text/html" or body.lstrip()[:1] == b"<":
                raise RequestError(
                    f"{self._where} answered with a web page, not with JSON; base_url should end in /v1 as a rule"
                ) from error
            raise TransientError(
                f"{self.name} at {self._where} sent JSON that cannot be read ({error})"
            ) from error

    def _open(self) -> aiohttp.ClientSession:
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        # The number of requests in flight is the limiter's affair, so the connector sets none.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
        return aiohttp.ClientSession(
            headers=headers,
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )

    @property
    def _where(self) -> str:
        return without_userinfo(self.base_url)

    @property
    def key_variable(self) -> str:
        """The environment variable that a refused key should be looked for in."""
        return self._api_key_env

    def _secrets(self) -> tuple[str, ...]:
        return (self._api_key,) if self._api_key else ()

    async def close(self) -> None:
        """Close the connections; a later `sample` opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _form(chat: bool) -> str:
    return "chat" if chat else "completion"


def _blames_n(body: bytes) -> bool:
    lowered = body.lower()
    return any(
        mark in lowered for mark in (b"'n'", b'"n"', b"`n`", b"n > 1", b"n must be", b"multiple choices")
    )


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__
