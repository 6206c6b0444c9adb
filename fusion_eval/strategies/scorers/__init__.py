"""Scorers of candidates for Best-of-N: one asynchronous function each, found by entry point."""

from __future__ import annotations

from fusion_eval.strategies import Scorer
from fusion_eval.strategies.plugins import load

GROUP = "fusion_eval.scorers"


def load_scorer(name: str) -> Scorer:
    """The scorer of that name; `ConfigError` names the nearest where there is none."""
    return load(GROUP, "scorer", name)  # type: ignore[no-any-return] # an entry point can hold anything
