"""The price of a model's tokens: from the user's arguments, or from litellm's list."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.litellm.library import load_litellm

_LIST = "model_prices_and_context_window_backup.json"
_PER = 1_000_000
"""The arguments `price_in` and `price_out` are prices of so many tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the cost of a request in US dollars."""
        return self.prompt * prompt_tokens + self.completion * completion_tokens


FREE = Price(0.0, 0.0)
"""The price of models in this process."""


def price_of(name: str, base_url: str | None, arguments: ModelArguments) -> Price | None:
    """Return the price of a model outside this process; None where it is unknown.

    At a provider, litellm's list comes first and the arguments second. At an endpoint of the user's own, only the
    arguments count, because the model's name does not say who serves it.
    """
    listed = None if base_url else listed_price(name)
    if listed or arguments.price_in is None or arguments.price_out is None:
        return listed
    return Price(arguments.price_in / _PER, arguments.price_out / _PER)


@functools.cache
def listed_price(name: str) -> Price | None:
    """Return the price in the list that litellm ships, without network access."""
    provider, model = _provider(name)
    for key in (name, f"{provider}/{model}", model):
        entry = _listed().get(key, {})
        prompt, completion = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        # A bare name can belong to another provider's model.
        served = bool(provider) and str(entry.get("litellm_provider")).startswith(provider)
        if served and prompt is not None and completion is not None:
            return Price(float(prompt), float(completion))
    return None


def _provider(name: str) -> tuple[str, str]:
    """Return the provider of a name and the model's name there; an empty provider where litellm knows none."""
    if name.startswith("openai/"):  # it has a door of its own, so litellm need not be imported
        return "openai", name.removeprefix("openai/")
    try:
        model, provider = load_litellm().get_llm_provider(name)[:2]
    except Exception:  # it raises many kinds; opening the model reports a wrong name
        return "", name
    return str(provider), str(model)


@functools.cache
def _listed() -> dict[str, dict[str, Any]]:
    """Read litellm's price list from its package, without importing litellm."""
    package = importlib.util.find_spec("litellm")
    folders = package.submodule_search_locations if package else None
    if not folders:
        return {}
    listed: dict[str, dict[str, Any]] = msgspec.json.decode((Path(folders[0]) / _LIST).read_bytes())
    return listed
