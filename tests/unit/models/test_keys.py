"""A key belongs to a host: which variable's key goes to which address."""

from __future__ import annotations

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.key_check import check_keys
from fusion_eval.models.keys import FUSOR, SAMPLER, SCORER, is_openai, key_source
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store

OPENAI = "https://api.openai.com/v1"
A, B = "http://a:8000/v1", "https://b/v1"
BASE = {"model": "m", "base_url": A, "fusor": "f", "scorer": "judge", "scorer_model": "s"}


def variable(role: str, address: str | None, **arguments: object) -> str | None:
    return key_source(parse(arguments), role, address).variable


@pytest.mark.parametrize("address", [A, B, "http://api.openai.com/v1", "https://api.openai.com.evil.org/v1"])
@pytest.mark.parametrize("role", [SAMPLER, FUSOR, SCORER])
def test_the_default_key_goes_to_no_host_but_openai(role: str, address: str) -> None:
    arguments = BASE | {"base_url": address, "fusor_base_url": address, "scorer_base_url": address}
    assert variable(role, address, **arguments) is None
    assert not is_openai(address)


@pytest.mark.parametrize("role", [SAMPLER, FUSOR, SCORER])
@pytest.mark.parametrize("address", [None, OPENAI, "https://eu.api.openai.com/v1"])
def test_the_default_key_goes_to_openai(role: str, address: str | None) -> None:
    arguments = BASE | {"fusor_base_url": "off", "scorer_base_url": "off"}
    assert variable(role, address, **arguments) == "OPENAI_API_KEY"


def test_each_role_has_a_variable_of_its_own() -> None:
    arguments = BASE | {
        "fusor_base_url": B,
        "scorer_base_url": "http://c/v1",
        "api_key_env": "A_KEY",
        "fusor_api_key_env": "F_KEY",
        "scorer_api_key_env": "S_KEY",
    }
    found = [variable(*pair, **arguments) for pair in ((SAMPLER, A), (FUSOR, B), (SCORER, "http://c/v1"))]
    assert found == ["A_KEY", "F_KEY", "S_KEY"]


@pytest.mark.parametrize("role", [FUSOR, SCORER])
def test_the_samplers_key_goes_to_its_own_host_alone(role: str) -> None:
    arguments = BASE | {"api_key_env": "A_KEY"}
    assert variable(role, A, **arguments) == "A_KEY"
    elsewhere = arguments | {"fusor_base_url": B, "scorer_base_url": B}
    assert variable(role, B, **elsewhere) is None
    unsafe = arguments | {"base_url": B, "fusor_base_url": "http://b/v1", "scorer_base_url": "http://b/v1"}
    assert variable(role, "http://b/v1", **unsafe) is None
    provider = arguments | {"fusor_base_url": "off", "scorer_base_url": "off"}
    assert variable(role, None, **provider) == "OPENAI_API_KEY"


def test_several_addresses_have_a_variable_each() -> None:
    arguments = BASE | {"base_url": f"{A}|{B}|http://c/v1", "api_key_env": "A_KEY|B_KEY|"}
    assert [variable(SAMPLER, at, **arguments) for at in (A, B, "http://c/v1")] == ["A_KEY", "B_KEY", None]


def test_one_variable_serves_several_ports_of_one_host() -> None:
    arguments = BASE | {"base_url": "http://a:1/v1|http://a:2/v1", "api_key_env": "A_KEY"}
    assert [variable(SAMPLER, f"http://a:{port}/v1", **arguments) for port in (1, 2)] == ["A_KEY", "A_KEY"]


@pytest.mark.parametrize(
    ("names", "message"),
    [("A_KEY", "would send one key to 2 hosts"), ("A_KEY|B_KEY|C_KEY", "names 3 variables for 2 addresses")],
)
def test_one_key_for_several_hosts_is_an_error(names: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(BASE | {"base_url": f"{A}|{B}", "api_key_env": names})


@pytest.mark.parametrize("role", ["fusor", "scorer"])
def test_a_key_without_its_model_is_an_error(role: str) -> None:
    with pytest.raises(ConfigError, match=f"{role}_api_key_env= names a key but no model"):
        parse({"model": "m", f"{role}_api_key_env": "X"})


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini"])
def test_a_fusor_of_openai_without_its_key_is_found_before_any_request(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    opener = Opener(
        parse({"model": "m", "base_url": "http://127.0.0.1:9/v1", "fusor": name, "fusor_base_url": "off"}),
        Store(None),
    )

    # when / then
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds no key"):
        opener.fusor()


def test_openais_own_address_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments = parse({"model": "m", "base_url": "https://api.openai.com/v1"})

    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds no key"):
        check_keys(arguments)
