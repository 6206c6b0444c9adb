"""What a model's tokens cost: as the user says, or as litellm's list has it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval.model_arguments import Settings

_LIST = "model_prices_and_context_window_backup.json"
_PER = 1_000_000
"""Tokens that `price_in` and `price_out` are the price of."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for so many tokens."""
        return self.prompt * prompt_tokens + self.completion * completion_tokens


FREE = Price(0.0, 0.0)
"""Of models in the process."""


def price_of(name: str, base_url: str | None, settings: Settings) -> Price | None:
    """The price of a model outside the process; None where nobody knows it.

    An endpoint of the user's own has the price that the settings name: a model's name says nothing about who serves
    it there. At a provider it is that of litellm's list, else likewise.
    """
    listed = None if base_url else listed_price(name)
    if listed or settings.price_in is None or settings.price_out is None:
        return listed
    return Price(settings.price_in / _PER, settings.price_out / _PER)


@functools.cache
def listed_price(name: str) -> Price | None:
    """The price in the list that litellm ships; the network is not asked."""
    provider, model = _provider(name)
    for key in (name, f"{provider}/{model}", model):
        entry = _listed().get(key, {})
        prompt, completion = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        # A bare name can be that of another provider's model.
        served = bool(provider) and str(entry.get("litellm_provider")).startswith(provider)
        if served and prompt is not None and completion is not None:
            return Price(float(prompt), float(completion))
    return None


def _provider(name: str) -> tuple[str, str]:
    """Who serves a model of that name, and what it is called there; no provider where litellm knows none."""
    if name.startswith(
        "openai/"
    ):  # has a door of its own, which is to open at once: litellm takes seconds to import
        return "openai", name.removeprefix("openai/")
    os.environ.setdefault(
        "LITELLM_LOCAL_MODEL_COST_MAP", "True"
    )  # else importing it asks the network for prices
    litellm: Any = importlib.import_module("litellm")  # a type checker would take a minute to read it
    try:
        model, provider = litellm.get_llm_provider(name)[:2]
    except Exception:  # of many kinds; whoever opens the model says that the name is wrong
        return "", name
    return str(provider), str(model)


@functools.cache
def _listed() -> dict[str, dict[str, Any]]:
    """litellm's list, as it lies in its package, read without importing that."""
    package = importlib.util.find_spec("litellm")
    folders = package.submodule_search_locations if package else None
    if not folders:
        return {}
    listed: dict[str, dict[str, Any]] = msgspec.json.decode((Path(folders[0]) / _LIST).read_bytes())
    return listed
