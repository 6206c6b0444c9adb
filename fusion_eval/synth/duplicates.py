"""Find rows that nearly repeat an earlier row, by MinHash signatures of their answers."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fusion_eval.errors import ConfigError
from fusion_eval.synth.filters import runs_of, words
from fusion_eval.synth.prompts import prompt_text
from fusion_eval.synth.rows import Row

_PERMUTATIONS = 128
_RUN = 3
"""Words in a row that are compared."""


@dataclass(slots=True)
class NearDuplicates:
    """Drops a row whose prompt and answer repeat an earlier row's: their Jaccard similarity reaches `threshold`.

    It compares sets of runs of three words by MinHash (Broder 1997), estimated by locality-sensitive hashing. Its
    memory grows with the rows, by a few kB each.
    """

    name: ClassVar[str] = "duplicates"
    threshold: float = 0.8
    _index: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError("threshold should be above 0 and at most 1")
        if importlib.util.find_spec("datasketch") is None:
            raise ConfigError(
                'The filter duplicates needs the extra `synth`: pip install "fusion-eval[synth]"'
            )

    def objection(self, row: Row) -> str | None:
        """Return which earlier row this one repeats; None if it is new. A new row is remembered."""
        from datasketch import MinHash, MinHashLSH

        if self._index is None:
            self._index = MinHashLSH(threshold=self.threshold, num_perm=_PERMUTATIONS)
        parts = words(f"{prompt_text(row.prompt)}\n{row.completion}")
        runs = runs_of(parts, min(_RUN, len(parts))) if parts else [(row.completion,)]
        signature = MinHash(num_perm=_PERMUTATIONS)
        signature.update_batch([" ".join(run).encode() for run in dict.fromkeys(runs)])
        near = [other for other in self._index.query(signature) if self._similar(signature, other)]
        if near:
            return f"nearly the same as the row of prompt {min(number for number, _ in near)}"
        self._index.insert((row.index, signature.digest().tobytes()), signature)
        return None

    def _similar(self, signature: Any, other: tuple[int, bytes]) -> bool:
        """Whether the estimated similarity reaches the threshold; the index alone errs near it."""
        import numpy as np

        values = np.frombuffer(other[1], dtype=signature.digest().dtype)
        return float((values == signature.digest()).mean()) >= self.threshold
