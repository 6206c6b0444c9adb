"""One protocol, a few doors behind it.

A door speaks to one kind of server (`openai`, `litellm`, `embedded`, `harness`) and makes one request.
`limited` makes a request reliable; `cached` keeps the promise of n candidates, and remembers them.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from fusion_eval.types import Candidate, Prompt, Sampling


@runtime_checkable
class Model(Protocol):
    """Anything that samples text."""

    name: str
    """As users know it; recorded in every candidate."""
    identity: str
    """All that decides what it would answer (endpoint, weights, form of prompt); part of the store's key.
    Never holds a key or a password."""
    chat: bool
    """Whether prompts reach it as chat messages; a plain-text model takes `Prompt.text` only."""

    @property
    def max_n(self) -> int | None:
        """The most candidates that one request brings; None where no limit is known."""
        ...

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Ask for n candidates, seeds `sampling.seed` … `sampling.seed + n - 1`.

        A door may return fewer than n (some servers ignore `n`) and raises `TransientError`,
        `RequestError` or `EndpointError`. A limited model may return fewer too, failed ones marked; a cached one
        returns exactly n.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; called on the event loop that sampled."""
        ...


@runtime_checkable
class LikelihoodModel(Protocol):
    """A model that can also score a given text, for the harness's log-likelihood tasks."""

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """Log-probability of `continuation` after `context`, and whether greedy decoding would write it."""
        ...
