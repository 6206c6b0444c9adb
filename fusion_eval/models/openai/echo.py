"""Log-likelihood of a given text from a plain completions endpoint that echoes its prompt."""

from __future__ import annotations

import re

from fusion_eval.errors import EndpointError, RequestError
from fusion_eval.models.openai.wire import Logprobs, Reply

_REFUSES_ECHO = re.compile(r"\becho\b|log[-_ ]?prob", re.IGNORECASE)


def echo_prompts(context: str, continuation: str) -> list[str]:
    """The whole text, and the context alone, whose tokens are counted; as in the harness, spaces between the two
    belong to the continuation.

    Counting tokens is how the harness tells the two apart. Characters would not do: some servers show tokens of
    their own before the text, letters of several bytes as several tokens, and offsets that are wrong or -1.
    """
    whole, context = context + continuation, context.rstrip()
    return [whole, context] if context else [whole]


def echo_payload(name: str, prompts: list[str]) -> dict[str, object]:
    """Asks for the prompts back with their log-probabilities; one token more, as some servers refuse zero."""
    return {
        "model": name,
        "prompt": prompts,
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
        "seed": 0,
    }


def read_echo(reply: Reply, prompts: list[str], name: str) -> tuple[float, bool]:
    """Sum of the log-probabilities of the continuation's tokens, and whether each was the likeliest."""
    choices = sorted(reply.choices or (), key=lambda choice: choice.index)
    echoed = [_echoed(choice.logprobs) for choice in choices]
    if len(echoed) != len(prompts) or not all(echoed):
        raise no_echo(name)
    start = len(echoed[1]) if len(echoed) > 1 else 0
    continuation = echoed[0][min(start, len(echoed[0]) - 1) :]  # one token at the least
    scored = [(value, top) for value, top in continuation if value is not None]  # the first of all has none
    return sum(value for value, _ in scored), all(top is not None and value >= top for value, top in scored)


def no_echo(name: str) -> EndpointError:
    """The endpoint cannot do it."""
    return EndpointError(
        f"{name} does not echo its prompt with log-probabilities, which log-likelihood tasks need; "
        "use an endpoint that does (vLLM, SGLang), or model=lm_eval:hf,pretrained=…"
    )


def refuses_echo(error: RequestError) -> bool:
    """Whether that is why the request was refused."""
    return bool(_REFUSES_ECHO.search(str(error)))


def _echoed(logprobs: Logprobs | None) -> list[tuple[float | None, float | None]]:
    """(log-probability, the likeliest token's) of each token of the prompt; empty where they were not sent."""
    if logprobs is None or not logprobs.token_logprobs or not logprobs.top_logprobs:
        return []
    best = [max(top.values()) if top else None for top in logprobs.top_logprobs]
    return list(zip(logprobs.token_logprobs, best, strict=False))[:-1]  # without the token that was generated
