"""What a model's tokens cost: as the user says, or as litellm's list has it."""

from __future__ import annotations

import functools
import importlib
import os
from dataclasses import dataclass
from typing import Any

from fusion_eval.settings import Settings

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
    """The price in the list that litellm ships; the network is not asked. Importing litellm takes seconds."""
    os.environ.setdefault(
        "LITELLM_LOCAL_MODEL_COST_MAP", "True"
    )  # else importing it asks the network for prices
    litellm: Any = importlib.import_module("litellm")  # a type checker would take a minute to read it
    try:
        model, provider = litellm.get_llm_provider(name)[:2]
    except Exception:  # of many kinds; whoever opens the model says that the name is wrong
        return None
    for key in (name, f"{provider}/{model}", model):
        entry = litellm.model_cost.get(key, {})
        prompt, completion = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        # A bare name can be that of another provider's model.
        if prompt is not None and completion is not None and entry["litellm_provider"].startswith(provider):
            return Price(float(prompt), float(completion))
    return None
