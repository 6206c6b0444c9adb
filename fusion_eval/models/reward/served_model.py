"""A reward model that vLLM or SGLang serves, called over HTTP. One `sample` is one request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from fusion_eval.errors import ConfigError, EndpointError, RequestError, nearest
from fusion_eval.models.openai.connection import Connection
from fusion_eval.models.reward.chat_template import ChatTemplate
from fusion_eval.models.reward.conversation import reply_with, request_and_response
from fusion_eval.types import Candidate, Prompt, Sampling

PATHS = ("pooling", "classify", "score", "rerank")


class RewardEndpoint:
    """The reward model behind one of vLLM's or SGLang's scoring paths.

    `/pooling` and `/classify` get the conversation as messages, to which vLLM applies the model's chat template. With
    `template` they get one text instead, as `input` for vLLM and `text` for SGLang. `/score` and `/v1/rerank` get request
    and response as two texts.

    Args:
        url: The address with its path.
        model: The model's name at the endpoint; None is the one that it serves.
        api_key: The key, or None where the endpoint needs none.
        key_variable: The environment variable that the key comes from.
        timeout: Seconds for a whole request.
        template: The model's chat template; None leaves that to the endpoint.

    Raises:
        ConfigError: The address is no URL, or ends in none of the paths.
    """

    chat = True
    max_n: int | None = 1

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        key_variable: str | None = None,
        timeout: float = 120.0,
        template: ChatTemplate | None = None,
    ) -> None:
        base_url, self._path = split_url(url)
        self.name = model or "the reward model"
        self._model, self._template = model, template
        self._connection = Connection(
            self.name, base_url, self._path, api_key=api_key, key_variable=key_variable, timeout=timeout
        )
        form = f"text|{template.identity}" if template else "messages"
        self.identity = f"reward|{self._connection.where}/{self._path}|{model or ''}|{form}"

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the score of a conversation as the text of one reply."""
        started = time.perf_counter()
        body = (await self._connection.send(self._payload(prompt))).body
        try:
            reply = msgspec.json.decode(body)
            score = _READERS[self._path](reply)
        except (
            msgspec.DecodeError,
            UnicodeError,
            RecursionError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise RequestError(
                f"{self._connection.where} answered /{self._path} in a form that is not known: "
                f"{self._connection.redactor.message(str(error))}",
                lost=True,
            ) from None
        self._connection.answered = True
        tokens = _tokens(reply)
        return [reply_with(score, self.name, sampling.seed, tokens, time.perf_counter() - started)]

    def _payload(self, conversation: Prompt) -> dict[str, object]:
        named: dict[str, object] = {"model": self._model} if self._model else {}
        request, response = request_and_response(conversation)
        if self._path == "score":
            return named | {"text_1": request, "text_2": response}
        if self._path == "rerank":
            return named | {"query": request, "documents": [response]}
        if self._template is not None:
            text = self._template.render(conversation)
            return named | {"input": text, "text": text}
        turns = [{"role": message.role, "content": message.content} for message in conversation.messages]
        return named | {"messages": turns}

    async def close(self) -> None:
        """Close the connections; a later `sample` opens new ones."""
        await self._connection.close()


def split_url(url: str) -> tuple[str, str]:
    """Return the address before its last part, and the last part, which is one of `PATHS`.

    Raises:
        ConfigError: The last part is none of them, the address is no URL, or it holds a password. Results name the scorer,
            so a password would be written there.
    """
    if "@" in url:
        raise ConfigError(
            "endpoint:URL names no user and no password; name the key's variable, api_key_env=NAME"
        )
    base_url, _, path = url.rstrip("/").rpartition("/")
    if path not in PATHS:
        shown = url.partition("?")[0]
        raise ConfigError(
            f"endpoint:{shown} should end in one of /{', /'.join(PATHS)}.{nearest(path, PATHS)} It looks like "
            "endpoint:http://localhost:8000/classify"
        )
    if not re.match(r"https?://[^/?#]", base_url):
        raise ConfigError(
            f"endpoint:{url} does not begin as a URL does; it looks like endpoint:http://localhost:8000/{path}"
        )
    return base_url, path


def _pooled(reply: Any) -> float:
    """Read vLLM's `/pooling`: one number, or one for each token, of which the last counts."""
    value = reply["data"][0]["data"]
    if isinstance(value, list) and value and isinstance(value[0], list):
        value = value[-1]
    return _only(value)


def _classified(reply: Any) -> float:
    """Read `/classify`: vLLM's probabilities, or SGLang's `embedding`, alone or in a list."""
    if isinstance(reply, list):
        reply = reply[0]
    return _only(reply["embedding"] if "embedding" in reply else reply["data"][0]["probs"])


def _scored(reply: Any) -> float:
    return _only([reply["data"][0]["score"]])


def _reranked(reply: Any) -> float:
    """Read `/v1/rerank`: vLLM's `results`, or SGLang's list."""
    first = (reply["results"] if isinstance(reply, dict) else reply)[0]
    return _only([first["relevance_score"] if "relevance_score" in first else first["score"]])


_READERS: dict[str, Callable[[Any], float]] = {
    "pooling": _pooled,
    "classify": _classified,
    "score": _scored,
    "rerank": _reranked,
}


def _only(values: Any) -> float:
    """Return the one number of a reward model.

    Raises:
        EndpointError: There are several, so the model is no reward model.
    """
    if len(values) != 1:
        raise EndpointError(
            f"The endpoint gives {len(values)} numbers for a response, and a reward model gives one; serve another model"
        )
    if isinstance(values[0], bool) or not isinstance(values[0], int | float):
        raise TypeError(f"{values[0]!r:.100} is not a number")
    return float(values[0])


def _tokens(reply: Any) -> int:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else 0
