"""Any OpenAI-compatible endpoint, straight over aiohttp: the hot path.

One `sample` is one HTTP request, but for the first that teaches the door what its endpoint does not take. Retries
and slots are the affair of `limited`, missing choices that of `cached`.
"""

from __future__ import annotations

import errno
import time
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from fusion_eval.errors import (
    ConfigError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
    nearest,
)
from fusion_eval.models.choices import Choices
from fusion_eval.models.openai import echo
from fusion_eval.models.openai.body import whole_body, with_half_characters
from fusion_eval.models.openai.errors import (
    UNREADABLE,
    NoSuchModelError,
    OptionRefusedError,
    clean,
    refusal_of,
    said_in,
    without_userinfo,
)
from fusion_eval.models.openai.wire import Models, Reply, candidates_of, payload_of
from fusion_eval.types import Candidate, Prompt, Sampling

T = TypeVar("T")

CONNECT_SECONDS = 30.0
"""A host that has not taken a connection by then is away."""
MODELS_SHOWN = 10
"""Of those that an endpoint has, where it lacks the one that was named."""
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
        self.name, self.chat = name, chat
        self.base_url = base_url.rstrip("/")
        password = _check_url(self.base_url)
        self._where = without_userinfo(self.base_url)
        self.identity = identity or f"openai|{self._where}|{name}|{'chat' if chat else 'completion'}"
        self._choices = Choices()
        self.key_variable = api_key_env
        """The environment variable that a refused key should be looked for in."""
        self._url = f"{self.base_url}/{'chat/completions' if chat else 'completions'}"
        self._api_key = None if password else api_key  # a request can show one of the two only
        self._secrets = tuple(secret for secret in (api_key, password) if secret)
        self._timeout = timeout
        self._length = "max_tokens"
        self._session: aiohttp.ClientSession | None = None
        self.answered = False

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """One request for n choices; fewer come back where the endpoint ignores `n` (`max_n` tells, after a few)."""
        n = min(n, self.max_n or n)
        payload = payload_of(self.name, prompt, sampling, n, self.chat, self._length)
        started = time.perf_counter()
        try:
            reply = await self._ask(payload)
        except OptionRefusedError as error:
            if error.option not in payload:
                raise
            self._do_without(error.option)
            return await self.sample(prompt, sampling, n)
        candidates = candidates_of(reply, self.name, sampling, time.perf_counter() - started)
        self._choices.came(len(candidates), n)
        return candidates[:n]

    @property
    def max_n(self) -> int | None:
        """Choices that one request brings; None until the endpoint keeps bringing fewer than were asked for."""
        return self._choices.most

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """By echoing the prompt with its log-probabilities: plain completions endpoints only (vLLM, SGLang, …)."""
        if self.chat:
            raise EndpointError(
                f"{self.name} is asked for chat, which tells no log-probability of a given text; "
                "add completion=true if it serves /completions with echo, or use model=lm_eval:hf,pretrained=…"
            )
        prompts = echo.echo_prompts(context, continuation)
        try:
            reply = await self._ask(echo.echo_payload(self.name, prompts))
        except RequestError as error:
            if echo.refuses_echo(error):
                raise echo.no_echo(self.name) from error
            raise
        return echo.read_echo(reply, prompts, self.name)

    async def _ask(self, payload: dict[str, object]) -> Reply:
        reply = await self.request(self._url, payload, Reply)
        if not reply.choices:
            said = f": {clean(said_in(reply.error), self._secrets)}" if reply.error else ""
            raise TransientError(
                f"{self._where} answered without any choice for {self.name}{said}", lost=not reply.error
            )
        return reply

    def _do_without(self, option: str) -> None:
        if option == "n":
            self._choices.most = 1
        else:
            self._length = "max_completion_tokens"  # OpenAI's newer name

    async def request(self, url: str, payload: dict[str, object], kind: type[T]) -> T:
        """POST and decode; every way to fail becomes one of the three kinds of error."""
        if self._session is None:
            self._session = self._open()
        data = _encode(payload)
        try:
            # Whoever follows a redirect turns the POST into a GET, or takes the key to another host. `read` lets go of
            # the connection, whatever happens to it, so no `async with` is needed, which is a tenth of the door's CPU.
            response = await self._session.post(url, data=data, allow_redirects=False)
            body = await whole_body(response)
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
            failure = self._failure(error)
        else:
            if response.status // 100 != 2:
                refused = refusal_of(self, response.status, response.headers, body, self._secrets)
                if isinstance(refused, NoSuchModelError):
                    refused = EndpointError(f"{refused}{await self._others()}")
                raise refused
            decoded = self._decode(body, response, kind)
            self.answered = True
            return decoded
        raise failure  # outside the handler: aiohttp's own words can show a password in the URL

    async def _others(self) -> str:
        """What the endpoint has in place of a model that it lacks; nothing where it does not tell."""
        session = self._session or self._open()
        try:
            response = await session.get(f"{self.base_url}/models", allow_redirects=False)
            listed = msgspec.json.decode(await whole_body(response), type=Models)
        except (aiohttp.ClientError, TimeoutError, OSError, TransientError, *UNREADABLE):
            return ""
        names = [clean(model.id, self._secrets, 100) for model in listed.data]
        shown = ", ".join(names[:MODELS_SHOWN]) + ", …" * (len(names) > MODELS_SHOWN)
        return f". It has {shown}.{nearest(self.name, names)}" if names else ""

    def _failure(self, error: Exception) -> FusionEvalError:
        reason = clean(_reason(error), self._secrets)
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError):
            if getattr(getattr(error, "os_error", None), "errno", None) in (errno.EMFILE, errno.ENFILE):
                return TransientError(
                    f"This process may open no more connections to {self._where}: raise `ulimit -n`, or lower concurrency=",
                    overloaded=True,
                )
            if self.answered:  # it was up a moment ago: a restart, not a wrong address
                return TransientError(f"{self._where} is gone: {reason}")
            return EndpointError(
                f"Cannot reach {self._where} for {self.name}: {reason}. Is the server up, and is base_url right?"
            )
        if isinstance(error, TimeoutError):
            return TransientError(
                f"{self.name} at {self._where} gave no answer in {self._timeout:g} s", lost=True
            )
        if isinstance(error, aiohttp.InvalidURL | UnicodeError):
            return EndpointError(f"base_url '{self._where}' names no host; {_LOOKS_LIKE}")
        return TransientError(f"{self.name} at {self._where} broke the connection: {reason}", lost=True)

    def _decode(self, body: bytes, response: aiohttp.ClientResponse, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            raise RequestError(
                f"{self._where} answered {self.name} in another form than OpenAI's: {error}", lost=True
            ) from error
        except UNREADABLE as error:
            if b"\\ud" in body.lower() and (halved := with_half_characters(body, kind)):
                return halved
            if not self.answered and (response.content_type == "text/html" or body.lstrip()[:1] == b"<"):
                raise EndpointError(
                    f"{self._where} answered with a web page, not with JSON; base_url should end in /v1 as a rule"
                ) from error
            raise TransientError(
                f"{self.name} at {self._where} sent JSON that cannot be read ({error})", lost=True
            ) from error

    def _open(self) -> aiohttp.ClientSession:
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        # The number of requests in flight is the limiter's affair, so the connector sets none.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
        timeout = aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_SECONDS)
        return aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout)

    async def close(self) -> None:
        """Close the connections; a later `sample` opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


_LOOKS_LIKE = "it looks like http://localhost:8000/v1"


def _check_url(base_url: str) -> str | None:
    """The URL's password, where it has one; a `ConfigError`, which does not show it, where it is no base URL."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"base_url is not a URL; {_LOOKS_LIKE}")
    if parts.query or parts.fragment:
        raise ConfigError(
            f"base_url {without_userinfo(base_url).split('?')[0].split('#')[0]} goes on after its path, with ? or #, "
            f"which has no use here; {_LOOKS_LIKE}"
        )
    return parts.password


def _reason(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__
