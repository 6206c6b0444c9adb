"""A door that is never walked through: it is known as its model is, and what it is asked is what the store lacks."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from fusion_eval.errors import FusionEvalError, printable
from fusion_eval.models import Model
from fusion_eval.types import Candidate, Prompt, Sampling

_SHOWN = 40
"""Characters of a prompt's beginning, and as many of its end: many prompts of one task begin alike."""


class NotStoredError(FusionEvalError):
    """The store lacks an answer, and nobody may be asked for it. It ends the run: no failed candidate, no fallback."""


class Offline:
    """Stands for `door`, under its name and identity, in front of the store's file at `path`. Keeps nothing of it."""

    def __init__(self, door: Model, path: Path | None) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.max_n = door.max_n
        self._path = path

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Raises `NotStoredError`."""
        text = prompt.messages[-1].content if prompt.messages else prompt.text
        self._lacks(f"an answer of {self.name} to the prompt '{excerpt(text)}'")

    async def loglikelihood(self, context: str, continuation: str) -> tuple[float, bool]:
        """Raises `NotStoredError`."""
        self._lacks(f"what {self.name} gives '{excerpt(continuation)}' after '{excerpt(context)}'")

    def _lacks(self, what: str) -> NoReturn:
        raise NotStoredError(
            f"offline=true asks no model, and the store {self._path} lacks {printable(what)}; restore the prompt and its "
            "options, or run once without offline=true and commit the store (fusion-eval … --dry_run counts all that is missing)"
        )

    async def close(self) -> None:
        """Nothing is open."""


def excerpt(text: str) -> str:
    """Beginning and end, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 2 * _SHOWN else f"{line[:_SHOWN].rstrip()} … {line[-_SHOWN:].lstrip()}"
