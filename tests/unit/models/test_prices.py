"""The price of a model: named by the user, or from litellm's list for a provider's own address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from openai_server import Plan, Server
from priced_models import PRICE, opener

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.prices import Price, listed_price, price_of

Start = Callable[[Plan], Server]


def test_a_providers_model_has_the_price_of_litellms_list() -> None:
    settings = parse({"price_in": 5, "price_out": 5})
    expected = Price(0.15e-6, 0.6e-6)
    assert price_of("openai/gpt-4o-mini", None, settings) == expected
    assert price_of("gpt-4o-mini", None, settings) == expected
    assert price_of("azure/gpt-4o-mini", None, settings) == expected


def test_an_endpoint_with_an_address_has_only_the_price_that_the_user_names() -> None:
    own = "http://localhost:8000/v1"
    assert price_of("gpt-4o-mini", own, parse({})) is None
    assert price_of("gpt-4o-mini", own, parse({"price_in": 1, "price_out": 2})) == PRICE


def test_a_model_that_the_list_lacks_has_only_the_price_that_the_user_names() -> None:
    name = "openai/a-model-of-tomorrow"
    assert price_of(name, None, parse({})) is None
    assert price_of(name, None, parse({"price_in": 1, "price_out": 2})) == PRICE


def test_a_name_at_another_provider_is_another_model() -> None:
    assert listed_price("groq/gpt-4o-mini") is None


def test_a_price_of_openai_is_read_without_importing_litellm() -> None:
    """The import takes seconds, and the door to OpenAI does without it."""
    code = (
        "import sys; from fusion_eval.models.prices import listed_price; assert listed_price('openai/gpt-4o'); "
        "assert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_price_of_zero_is_a_known_price(openai_server: Start) -> None:
    assert opener(openai_server(Plan()), price_in=0, price_out=0, budget=1).sampler()


def test_a_budget_without_a_price_is_refused_before_any_call(openai_server: Start) -> None:
    server = openai_server(Plan())
    with pytest.raises(ConfigError, match=r"test-model; add price_in= and price_out="):
        opener(server, budget=1, price_in="", price_out="").sampler()
    assert not server.calls
