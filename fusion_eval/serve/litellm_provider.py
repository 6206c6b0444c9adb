"""Strategies as a custom provider of litellm: the model `fusion_eval/fusion` in a program or a litellm proxy.

    litellm.custom_provider_map = [{"provider": "fusion_eval", "custom_handler": FusionProvider(model_args={…})}]

A proxy's configuration names `fusion_eval.serve.litellm_provider.handler`, which environment variables set up. Clients
of the proxy cannot change the model arguments, which can name files and addresses.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from typing import Any

import msgspec

from fusion_eval.argument_values import DEFAULT_STRATEGIES
from fusion_eval.errors import FusionEvalError
from fusion_eval.model_arguments import parse
from fusion_eval.models.event_loop import new_event_loop
from fusion_eval.serve.engine import Engine
from fusion_eval.serve.errors import api_error
from fusion_eval.serve.memory_store import open_server_store
from fusion_eval.serve.replies import Reply
from fusion_eval.serve.requests import read_request
from fusion_eval.strategies.specs import read_strategies
from fusion_eval.text.specs import split_list

STRATEGIES_VARIABLE = "FUSION_EVAL_STRATEGIES"
"""The strategies of `handler`: `fusion,bon(scorer=chrf)`."""
ARGUMENTS_VARIABLE = "FUSION_EVAL_MODEL_ARGS"
"""The model arguments of `handler`: `model=NAME,base_url=URL,n=5`."""
_DROPPED = ("stream", "stream_options", "max_retries", "extra_headers", "n")
"""Parameters that litellm itself deals with, and the number of choices: litellm reads one."""

# With an import statement, a type checker would read all of litellm, which takes a minute.
_litellm: Any = importlib.import_module("litellm")


class FusionProvider(_litellm.CustomLLM):  # type: ignore[misc] # its type is not read
    """A provider whose models are strategies. Its first request starts an event loop in a thread, which it keeps.

    Args:
        strategies: The strategies to serve; None reads `FUSION_EVAL_STRATEGIES`.
        model_args: The model arguments; None reads `FUSION_EVAL_MODEL_ARGS`.
    """

    def __init__(
        self, strategies: tuple[str, ...] | None = None, model_args: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self._strategies, self._model_args = strategies, model_args
        self._lock = threading.Lock()
        self._opened: tuple[asyncio.AbstractEventLoop, Engine] | None = None

    def completion(self, model: str, messages: list[Any], *_: Any, **settings: Any) -> Any:
        """Answer a request, and wait for it."""
        loop, engine = self._open()
        work = self._reply(engine, model, messages, settings)
        return _response(asyncio.run_coroutine_threadsafe(work, loop).result())

    async def acompletion(self, model: str, messages: list[Any], *_: Any, **settings: Any) -> Any:
        """Answer a request. If the caller is cancelled, the calls of the request are cancelled."""
        loop, engine = self._open()
        work = self._reply(engine, model, messages, settings)
        return _response(await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop)))

    def streaming(self, model: str, messages: list[Any], *_: Any, **settings: Any) -> Iterator[Any]:
        """Yield the final answer as one chunk, once it is made."""
        yield _chunk(self.completion(model, messages, **settings))

    async def astreaming(
        self, model: str, messages: list[Any], *_: Any, **settings: Any
    ) -> AsyncIterator[Any]:
        """Yield the final answer as one chunk, once it is made."""
        yield _chunk(await self.acompletion(model, messages, **settings))

    def close(self) -> None:
        """Close the connections and end the thread, as the end of the program does. A later request starts anew."""
        with self._lock:
            if self._opened is None:
                return
            loop, engine = self._opened
            self._opened = None
        atexit.unregister(self.close)
        asyncio.run_coroutine_threadsafe(engine.close(), loop).result()
        engine.store.close()
        loop.call_soon_threadsafe(loop.stop)

    def _open(self) -> tuple[asyncio.AbstractEventLoop, Engine]:
        with self._lock, _as_litellm_errors():
            if self._opened is None:
                model_args = self._model_args
                arguments = parse(_from_environment() if model_args is None else model_args)
                strategies = self._strategies or os.environ.get(STRATEGIES_VARIABLE) or DEFAULT_STRATEGIES
                engine = Engine(read_strategies(strategies), arguments, open_server_store(arguments))
                loop = new_event_loop()
                threading.Thread(target=loop.run_forever, name="fusion_eval", daemon=True).start()
                self._opened = loop, engine
                # Otherwise aiohttp complains of open connections when the program ends.
                atexit.register(self.close)
            return self._opened

    def _reply(
        self, engine: Engine, model: str, messages: list[Any], settings: Mapping[str, Any]
    ) -> Coroutine[Any, Any, bytes]:
        options = {
            name: value
            for name, value in (settings.get("optional_params") or {}).items()
            if name not in _DROPPED
        }
        options |= options.pop("extra_body", None) or {}

        async def reply() -> bytes:
            with _as_litellm_errors():
                raw = msgspec.json.encode({**options, "model": model, "messages": messages})
                request = read_request(raw, engine.arguments, chat=True, logprobs=engine.logprobs)
                signature = engine.signatures[engine.solver(model).spec]
                return Reply(request, signature).whole(await engine.answer(model, request.questions))

        return reply()


@contextlib.contextmanager
def _as_litellm_errors() -> Iterator[None]:
    """Turn our errors into litellm's, which hold the HTTP status."""
    custom = importlib.import_module("litellm.llms.custom_llm")
    try:
        yield
    except FusionEvalError as error:
        refusal = api_error(error)
        raise custom.CustomLLMError(status_code=refusal.status, message=str(refusal)) from error


def _from_environment() -> dict[str, object]:
    pairs = (part.partition("=") for part in split_list(os.environ.get(ARGUMENTS_VARIABLE, "")) if part)
    return {name: value for name, _, value in pairs}


def _response(reply: bytes) -> Any:
    return _litellm.ModelResponse(**msgspec.json.decode(reply))


def _chunk(response: Any) -> dict[str, Any]:
    choice, usage = response.choices[0], response.usage
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {
        "text": choice.message.content or "",
        "is_finished": True,
        "finish_reason": choice.finish_reason,
        "index": 0,
        "tool_use": None,
        "usage": {name: getattr(usage, name) for name in names},
    }


handler = FusionProvider()
"""The provider for a proxy's configuration. It opens nothing before its first request."""
