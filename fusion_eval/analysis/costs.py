"""What k candidates of a pool cost on average, over all subsets of size k: calls, tokens, US dollars or seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from fusion_eval.analysis.pools import Floats, Integers, ScoredPools, StrategyAnswers
from fusion_eval.errors import ConfigError
from fusion_eval.stats.subsets import oracle_of_k, subset_shares

BudgetUnit = Literal["calls", "tokens", "usd", "seconds"]
BUDGET_UNITS: tuple[BudgetUnit, ...] = ("calls", "tokens", "usd", "seconds")
_ROUNDING = 1e-9
_OF_CANDIDATES = ("values", "model", "prompt_tokens", "completion_tokens", "cost", "seconds")
"""The columns of scored pools that have an entry for each candidate."""


def pool_costs(pools: ScoredPools, unit: BudgetUnit) -> Floats:
    """Return the expected cost (M, N) of k = 1…N candidates of each item.

    A call is one generation. Candidates of one request share its prompt, which counts once if any of them is drawn.
    Seconds are the wait for the slowest of k candidates that are requested at the same time.

    Raises:
        ConfigError: The runs do not tell this cost.
    """
    items, n = pools.values.shape
    k = np.arange(1, n + 1, dtype=np.float64)
    if unit == "calls":
        return np.tile(k, (items, 1))
    if unit == "seconds":
        return oracle_of_k(pools.seconds)
    if unit == "tokens":
        _check_tokens_of_models(pools)
        per_candidate = pools.completion_tokens.mean(axis=1, keepdims=True) * k
        return np.asarray(per_candidate + _prompt_costs(pools, pools.prompt_tokens.astype(np.float64)))
    if np.isnan(pools.cost).any():
        raise ConfigError(
            f"No price is known of all models of {pools.task}, so --budget usd compares nothing; run with price_in= and "
            "price_out=, or use --budget tokens"
        )
    of_prompts = prompt_prices(pools)[pools.model] * pools.prompt_tokens
    per_candidate = (pools.cost - of_prompts).mean(axis=1, keepdims=True) * k
    return np.asarray(per_candidate + _prompt_costs(pools, of_prompts))


def first_costs(pools: ScoredPools, unit: BudgetUnit, k: int) -> Floats:
    """Return what the first k candidates of each item cost (M,). Raises as `pool_costs` does."""
    first = replace(
        pools,
        **{name: getattr(pools, name)[:, :k] for name in _OF_CANDIDATES},
        answers=None,
        scores={},
    )
    return pool_costs(first, unit)[:, -1]


def call_costs(strategy: StrategyAnswers, unit: BudgetUnit, *, scoring: bool = False) -> Floats:
    """Return what a strategy's calls beyond the pool cost for each item (M,). They wait for one another.

    Args:
        strategy: The strategy.
        unit: The unit of cost.
        scoring: Count only the calls that scored candidates.

    Raises:
        ConfigError: A price is not known, or the server of the calls reported no tokens.
    """
    calls = strategy.scoring if scoring else strategy
    if calls is None:
        return np.zeros(len(strategy.values))
    if unit == "tokens":
        _check_tokens_of_calls(strategy)
        return (calls.prompt_tokens + calls.completion_tokens).astype(np.float64)
    if unit == "usd" and np.isnan(calls.cost).any():
        raise ConfigError(
            f"No price is known of all calls of {strategy.name}, so --budget usd compares nothing; use --budget tokens"
        )
    columns = {"calls": calls.calls, "usd": calls.cost, "seconds": calls.seconds}
    return columns[unit].astype(np.float64)


def _check_tokens_of_models(pools: ScoredPools) -> None:
    """Raise a `ConfigError` for a model whose candidates have no tokens: they would count as free."""
    for number, name in enumerate(pools.models):
        own = pools.completion_tokens[pools.model == number]
        if len(own) and not own.any():
            raise ConfigError(
                f"The server of {name} reported no tokens for {pools.task}, so --budget tokens compares nothing; use --budget calls"
            )


def _check_tokens_of_calls(strategy: StrategyAnswers) -> None:
    """Raise a `ConfigError` if the calls that wrote a strategy's answers have no tokens: they would count as free.

    Calls that failed have no tokens, and neither have some scorers.
    """
    scoring = strategy.scoring
    calls, tokens = strategy.calls, strategy.prompt_tokens + strategy.completion_tokens
    if scoring is not None:
        calls, tokens = calls - scoring.calls, tokens - scoring.prompt_tokens - scoring.completion_tokens
    if (calls[~strategy.fallback] > 0).any() and not tokens.any():
        raise ConfigError(
            f"The server of the calls of {strategy.name} reported no tokens, so --budget tokens compares nothing; use "
            "--budget calls"
        )


def prompt_prices(pools: ScoredPools) -> Floats:
    """Return the price of a prompt token of each model (models,), found from what its candidates cost.

    A candidate's cost is linear in its two counts of tokens, so least squares finds both prices. Where the costs are not
    linear, such as with discounts, the prompt is taken to be free, and its cost is spread over the candidates.
    """
    prices = np.zeros(len(pools.models))
    for number in range(len(pools.models)):
        own = pools.model == number
        counts = np.column_stack([pools.prompt_tokens[own], pools.completion_tokens[own]]).astype(np.float64)
        costs = pools.cost[own]
        if not len(counts) or np.linalg.matrix_rank(counts) < 2:
            continue
        found = np.linalg.lstsq(counts, costs, rcond=None)[0]
        if np.abs(counts @ found - costs).max() <= _ROUNDING * np.abs(costs).max(initial=0.0):
            prices[number] = max(found[0], 0.0)
    return prices


def _prompt_costs(pools: ScoredPools, of_prompts: Floats) -> Floats:
    """Return the expected cost of prompts (M, N): each counts if a candidate of its request is among the k.

    Args:
        pools: The pools.
        of_prompts: What the prompt of each request costs, beside its first candidate (M, N).
    """
    n = pools.n_candidates
    drawn, sizes = 1.0 - subset_shares(n)[:, 1:], request_sizes(pools)
    costs = np.zeros(of_prompts.shape)
    for place in range(n):  # one place at a time, since (M, N, N) would not fit
        costs += of_prompts[:, place, None] * drawn[n - sizes[:, place]]
    return costs


def request_sizes(pools: ScoredPools) -> Integers:
    """Return how many candidates the request of each candidate has (M, N), beside its first candidate; else 0.

    A request begins with a candidate that has prompt tokens, and goes on with the next candidates of the same model.
    """
    items, n = pools.values.shape
    sizes = np.zeros((items, n), dtype=np.int64)
    following = np.zeros((items, len(pools.models)), dtype=np.int64)
    rows = np.arange(items)
    for place in range(n - 1, -1, -1):
        model = pools.model[:, place]
        following[rows, model] += 1
        first = pools.prompt_tokens[:, place] > 0
        sizes[first, place] = following[rows[first], model[first]]
        following[rows[first], model[first]] = 0
    return sizes
