"""Log-likelihood of a given text from a plain completions endpoint that echoes its prompt."""

from __future__ import annotations

from fusion_eval.errors import EndpointError
from fusion_eval.models.openai_wire import Logprobs, Reply


def echo_payload(name: str, context: str, continuation: str) -> dict[str, object]:
    """Asks for the whole text back with its log-probabilities, and for the context alone, to count its tokens.

    Counting is how the harness tells the two apart. Characters would not do: some servers show their own tokens
    before the text, letters of several bytes as several tokens, and offsets that are wrong or -1. As in the
    harness, spaces at the end of the context belong to the continuation. One token is generated for each, as some
    servers refuse to generate none.
    """
    whole, context = context + continuation, context.rstrip()
    return {
        "model": name,
        "prompt": [whole, context] if context else [whole],
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
        "seed": 0,
    }


def read_echo(reply: Reply, payload: dict[str, object], name: str) -> tuple[float, bool]:
    """Sum of the log-probabilities of the continuation's tokens, and whether each was the likeliest."""
    choices = sorted(reply.choices, key=lambda choice: choice.index)
    echoed = [_echoed(choice.logprobs) for choice in choices]
    if len(echoed) != len(payload["prompt"]) or not all(echoed):  # type: ignore[arg-type] # a list, as made above
        raise EndpointError(
            f"{name} does not echo its prompt with log-probabilities, which log-likelihood tasks need; "
            "use an endpoint that does (vLLM, SGLang), or model=lm_eval:hf,pretrained=…"
        )
    start = len(echoed[1]) if len(echoed) > 1 else 0
    # The first token of all has no probability; and a continuation has one token at the least.
    scored = [(value, top) for value, top in echoed[0][min(start, len(echoed[0]) - 1) :] if value is not None]
    return sum(value for value, _ in scored), all(top is not None and value >= top for value, top in scored)


def _echoed(logprobs: Logprobs | None) -> list[tuple[float | None, float | None]]:
    """(log-probability, the likeliest token's) of each token of the prompt; empty where they were not sent."""
    if logprobs is None or not logprobs.token_logprobs or not logprobs.top_logprobs:
        return []
    best = [max(top.values()) if top else None for top in logprobs.top_logprobs]
    return list(zip(logprobs.token_logprobs, best, strict=False))[:-1]  # without the token that was generated
