"""Answer from the store alone (`offline=true`): a request for anything that the store lacks ends the run."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.errors import FusionEvalError
from fusion_eval.models import Model
from fusion_eval.text.printable import printable
from fusion_eval.types import Candidate, Prompt, Sampling

_EXCERPT = 40
"""Characters from the beginning of a prompt, and from its end: many prompts of one task begin alike."""


class NotStoredError(FusionEvalError):
    """The store lacks an answer and no model may be asked. It ends the run, without failed candidates or fallbacks."""


class Offline:
    """Stand in for `door`, with its name and identity, behind the store at `path`. It never uses the door."""

    def __init__(self, door: Model, path: Path | None) -> None:
        self.name, self.identity, self.chat = door.name, door.identity, door.chat
        self.max_n = door.max_n
        self._path = path

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Raise `NotStoredError`: only a prompt that the store does not answer comes here."""
        text = prompt.messages[-1].content if prompt.messages else prompt.text
        raise NotStoredError(
            f"offline=true asks no model, and the store {self._path} lacks an answer of {printable(self.name)} to the prompt "
            f"'{printable(excerpt(text))}'; restore the prompt and its options, or run once without offline=true and commit "
            "the store (fusion-eval … --dry_run counts the missing answers)"
        )

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def excerpt(text: str) -> str:
    """Return a text on one line; of a long text, the beginning and the end."""
    line = " ".join(text.split())
    return line if len(line) <= 2 * _EXCERPT else f"{line[:_EXCERPT].rstrip()} … {line[-_EXCERPT:].lstrip()}"
