"""Make candidates out of a reply: text, reasoning, tokens, log-probabilities, and failures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain, count, repeat
from operator import attrgetter

import msgspec

from fusion_eval.errors import TransientError
from fusion_eval.models.openai.finish import (
    failure_in_choice,
    failure_in_reply,
    finish_name,
    message_in,
    status_in,
)
from fusion_eval.models.openai.last_number import last_number_alternatives
from fusion_eval.models.openai.wire import Logprobs, Reply, ReplyChoice, ReplyMessage, ReplyUsage
from fusion_eval.models.reasoning import split_reasoning
from fusion_eval.models.redactor import Redactor
from fusion_eval.types import Candidate, Sampling

_NO_SECRETS = Redactor()
_IMPOSSIBLE = -9999.0
"""What vLLM sends in place of minus infinity, which JSON cannot hold."""
_MOST_TOKENS = 1 << 31
"""More than any model reads or writes."""


def candidates_of(
    reply: Reply, name: str, sampling: Sampling, latency: float, redactor: Redactor = _NO_SECRETS
) -> list[Candidate]:
    """Return the choices as candidates, in the order of their index.

    A choice that says that it failed becomes a candidate with `error`.

    Args:
        reply: The reply to one request.
        name: The model's name, recorded in each candidate.
        sampling: The sampling options of the request; the i-th candidate has the seed `sampling.seed + i`.
        latency: Seconds from request to reply.
        redactor: Hides the secrets of the request in texts and errors.

    Raises:
        TransientError: The whole reply or each of its choices says that it failed.
    """
    if failure := failure_in_reply(reply):
        raise _failed(failure, name, redactor)
    choices = reply.choices or []
    if len(choices) > 1:
        choices = sorted(choices, key=attrgetter("index"))
    finishes = [finish_name(choice.finish_reason) for choice in choices]
    failures = [_failure_of(choice, finish) for choice, finish in zip(choices, finishes, strict=True)]
    if choices and all(failures):
        raise _failed(failures[0], name, redactor)
    usage = reply.usage or ReplyUsage()
    # The first candidate has the tokens of the whole prompt.
    prompt_tokens = chain([_plausible_count(usage.prompt_tokens)], repeat(0))
    tokens = _completion_tokens(choices, _plausible_count(usage.completion_tokens))
    thoughts = _reasoning_tokens(usage, tokens)
    return [
        _candidate(choice, finish or "unknown", name, seed, read, written, thought, latency, redactor)
        if failure is None
        else Candidate(
            text="",
            model=name,
            seed=seed,
            finish_reason="error",
            prompt_tokens=read,
            completion_tokens=written,
            latency=latency,
            error=str(_failed(failure, name, redactor)),
        )
        for choice, finish, failure, seed, read, written, thought in zip(
            choices, finishes, failures, count(sampling.seed), prompt_tokens, tokens, thoughts, strict=False
        )
    ]


def _reasoning_tokens(usage: ReplyUsage, tokens: list[int]) -> list[int]:
    """Return an even share of the reasoning tokens for each choice, no more than the choice's own tokens."""
    details = usage.completion_tokens_details
    if details is None or not tokens:
        return [0] * len(tokens)
    share, rest = divmod(_plausible_count(details.reasoning_tokens), len(tokens))
    return [min(own, share + (i < rest)) for i, own in enumerate(tokens)]


def _failed(failure: object, name: str, redactor: Redactor) -> TransientError:
    """Return the error for a reply, or a choice, that says that it failed."""
    return TransientError(
        f"{name} sent a reply without an answer: {redactor.message(message_in(failure))}",
        overloaded=status_in(failure) in (429, 503, 529),
        lost=True,
    )


def _failure_of(choice: ReplyChoice, finish: str | None) -> object:
    """Return why a choice with this finish reason holds no answer; None if it holds one."""
    if failure := failure_in_choice(choice):
        return failure
    if finish is None:
        return f"it ended with '{message_in(choice.finish_reason)}'"
    message = choice.message
    if message is None:
        nothing = choice.text is None or (finish == "unknown" and not choice.text)
    else:
        nothing = finish == "unknown" and not (message.content or message.refusal or _reasoning_in(message))
    return "it holds neither a text nor a reason to end" if nothing else None


def _candidate(
    choice: ReplyChoice,
    finish: str,
    name: str,
    seed: int,
    prompt_tokens: int,
    completion_tokens: int,
    reasoning_tokens: int,
    latency: float,
    redactor: Redactor,
) -> Candidate:
    message, logprobs = choice.message, choice.logprobs
    written = (message.content or message.refusal if message else choice.text) or ""
    text, reasoning = split_reasoning(written)
    if message:
        if field := _reasoning_in(message):
            text = text.lstrip()  # some servers leave the blank lines that follow the reasoning
            reasoning = field
        if message.refusal and not message.content:
            finish = "refusal"
    candidate = Candidate(
        redactor.text(text),
        name,
        seed,
        finish,
        prompt_tokens,
        completion_tokens,
        reasoning=redactor.text(reasoning) if reasoning else "",
        latency=latency,
        reasoning_tokens=reasoning_tokens,
    )
    if logprobs is None:
        return candidate
    return msgspec.structs.replace(
        candidate,
        mean_logprob=_mean(_token_logprobs(logprobs)),
        confidences=_confidences(logprobs),
        last_number=last_number_alternatives(logprobs),
    )


def _reasoning_in(message: ReplyMessage) -> str:
    """Return the reasoning that stands in a field of its own. OpenRouter sends a list of details."""
    reasoning = message.reasoning_content or message.reasoning or message.thinking
    if reasoning or not isinstance(message.reasoning_details, list):
        return reasoning or ""
    parts = [part for part in message.reasoning_details if isinstance(part, dict)]
    texts = [part.get("text") or part.get("summary") for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _token_logprobs(logprobs: Logprobs) -> list[float]:
    if logprobs.content is not None:
        return [token.logprob for token in logprobs.content if token.logprob is not None]
    return [value for value in logprobs.token_logprobs or [] if value is not None]


def _confidences(logprobs: Logprobs) -> tuple[float, ...]:
    """Return minus the mean log-probability of each token's alternatives, to three decimals as DeepConf's code does.

    A token with fewer than two alternatives tells nothing and is left out. So are impossible alternatives.
    """
    rows: Iterable[Iterable[float | None]] = (
        ([one.logprob for one in token.top_logprobs or ()] for token in logprobs.content)
        if logprobs.content is not None
        else ((row or {}).values() for row in logprobs.top_logprobs or ())
    )
    possible = ([value for value in row if value is not None and value > _IMPOSSIBLE] for row in rows)
    return tuple(-round(sum(values) / len(values), 3) for values in possible if len(values) > 1)


def _mean(values: list[float]) -> float | None:
    """Return the mean; None where there are no values, or where it is not finite."""
    mean = sum(values) / len(values) if values else math.nan
    return mean if math.isfinite(mean) else None


def _plausible_count(count: int | None) -> int:
    """Return a server's count of tokens, kept within what is possible: costs are computed from it."""
    return min(max(count or 0, 0), _MOST_TOKENS)


def _completion_tokens(choices: list[ReplyChoice], total: int) -> list[int]:
    """Return the tokens of each choice: those with log-probabilities, plus an even share of the rest of the total.

    They add up to the total. Some servers count one choice only; then they add up to the tokens with
    log-probabilities.
    """
    counted = [len(_token_logprobs(choice.logprobs)) if choice.logprobs else 0 for choice in choices]
    if len(counted) == 1:
        return [max(total, counted[0])]
    share, rest = divmod(max(total - sum(counted), 0), max(len(choices), 1))
    return [own + share + (i < rest) for i, own in enumerate(counted)]
