"""An option that an endpoint refuses is recognised, learnt, left out, said once and recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from doors import PROMPT, SAMPLING, StartServer, door_to
from openai_server import Fault, Plan, Request

from fusion_eval.errors import RequestError
from fusion_eval.models.openai.refused_options import refused_option

REFUSALS = [
    "Unsupported parameter: '{}' is not supported with this model.",
    "Unsupported value: '{}' does not support 0.7 with this model. Only the default (1) value is supported.",
    "`{}` is deprecated for this model.",
    'Invalid JSON payload received. Unknown name "{}": Cannot find field.',
    "Unrecognized request argument supplied: {}",
    "{}: Extra inputs are not permitted",
    "unknown field: {}",
    "This model doesn't accept {}",
    "invalid {}: only 1 is allowed for this model",
    "unexpected keyword argument '{}'",
    "The parameter {} cannot be set for reasoning models",
]
OPTIONS = ["temperature", "seed", "top_p", "stop", "logprobs"]


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("wording", REFUSALS)
def test_a_refused_option_is_recognised_in_the_words_of_many_servers(wording: str, option: str) -> None:
    message = wording.format(option)
    assert refused_option({"error": {"message": message}}, message) == option


@pytest.mark.parametrize("option", [*OPTIONS, "n", "max_tokens"])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Bad request", "param": "OPTION", "code": "unsupported_parameter"}},
        {"error": {"message": "Bad request", "param": "OPTION"}},
        {
            "message": {
                "detail": [{"type": "extra_forbidden", "loc": ["body", "OPTION"], "msg": "Extra inputs"}]
            }
        },
    ],
    ids=["by parameter and code", "by parameter alone", "by its place in the body"],
)
def test_a_refused_option_is_recognised_by_the_field_that_names_it(body: Any, option: str) -> None:
    def filled(value: Any) -> Any:
        match value:
            case dict():
                return {name: filled(part) for name, part in value.items()}
            case list():
                return [filled(part) for part in value]
        return option if value == "OPTION" else value

    assert refused_option(filled(body), "Bad request") == option


@pytest.mark.parametrize(
    ("message", "option"),
    [
        ("Only one choice can be asked for: n must be 1.", "n"),
        ("Only one completion choice is allowed", "n"),
        ("'n' : number must be at most 1", "n"),
        ("n must be 1 when using greedy sampling, got 5.", "n"),
        ("Invalid n value (currently only n = 1 is supported)", "n"),
        ("Unsupported value: 'n' does not support 5 with this model.", "n"),
        ("Multiple choices are not supported", "n"),
        ("Multiple candidates is not enabled for this model", "n"),
        ("Unrecognized request argument supplied: n", "n"),
        ("Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead.", "max_tokens"),
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens"),
    ],
)
def test_a_refused_number_of_choices_or_token_limit_is_recognised(message: str, option: str) -> None:
    assert refused_option(None, message) == option


@pytest.mark.parametrize(
    "message",
    [
        "temperature must be between 0 and 2",
        "'seed' is too large: at most 2147483647",
        "The last turn of the conversation must be the user's",
        "top_n must be at least 1",
        'Bad input: {"n":5,"model":"m"}',
        "A line\nis too much",
        "Unsupported parameter: 'top_k'",
        "This model does not support images",
    ],
)
def test_another_refusal_is_no_refused_option(message: str) -> None:
    assert refused_option({"error": {"message": message}}, message) is None


def test_a_value_out_of_range_is_no_refused_option() -> None:
    """Without the option the request would succeed, and hide the mistake."""
    message = "temperature must be less than or equal to 2"
    assert refused_option({"error": {"message": message, "param": "temperature"}}, message) is None


def refusing(*options: str) -> Plan:
    """Return the plan of a server that refuses these options, one in each reply."""

    def faults(number: int, request: Request) -> Fault | None:
        for option in options:
            if option in request and (option != "n" or request["n"] > 1):
                message = f"Unsupported parameter: '{option}' is not supported with this model."
                return Fault("status", 400, body={"error": {"message": message, "param": option}})
        return None

    return Plan(faults=faults)


@pytest.mark.parametrize(
    "options",
    [
        ("temperature",),
        ("seed",),
        ("top_p",),
        ("n", "temperature"),
        ("temperature", "n", "seed"),
        ("max_tokens", "seed"),
    ],
    ids=" and ".join,
)
async def test_a_refused_option_is_learnt_left_out_said_once_and_recorded(
    openai_server: StartServer, options: tuple[str, ...]
) -> None:
    # given
    server = openai_server(refusing(*options))
    said: list[str] = []
    shaping = tuple(sorted(set(options) - {"n", "max_tokens"}))
    # when
    async with door_to(server.base_url, warn=said.append) as door:
        sampling = replace(SAMPLING, top_p=0.9)
        [first, *_] = await door.sample(PROMPT, sampling, 3)
        [second, *_] = await door.sample(PROMPT, sampling, 3)
    # then
    assert first.text and second.text and first.omitted == second.omitted == shaping
    assert len(server.calls) == len(options) + 2
    assert not set(options) & set(server.calls[-1].body)
    assert [option for option in shaping if any(f"the option {option}." in line for line in said)] == list(
        shaping
    )
    assert len(said) == len(shaping)


async def test_stop_strings_that_are_refused_change_no_answer(openai_server: StartServer) -> None:
    """Answers are cut at them afterwards, so nothing need be said."""
    said: list[str] = []
    async with door_to(openai_server(refusing("stop")).base_url, warn=said.append) as door:
        [candidate] = await door.sample(PROMPT, replace(SAMPLING, stop=("Q:",)), 1)
    assert candidate.omitted == () and said == []


async def test_an_option_of_the_users_own_is_never_left_out(openai_server: StartServer) -> None:
    async with door_to(openai_server(refusing("top_k")).base_url) as door:
        with pytest.raises(RequestError, match="'top_k' is not supported"):
            await door.sample(PROMPT, replace(SAMPLING, extra=(("top_k", 20),)), 1)
