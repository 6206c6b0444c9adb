"""Pairs of a better and a worse answer to one prompt, for preference training."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.synth.rows import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """A better and a worse answer to one prompt."""

    chosen: str
    rejected: str
    kind: str
    """`best_worst`: the best against the worst candidate by a stored score. `made_single`: a text that the strategy wrote
    against the first usable candidate."""
    gap: float | None
    """The difference of the scores, where both are known."""
    chosen_model: str
    rejected_model: str


def pairs_of(row: Row) -> list[Pair]:
    """Return the pairs that a row holds: at most one of each kind, and none of two equal texts."""
    usable = [candidate for candidate in row.candidates if candidate.error is None]
    pairs = []
    scored = [candidate for candidate in usable if candidate.score is not None]
    if len(scored) > 1:
        best = max(scored, key=lambda candidate: candidate.score or 0.0)
        worst = min(scored, key=lambda candidate: candidate.score or 0.0)
        gap = (best.score or 0.0) - (worst.score or 0.0)
        if gap > 0 and best.text != worst.text:
            pairs.append(Pair(best.text, worst.text, "best_worst", gap, best.model, worst.model))
    if row.chosen_candidate is None and row.fallback is None and usable and row.completion != usable[0].text:
        pairs.append(
            Pair(row.completion, usable[0].text, "made_single", None, row.fusor or "", usable[0].model)
        )
    return pairs
