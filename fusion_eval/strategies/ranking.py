"""Order the candidates of a pool by their scores, and show them in an order that a seed decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import isnan

from fusion_eval.strategies.interface import Tools


def best_first(scores: Sequence[float | None]) -> list[int]:
    """Return the indices of the scored candidates, the best first; of equals the earliest. Unscored ones are left out."""
    scored = [(score, -i) for i, score in enumerate(scores) if score is not None and not isnan(score)]
    return [-place for _, place in sorted(scored, reverse=True)]


def shuffled(texts: Sequence[str], tools: Tools, salt: str = "") -> list[str]:
    """Return texts, stripped, in an order that the pool's seed, the texts and `salt` decide."""
    shown = [text.strip() for text in texts]
    random.Random(f"{tools.sampling.seed}|{salt}{shown}").shuffle(shown)  # noqa: S311 - an order, not a secret
    return shown
