"""Ask a model about texts: fill in a prompt, send it, and say why a reply cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.models import Model
from fusion_eval.strategies.fusor_prompt import render
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.refusal import is_refusal
from fusion_eval.text.templates import Template
from fusion_eval.types import Candidate, Prompt, Sampling, prompt_of

UNSENT = "unsent"
"""The finish reason of a reply that stands for a request that the endpoint refused, so that it cost nothing."""


async def ask(
    model: Model,
    template: Template,
    prompt: Prompt,
    texts: Sequence[str],
    tools: Tools,
    sampling: Sampling,
    n: int = 1,
    *,
    fewest: int | None = None,
    variables: Mapping[str, object] = {},
) -> tuple[list[Candidate], int]:
    """Fill in a template with texts and ask a model for n replies.

    Args:
        model: The model.
        template: The template.
        prompt: The task's prompt.
        texts: The texts that the template shows, in this order.
        tools: Tells the language, and how much of the prompt is worked examples.
        sampling: The sampling options of the request.
        n: How many replies.
        fewest: If the prompt does not fit the model's context, the last texts are dropped, down to this number. None
            drops no text.
        variables: Other variables of the template.

    Returns:
        The replies, and how many texts were dropped. The `error` of a reply is set if the model failed or the endpoint
        refused the request.
    """
    shortest = len(texts) if fewest is None else fewest
    reason = f"the prompt does not fit the context of {model.name}"
    if fewest:
        reason = f"not even {fewest} of the texts fits the context of {model.name}"
    for kept in range(len(texts), shortest - 1, -1):
        written = render(
            template,
            prompt,
            candidates=texts[:kept],
            language=tools.language,
            examples=tools.examples,
            **variables,
        )
        dropped = len(texts) - kept
        try:
            return await model.sample(prompt_of(written, chat=model.chat), sampling, n), dropped
        except ContextOverflowError:
            continue
        except RequestError as error:
            reason = f"the endpoint of {model.name} refused: {error}"
            return _unsent(model, sampling, n, reason), dropped
    return _unsent(model, sampling, n, reason), len(texts) if fewest else 0


def made(replies: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the replies to requests that the endpoint accepted."""
    return tuple(reply for reply in replies if reply.finish_reason != UNSENT)


def failure(reply: Candidate, role: str = "the fusor") -> str | None:
    """Return why there is no reply, for a trace; None if there is one.

    Args:
        reply: The reply.
        role: Who was asked.
    """
    if reply.error is None or reply.finish_reason == UNSENT:
        return reply.error
    return f"{role} failed: {reply.error}"


def problem(reply: Candidate, text: str, texts: Sequence[str], role: str = "the fusor") -> str | None:
    """Return why a reply is no answer; None if it is one.

    Args:
        reply: The reply.
        text: The answer in it.
        texts: The texts that it was made of.
        role: Who was asked.
    """
    if failed := failure(reply, role):
        return failed
    if not text:
        return f"{role} wrote no answer ({reply.finish_reason})"
    return f"{role} refused" if refusal_in(text, reply, texts) else None


def refusal_in(text: str, reply: Candidate, texts: Sequence[str]) -> bool:
    """Whether a reply is a refusal to answer, though none of the texts that it was made of is one."""
    return reply.finish_reason in ("refusal", "content_filter") or is_refusal(text, texts)


def _unsent(model: Model, sampling: Sampling, n: int, reason: str) -> list[Candidate]:
    return [Candidate("", model.name, sampling.seed + i, UNSENT, error=reason) for i in range(n)]
