"""Turn the requests of clients into questions for a strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fusion_eval.answers.final_answer import final_answer
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.serve.errors import invalid
from fusion_eval.serve.fields import MOST_CHOICES, Body, ChatBody, TextBody, Turn, read_body
from fusion_eval.strategies.question import DEFAULT_TEMPERATURE, Question
from fusion_eval.types import Message, Prompt, Sampling, with_logprobs, without_surrogates

DEFAULT_MAX_TOKENS = 1024
"""The length of an answer where neither the request nor the server limits it."""
CHOICE_STRIDE = 1_000_000
"""The distance between the seeds of two choices of one request: their pools never overlap."""
_TASK = "serve"
"""The name in traces of what clients ask."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """One request of a client.

    Args:
        model: The name of the model, a strategy.
        questions: One for each choice of the reply: n for each prompt.
        chat: Whether the reply is a chat completion.
        stream: Whether the reply is sent in pieces.
        usage: Whether a stream ends with the usage.
        details: Whether the reply has the block `x-fusion-eval`.
    """

    model: str
    questions: tuple[Question, ...]
    chat: bool
    stream: bool
    usage: bool
    details: bool


def read_request(
    raw: bytes, arguments: ModelArguments, *, chat: bool, logprobs: int = 0, details: bool = False
) -> ClientRequest:
    """Read a request.

    Args:
        raw: The body, as it came.
        arguments: The server's model arguments. They win over the request, but for the length: the smaller one counts.
        chat: Whether it asks for a chat completion.
        logprobs: Which log-probabilities of candidates the strategies need.
        details: Whether a header asked for the block `x-fusion-eval`.

    Raises:
        ApiError: The request is malformed, or asks for what cannot be served.
    """
    body: ChatBody | TextBody
    body, extra = read_body(raw, ChatBody) if chat else read_body(raw, TextBody)
    prompts = _prompts(body)
    choices = body.n or 1
    if len(prompts) * choices > MOST_CHOICES:
        raise invalid(
            f"prompt: {len(prompts)} prompts with n={choices} are more than {MOST_CHOICES}", "prompt"
        )
    sampling, temperatures = _sampling(body, extra, arguments, logprobs)
    return ClientRequest(
        model=body.model,
        questions=tuple(
            _question(prompt, choice, sampling, temperatures)
            for prompt in prompts
            for choice in range(choices)
        ),
        chat=chat,
        stream=bool(body.stream),
        usage=bool(body.stream_options and body.stream_options.include_usage),
        details=details or bool(body.details),
    )


def _prompts(body: ChatBody | TextBody) -> list[Prompt]:
    if isinstance(body, ChatBody):
        return [Prompt(messages=tuple(map(_message, body.messages)))]
    texts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    return [Prompt(without_surrogates(text)) for text in texts]


def _question(prompt: Prompt, choice: int, sampling: Sampling, temperatures: tuple[float, ...]) -> Question:
    """Return the question behind one choice. Each choice of a prompt has seeds of its own."""
    if choice:
        sampling = dataclasses.replace(sampling, seed=sampling.seed + choice * CHOICE_STRIDE)
    return Question(
        task=_TASK,
        doc_id=None,
        copy=choice,
        language=None,
        prompt=prompt,
        sampling=sampling,
        temperatures=temperatures,
        extract=stated_answer,
    )


def stated_answer(reply: str) -> str | None:
    r"""Return what a reply votes for: its final answer, such as `Answer: 4` or `\boxed{4}`, else the whole reply."""
    return final_answer(reply, "en") or reply.strip() or None


def _sampling(
    body: Body, extra: Mapping[str, Any], arguments: ModelArguments, logprobs: int
) -> tuple[Sampling, tuple[float, ...]]:
    temperature = DEFAULT_TEMPERATURE if body.temperature is None else body.temperature
    temperatures = arguments.candidate_temperatures or (temperature,)
    limits = [body.max_completion_tokens or body.max_tokens, arguments.max_tokens]
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    options = dict(extra) | ({} if arguments.min_p is None else {"min_p": arguments.min_p})
    sampling = Sampling(
        max_tokens=min((limit for limit in limits if limit), default=DEFAULT_MAX_TOKENS),
        temperature=temperatures[0],
        seed=arguments.seed or body.seed or 0,
        top_p=body.top_p if arguments.top_p is None else arguments.top_p,
        stop=tuple(stop for stop in stops if stop),
        extra=tuple(sorted((name, _option(value)) for name, value in options.items())) if options else (),
    )
    return with_logprobs(sampling, logprobs), temperatures


def _option(value: Any) -> str | int | float | bool | msgspec.Raw:
    if isinstance(value, str | int | float | bool):
        return value
    return msgspec.Raw(msgspec.json.encode(value, order="deterministic"))


def _message(turn: Turn) -> Message:
    role = "system" if turn.role == "developer" else turn.role
    if isinstance(turn.content, list):
        for part in turn.content:
            if part.text is None:
                raise invalid(
                    f"messages: content of type '{part.type}' is not supported, only text", "messages"
                )
        return Message(role, without_surrogates("\n".join(part.text or "" for part in turn.content)))
    return Message(role, without_surrogates(turn.content or ""))
