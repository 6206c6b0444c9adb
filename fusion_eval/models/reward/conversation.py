"""The conversation that a reward model scores, and the score as a reply that the store can keep."""

from __future__ import annotations

import math

from fusion_eval.types import Candidate, Message, Prompt, Sampling

SCORING = Sampling(max_tokens=1, temperature=0.0, seed=0)
"""A reward model samples nothing, so that its scores have the same sampling options in the store."""


def conversation_of(prompt: Prompt, response: str) -> Prompt:
    """Return the prompt's messages, or its text as one user message, and the response as the assistant's."""
    turns = prompt.messages or (Message("user", prompt.text),)
    return Prompt(messages=(*turns, Message("assistant", response)))


def request_and_response(conversation: Prompt) -> tuple[str, str]:
    """Return a conversation as two texts: all turns before the last one, and the last one."""
    *turns, last = (message.content for message in conversation.messages)
    return "\n\n".join(turns), last


def reply_with(
    score: float, model: str, seed: int, prompt_tokens: int, latency: float, cost: float | None = None
) -> Candidate:
    """Return a score as a reply. One that is no finite number is a failed reply, so the store does not keep it."""
    if not math.isfinite(score):
        return Candidate(
            "", model, seed, "error", prompt_tokens, latency=latency, error=f"{model} gives the score {score}"
        )
    return Candidate(repr(score), model, seed, prompt_tokens=prompt_tokens, latency=latency, cost=cost)


def score_in(reply: Candidate) -> float | None:
    """Return the score in a reply of a reward model; None if there is none."""
    try:
        score = float(reply.text)
    except ValueError:
        return None
    return score if reply.error is None and math.isfinite(score) else None
