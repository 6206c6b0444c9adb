"""Find rows that share 13 words in a row with an evaluation set (Brown et al. 2020, arXiv 2005.14165, appendix C)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import ClassVar

from fusion_eval.synth.filters import runs_of, words
from fusion_eval.synth.prompts import prompt_text
from fusion_eval.synth.rows import Row

RUN = 13
_SHORTEST = 4
"""Words of an evaluation text that is compared as a whole because it has fewer than `RUN`."""


class Contamination:
    """Drops a row whose prompt or answer holds a run of 13 words of an evaluation set.

    An evaluation text of 4 to 12 words counts if a prompt or an answer consists of it.

    Args:
        texts: The evaluation texts, each with the name of its task.
    """

    name: ClassVar[str] = "contamination"

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._tasks: list[str] = []
        self._runs: dict[int, int] = {}
        for task, text in texts:
            if task not in self._tasks:
                self._tasks.append(task)
            for key in _keys(text):
                self._runs.setdefault(key, self._tasks.index(task))

    def __len__(self) -> int:
        return len(self._runs)

    def objection(self, row: Row) -> str | None:
        """Return which task the row shares words with; None if it shares none."""
        for part, text in (("prompt", prompt_text(row.prompt)), ("answer", row.completion)):
            for key in _keys(text):
                if key in self._runs:
                    shares = (
                        f"shares {RUN} words in a row with" if len(words(text)) >= RUN else "is a text of"
                    )
                    return f"its {part} {shares} the task {self._tasks[self._runs[key]]}"
        return None


def _keys(text: str) -> list[int]:
    """Return hashes of the runs of a text. A short text is one run."""
    parts = words(text)
    if len(parts) < RUN:
        return [_hash(("whole", *parts))] if len(parts) >= _SHORTEST else []
    return [_hash(run) for run in runs_of(parts, RUN)]


def _hash(run: tuple[str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(run).encode(), digest_size=8).digest())
