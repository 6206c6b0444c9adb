"""Log-likelihood of a given text from a plain completions endpoint that echoes its prompt."""

from __future__ import annotations

from fusion_eval.errors import EndpointError
from fusion_eval.models.openai_wire import Reply


def echo_payload(name: str, text: str) -> dict[str, object]:
    """Asks for the prompt back with its log-probabilities; one token more, as some servers refuse zero."""
    return {
        "model": name,
        "prompt": text,
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
        "seed": 0,
    }


def read_echo(reply: Reply, start: int, name: str) -> tuple[float, bool]:
    """Sum of the log-probabilities of the tokens from character `start` on, and whether each was the likeliest."""
    logprobs = reply.choices[0].logprobs if reply.choices else None
    tokens, values = (logprobs.tokens, logprobs.token_logprobs) if logprobs else (None, None)
    if logprobs is None or tokens is None or values is None or len(tokens) < 2:
        raise EndpointError(
            f"{name} does not echo its prompt with log-probabilities, which log-likelihood tasks need; "
            "use an endpoint that does (vLLM, SGLang), or model=lm_eval:hf,pretrained=…"
        )
    offsets = logprobs.text_offset or _offsets(tokens)
    best = logprobs.top_logprobs or [None] * len(tokens)
    total, greedy = 0.0, True
    for token, value, offset, top in list(zip(tokens, values, offsets, best, strict=True))[:-1]:
        if offset + len(token) <= start or value is None:
            continue
        total += value
        greedy = greedy and top is not None and max(top, key=lambda word: top[word]) == token
    return total, greedy


def _offsets(tokens: list[str]) -> list[int]:
    offsets, position = [], 0
    for token in tokens:
        offsets.append(position)
        position += len(token)
    return offsets
