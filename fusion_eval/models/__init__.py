"""The protocol that every model follows.

A door sends one request to one kind of server: `openai`, `litellm`, `lm_eval` or the embedded llama.cpp.
`Limited` adds slots and retries to a door. `Cached` adds the store and asks until it has exactly n candidates.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from fusion_eval.types import Candidate, Prompt, Sampling


@runtime_checkable
class Model(Protocol):
    """Anything that samples text."""

    name: str
    """The name that users write; recorded in every candidate."""
    identity: str
    """Everything that decides the answers: endpoint, weights, form of prompt. Part of the store's key.
    Never holds a key or a password."""
    chat: bool
    """Whether the model takes chat messages. A plain-text model takes `Prompt.text` only."""

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request brings; None while no limit is known."""
        ...

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Sample n candidates with the seeds `sampling.seed` … `sampling.seed + n - 1`.

        Returns:
            Exactly n candidates from a cached model. A door or a limited model may return fewer, because some
            servers ignore `n`. A limited model marks failed candidates with `error`.

        Raises:
            TransientError: The request failed; the same request may succeed later.
            RequestError: The server refused this request and would refuse it again.
            EndpointError: The endpoint fails whatever the request.
        """
        ...

    async def close(self) -> None:
        """Close the connections. Call it on the event loop that sampled."""
        ...
