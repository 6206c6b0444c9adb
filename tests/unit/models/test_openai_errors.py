"""Each refusal of an endpoint becomes one sentence with a fix, and an error that says whether to try again."""

from __future__ import annotations

import email.utils
import re
import time
from typing import Any

import msgspec
import pytest
from doors import KEY, SAMPLING, StartServer, door_to, error_at, error_for
from openai_server import Fault, Plan

from fusion_eval.errors import (
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models.openai.connection import Connection
from fusion_eval.models.openai.errors import error_for_response
from fusion_eval.models.redactor import Redactor
from fusion_eval.types import Prompt


def refusal(status: int, message: str, **headers: str) -> FusionEvalError:
    """Return the error for a response of the model test-model at http://host/v1."""
    connection = Connection(
        "test-model", "http://host/v1", "completions", api_key=None, key_variable="OPENAI_API_KEY", timeout=5
    )
    body = msgspec.json.encode({"error": {"message": message}})
    return error_for_response(connection, status, headers, body, Redactor())


# The endpoint fails whatever the request


async def test_a_wrong_key_is_reported_with_its_variable_and_without_the_key(
    openai_server: StartServer,
) -> None:
    url = openai_server(Plan(api_key="another")).base_url

    error = await error_at(url, api_key=KEY, api_key_env="MY_KEY")

    assert isinstance(error, EndpointError)
    assert str(error) == (
        f"{url} refused the key for test-model (401), which came from the environment variable MY_KEY; "
        "put the right one there, or name another with api_key_env="
    )


async def test_a_missing_model_is_reported_with_the_models_that_exist(openai_server: StartServer) -> None:
    url = openai_server(Plan()).base_url

    error = await error_at(url, "nonesuch")

    assert isinstance(error, EndpointError)
    assert str(error).startswith(f"{url} has no model 'nonesuch': ")
    assert str(error).endswith("It has test-model.")


async def test_a_base_url_without_v1_is_reported(openai_server: StartServer) -> None:
    url = openai_server(Plan()).base_url.removesuffix("/v1")

    error = await error_at(url)

    assert isinstance(error, EndpointError)
    assert str(error) == f"{url} has no such path (404); base_url should end in /v1 as a rule"


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Payment required"), (429, "You exceeded your quota. insufficient_quota")],
)
def test_an_account_without_credit_is_an_endpoint_error(status: int, message: str) -> None:
    error = refusal(status, message)
    assert isinstance(error, EndpointError)
    assert str(error) == f"http://host/v1 has no credit left for test-model ({status}): {message}"


async def test_a_prompt_about_money_is_not_an_account_without_credit(openai_server: StartServer) -> None:
    body = {"detail": [{"msg": "not valid", "input": "my card says insufficient funds"}]}
    error = await error_for(openai_server, Fault("status", 422, body=body))
    assert isinstance(error, RequestError)


def test_a_forbidden_country_or_project_is_reported_in_the_servers_words() -> None:
    error = refusal(403, "Your country is not supported")
    assert isinstance(error, EndpointError)
    assert "forbids test-model (403): Your country is not supported; its key came from" in str(error)


# When to try again


def seconds_from_now(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("a date 90 s ahead", 90.0),
        ("a date 90 s ago", 0.0),
        ("soon", None),
        ("the year 2031", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
    ids=[
        *("seconds", "a fraction", "negative", "a date", "a past date", "a word", "not a date", "empty"),
        *("not a number", "infinity", "an impossible year"),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, seconds: float | None) -> None:
    dates = {"a date 90 s ahead": seconds_from_now(90), "a date 90 s ago": seconds_from_now(-90)}

    error = refusal(429, "Slow down", **{"retry-after": dates.get(header, header)})

    assert isinstance(error, TransientError)
    tolerance = 60 if seconds == 90.0 else 0
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds, abs=tolerance))


async def test_retry_after_is_read_from_a_real_response(openai_server: StartServer) -> None:
    error = await error_for(openai_server, Fault("status", 429, retry_after=seconds_from_now(3600)))
    assert isinstance(error, TransientError)
    assert error.retry_after == pytest.approx(3600, abs=60)


# This request was refused


async def test_a_refusal_is_reported_in_the_servers_words(openai_server: StartServer) -> None:
    body = {"error": {"message": "'temperature' must be at most 2"}}
    error = await error_for(openai_server, Fault("status", 400, body=body))
    assert type(error) is RequestError
    assert str(error).endswith("refused a request for test-model (400): 'temperature' must be at most 2")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No."}},
        {"error": "No."},
        {"message": "No."},
        {"detail": "No."},
        {"object": "error", "message": "No.", "code": 400},
        "No.",
        "<html><b>No.</b></html>",
    ],
)
async def test_the_servers_message_is_found_in_every_form(openai_server: StartServer, body: Any) -> None:
    error = await error_for(openai_server, Fault("status", 400, body=body))
    assert re.fullmatch(r"\S+ refused a request for test-model \(400\): No", str(error))


async def test_a_prompt_longer_than_the_context_is_a_context_overflow(openai_server: StartServer) -> None:
    url = openai_server(Plan(context_tokens=2)).base_url
    async with door_to(url) as door:
        with pytest.raises(
            ContextOverflowError, match=r"^The prompt is too long for test-model: This model's"
        ):
            await door.sample(Prompt("one two three"), SAMPLING, 1)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "the request exceeds the available context size, try increasing it"),
        (400, "Requested token count exceeds the model's maximum context length of 4096 tokens"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "input length and `max_tokens` exceed context limit: 9000 + 800 > 8192"),
        (400, "Input is too long for requested model"),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
        (400, "The input token count (40000) exceeds the maximum number of tokens allowed (32768)"),
        (400, "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"),
        (500, "context_length_exceeded"),
    ],
)
def test_a_context_overflow_is_recognised_in_the_words_of_many_servers(status: int, message: str) -> None:
    assert isinstance(refusal(status, message), ContextOverflowError)


def test_a_limit_on_tokens_per_minute_is_not_a_context_overflow() -> None:
    assert type(refusal(429, "Too many tokens per minute")) is TransientError


@pytest.mark.parametrize("status", [498, 520, 521, 523, 525, 527, 530])
def test_a_server_that_is_away_may_come_back(status: int) -> None:
    assert type(refusal(status, "Web server is down")) is TransientError
