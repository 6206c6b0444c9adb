"""HTTP requests to one OpenAI-compatible endpoint; every failure becomes an error of this project."""

from __future__ import annotations

import errno
from urllib.parse import unquote, urlsplit

import msgspec

from fusion_eval.errors import (
    ConfigError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
    nearest,
)
from fusion_eval.models.http.bounds import LARGEST
from fusion_eval.models.http.direct import DirectClient
from fusion_eval.models.http.response import Client, NoConnectionError, Response, TooLargeError, reason_of
from fusion_eval.models.openai.decoding import (
    UNREADABLE,
    UnreadableReplyError,
    decode_reply,
)
from fusion_eval.models.openai.errors import OVERLOADED, NoSuchModelError, error_for_response
from fusion_eval.models.openai.finish import failure_in_reply, message_in, status_in
from fusion_eval.models.openai.proxy import proxy_for
from fusion_eval.models.openai.reply_fields import UnknownFormError
from fusion_eval.models.openai.wire import Models, Reply
from fusion_eval.models.redactor import Redactor
from fusion_eval.text.redaction import without_userinfo

MODELS_SHOWN = 10
"""How many of the endpoint's models an error names when the requested one does not exist."""
_EXAMPLE = "it looks like http://localhost:8000/v1"
_encode = msgspec.json.Encoder().encode


class Connection:
    """HTTP connections to `base_url`, for requests to the model `name`.

    Args:
        name: The model's name at the endpoint.
        base_url: The endpoint's address, up to and including `/v1`.
        path: The path after `base_url` that generations are requested from.
        api_key: The key, or None where the endpoint needs none.
        key_variable: The environment variable that the key comes from; None where no key belongs to the host.
        timeout: Seconds for a whole request.
        key_argument: The model argument that names the variable, for error messages.

    Raises:
        ConfigError: `base_url` is not a base URL, or `api_key` has a control character.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        path: str,
        *,
        api_key: str | None,
        key_variable: str | None,
        timeout: float,
        key_argument: str = "api_key_env",
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        password = _check_url(self.base_url)
        if api_key and not api_key.isprintable():  # a line break would begin another header
            raise ConfigError("The API key holds a line break or another control character")
        self.where = without_userinfo(self.base_url)
        """The address without a password, for messages."""
        self.key_variable, self.key_argument = key_variable, key_argument
        self.answered = False
        """Whether the endpoint has answered a request with success."""
        self._path = path
        self._api_key = None if password else api_key  # a request can carry only one of the two
        self._proxy = proxy_for(self.base_url)
        proxy_password = urlsplit(self._proxy).password if self._proxy else None
        secrets = [secret for secret in (api_key, password, proxy_password) if secret]
        secrets += [unquote(secret) for secret in secrets if "%" in secret]  # as they are sent
        self.redactor = Redactor(secrets)
        """Hides the secrets of the requests."""
        self._timeout = timeout
        self._client: Client | None = None

    async def post(self, payload: dict[str, object], largest: int = LARGEST) -> Reply:
        """Request generations and return the reply, which has at least one choice.

        Args:
            payload: The body of the request.
            largest: The most bytes that the reply may have.

        Raises:
            TransientError: The request failed; the same request may succeed later.
            RequestError: The server refused this request and would refuse it again.
            EndpointError: The endpoint fails whatever the request.
        """
        response = await self.send(payload, largest)
        reply = self._decode(response)
        self.answered = True
        if not reply.choices:
            raise self._error_without_choices(reply)
        return reply

    async def send(self, payload: dict[str, object], largest: int = LARGEST) -> Response:
        """Send a request and return the response of its success; it raises what `post` raises."""
        data = _encode(payload)
        try:
            client = self._client or self._open()
            # Following a redirect would turn the POST into a GET, or send the key to another host.
            response = await client.request("POST", self._path, data, largest)
        except (OSError, ValueError) as error:
            failure = self._error_for_failure(error)
        else:
            if response.status // 100 != 2:
                raise await self._error_for_response(response)
            return response
        raise failure  # outside the handler: the client's own message can show a password in the URL

    async def _error_for_response(self, response: Response) -> FusionEvalError:
        error = error_for_response(self, response.status, response.headers, response.body, self.redactor)
        if isinstance(error, NoSuchModelError):
            return EndpointError(f"{error}{await self._available_models()}")
        return error

    def _error_without_choices(self, reply: Reply) -> TransientError:
        failure = failure_in_reply(reply)
        reason = f": {self.redactor.message(message_in(failure))}" if failure else ""
        return TransientError(
            f"{self.where} answered without any choice for {self.name}{reason}",
            overloaded=status_in(failure) in OVERLOADED,
            lost=not failure,
        )

    async def _available_models(self) -> str:
        """Return the end of a message that lists the endpoint's models; empty where they are unknown."""
        try:
            client = self._client or self._open()
            response = await client.request("GET", "models", b"", LARGEST)
            listed = msgspec.json.decode(response.body, type=Models)
        except (OSError, ValueError, *UNREADABLE):
            return ""
        names = [self.redactor.message(model.id, 100) for model in listed.data]
        shown = ", ".join(names[:MODELS_SHOWN]) + ", …" * (len(names) > MODELS_SHOWN)
        return f". It has {shown}.{nearest(self.name, names)}" if names else ""

    def _error_for_failure(self, error: Exception) -> FusionEvalError:
        """Return the error for a request that got no complete response."""
        reason = without_userinfo(self.redactor.message(reason_of(error)))
        if isinstance(error, NoConnectionError):
            return self._error_without_connection(error, reason)
        if isinstance(error, TooLargeError):
            return RequestError(f"{self.where} {error}", lost=True)
        if isinstance(error, TimeoutError):
            return TransientError(
                f"{self.name} at {self.where} gave no answer in {self._timeout:g} s", lost=True
            )
        if isinstance(error, ValueError):
            return EndpointError(f"base_url '{self.where}' names no host; {_EXAMPLE}")
        return TransientError(f"{self.name} at {self.where} broke the connection: {reason}", lost=True)

    def _error_without_connection(self, error: NoConnectionError, reason: str) -> FusionEvalError:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return TransientError(
                f"This process may open no more connections to {self.where}: raise `ulimit -n`, or lower concurrency=",
                overloaded=True,
            )
        if self.answered:  # it was up a moment ago, so it restarts; the address is right
            return TransientError(f"{self.where} no longer accepts connections: {reason}")
        return EndpointError(
            f"Cannot reach {self.where} for {self.name}: {reason}. Is the server up, and is base_url right?"
        )

    def _decode(self, response: Response) -> Reply:
        body = response.body
        try:
            return decode_reply(body)
        except UnknownFormError as error:
            raise RequestError(
                f"{self.where} answered {self.name} in another form than OpenAI's: {self.redactor.message(str(error))}",
                lost=True,
            ) from None
        except UnreadableReplyError as error:
            is_page = response.headers.get("content-type", "").startswith("text/html")
            if not self.answered and (is_page or body.lstrip()[:1] == b"<"):
                raise EndpointError(
                    f"{self.where} answered with a web page, not with JSON; base_url should end in /v1 as a rule"
                ) from None
            raise TransientError(
                f"{self.name} at {self.where} sent JSON that cannot be read ({self.redactor.message(str(error))})",
                lost=True,
            ) from None

    def _open(self) -> Client:
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        if self._proxy is None:
            self._client = DirectClient(self.base_url, headers, self._timeout)
        else:
            from fusion_eval.models.http.proxied import ProxiedClient  # aiohttp, which few need

            self._client = ProxiedClient(self.base_url, headers, self._timeout, self._proxy)
        return self._client

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _check_url(base_url: str) -> str | None:
    """Return the URL's password, if any. Errors never show it."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"base_url is not a URL; {_EXAMPLE}")
    if parts.query or parts.fragment:
        raise ConfigError(
            f"base_url {without_userinfo(base_url).split('?')[0].split('#')[0]} goes on after its path with ? or #; "
            f"{_EXAMPLE}"
        )
    return parts.password
