"""The model's own confidence as DeepConf measures it, from the alternatives to each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from fusion_eval.argument_values import integer_reader
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.log_probabilities import missing
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool

ALTERNATIVES_PER_TOKEN = 20
"""What DeepConf's code and examples ask for, and the most that OpenAI's interface gives."""
_SHARE = 0.1


@dataclass(frozen=True, repr=False)
class Confidence:
    """Score each candidate by the confidence of its tokens.

    A token's confidence is minus the mean log-probability of its 20 likeliest alternatives. Source: DeepConf (Fu et al.
    2025, arXiv 2508.15260, section 3.1) and its code (facebookresearch/deepconf, `utils.py`).

    Args:
        of: Which tokens count. `bottom`: mean over the tenth of all windows with the lowest means. `lowest`: the lowest
            window. `tail`: the last window. `mean`: all tokens.
        window: The tokens of a window; a candidate with fewer is one window.

    Raises:
        ConfigError: `window` is below 1.
    """

    needs_logprobs: ClassVar = ALTERNATIVES_PER_TOKEN

    of: Literal["bottom", "lowest", "tail", "mean"] = "bottom"
    window: int = 2048

    def __post_init__(self) -> None:
        integer_reader(1)("window", self.window)

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return a number per candidate, higher for a more confident model; None where no alternatives are known.

        Raises:
            ConfigError: The endpoint reports no alternatives for any candidate.
        """
        confidences = confidences_of(pool, "confidence")
        return Scored(tuple(self._of(values) if values else None for values in confidences))

    def _of(self, values: Sequence[float]) -> float:
        if self.of == "mean":
            return _mean(values)
        if self.of == "tail":
            return _mean(values[-self.window :])
        means = window_means(values, self.window)
        lowest = 1 if self.of == "lowest" else max(1, int(len(means) * _SHARE))
        return _mean(sorted(means)[:lowest])

    def __repr__(self) -> str:
        return format_spec(self)


def confidences_of(pool: Pool, scorer: str) -> list[tuple[float, ...]]:
    """Return the confidences of the tokens of each usable candidate; empty where the model reports none.

    Raises:
        ConfigError: No candidate has any, though one has a text.
    """
    confidences = [candidate.confidences for candidate in pool.usable]
    if not any(confidences) and any(candidate.text for candidate in pool.usable):
        own = any(candidate.mean_logprob is not None for candidate in pool.usable)
        raise missing(scorer, pool.usable[0].model, ALTERNATIVES_PER_TOKEN, own=own)
    return confidences


def window_means(values: Sequence[float], size: int) -> list[float]:
    """Return the mean of each run of `size` neighbours, in order; of fewer values, the mean of all."""
    if len(values) < size:
        return [_mean(values)]
    total = sum(values[:size])
    means = [total / size]
    for i in range(size, len(values)):
        total += values[i] - values[i - size]
        means.append(total / size)
    return means


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
