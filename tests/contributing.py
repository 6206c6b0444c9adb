"""Traces of fused texts, and scored pools to set beside them, for tests of what fused texts are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusion_eval.analysis.pools import NO_ANSWER, ScoredPools, StrategyAnswers
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace


def fused_trace(
    fused: str,
    candidates: Sequence[str],
    *,
    number: int = 0,
    models: Sequence[str] = (),
    strategy: str = "fusion",
    language: str = "en",
    answer: Answer | None = None,
) -> Trace:
    """Return the trace of a fused text; `models` wrote the candidates in turn."""
    pool = tuple(
        Candidate(text, models[place % len(models)] if models else "m", place)
        for place, text in enumerate(candidates)
    )
    made = answer or Answer(fused)
    return Trace("t", number, 0, strategy, language, Pool(Prompt("q"), pool), made, made.text)


def scored_pools(
    values: Sequence[Sequence[float]],
    *,
    task: str = "t",
    language: str | None = "en",
    clusters: Sequence[str] = (),
    **fields: object,
) -> ScoredPools:
    """Return scored pools with these values (items × candidates). `fields` replaces other columns."""
    array = np.array(values, dtype=np.float64)
    items, n = array.shape
    columns = {
        "model": np.zeros((items, n), dtype=np.int64),
        "models": ("m",),
        "prompt_tokens": np.zeros((items, n), dtype=np.int64),
        "completion_tokens": np.ones((items, n), dtype=np.int64),
        "cost": np.full((items, n), np.nan),
        "seconds": np.zeros((items, n)),
        "metric": "acc",
        "filter": "none",
        "higher_is_better": True,
    }
    return ScoredPools(
        task=task,
        family="t",
        language=language,
        documents=np.arange(items),
        clusters=np.array(clusters or [str(number) for number in range(items)], dtype=object),
        values=array,
        **(columns | fields),  # type: ignore[arg-type]
    )


def strategy_answers(
    name: str, values: Sequence[float], *, prompt_tokens: int = 0, completion_tokens: int = 0, calls: int = 0
) -> StrategyAnswers:
    """Return a strategy's new texts with these values; every item costs the same."""
    items = len(values)
    return StrategyAnswers(
        name=name,
        values=np.array(values, dtype=np.float64),
        chosen=np.full(items, NO_ANSWER),
        fallback=np.zeros(items, dtype=bool),
        calls=np.full(items, calls),
        prompt_tokens=np.full(items, prompt_tokens),
        completion_tokens=np.full(items, completion_tokens),
        cost=np.zeros(items),
        seconds=np.zeros(items),
    )
