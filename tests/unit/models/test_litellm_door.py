"""The litellm door: the real litellm sends requests to a server on this machine."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from openai_server import Fault, Plan, Reply, Request, Server, prompt_text

from fusion_eval.errors import (
    ConfigError,
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models import Model
from fusion_eval.models.litellm.door import LiteLLMModel, provider_of
from fusion_eval.models.openai.options import SHORT_REPLIES
from fusion_eval.types import Message, Prompt, Sampling

KEY = "unit0123456789abcdef"
"""It does not look like the key of any provider."""
PROVIDERS = ("HOSTED_VLLM", "OPENAI", "SAMBANOVA", "FEATHERLESS_AI")
Start = Callable[[Plan], Server]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS:
        monkeypatch.setenv(f"{provider}_API_KEY", KEY)


@pytest.fixture
async def start(openai_server: Start, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    """Start a server at the address of all `PROVIDERS`; close the connections to it at the end."""

    def started(plan: Plan) -> Server:
        server = openai_server(plan)
        for provider in PROVIDERS:
            monkeypatch.setenv(f"{provider}_API_BASE", server.base_url)
        return server

    yield started
    await model().close()


def model(name: str = "hosted_vllm/test-model", **options: Any) -> LiteLLMModel:
    """Open a door with a short timeout."""
    return LiteLLMModel(name, **{"timeout": 5.0, **options})


def sampling(**changes: Any) -> Sampling:
    return dataclasses.replace(Sampling(max_tokens=20, temperature=0.7, seed=3), **changes)


async def error_from(door: LiteLLMModel, prompt: str = "Hi", n: int = 1) -> FusionEvalError:
    """Return the error of one request."""
    with pytest.raises(FusionEvalError) as caught:
        await door.sample(Prompt(prompt), sampling(), n)
    return caught.value


# Import


def test_litellm_is_not_imported_before_it_is_used() -> None:
    code = "import sys, fusion_eval.models.litellm.door; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Requests


@pytest.mark.parametrize("name", ["hosted_vllm/test-model", "openai/test-model"])
async def test_a_chat_request_holds_all_options(name: str, start: Start) -> None:
    server = start(Plan(api_key=KEY))
    options = sampling(top_p=0.9, stop=("1", "2", "3", "4", "5"), logprobs=True, extra=(("top_k", 40),))

    await model(name).sample(
        Prompt(messages=(Message("system", "Be brief."), Message("user", "Hi"))), options, 2
    )

    [call] = server.calls
    assert call.path == "/v1/chat/completions"
    assert call.body == {
        "model": "test-model",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "n": 2,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 20,
        "seed": 3,
        "stop": ["1", "2", "3", "4"],
        "logprobs": True,
        "top_k": 40,
    }


async def test_a_text_is_sent_as_one_user_message(start: Start) -> None:
    server = start(Plan())
    await model().sample(Prompt("Hi"), sampling(), 1)
    assert server.calls[0].body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "n" not in server.calls[0].body


@pytest.mark.parametrize("name", ["hosted_vllm/test-model", "text-completion-openai/test-model"])
async def test_a_completion_request_holds_the_text_unchanged(
    name: str, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = start(Plan())
    candidates = await model(name, chat=False).sample(Prompt("Once upon a time"), sampling(logprobs=True), 2)
    [call] = server.calls
    assert (call.path, call.body["prompt"]) == ("/v1/completions", "Once upon a time")
    assert len({candidate.text for candidate in candidates}) == 2
    assert all(candidate.mean_logprob is not None for candidate in candidates)
    gc.collect()
    assert "Unclosed" not in caplog.text


async def test_a_provider_without_n_gets_requests_for_one_choice(start: Start) -> None:
    server = start(Plan())
    door = model("sambanova/test-model")
    assert door.max_n == 1
    assert len(await door.sample(Prompt("Hi"), sampling(stop=("Q:",)), 3)) == 1
    assert "n" not in server.calls[0].body
    assert server.calls[0].body["stop"] == ["Q:"]


async def test_a_provider_without_seed_and_logprobs_gets_neither(start: Start) -> None:
    server = start(Plan())
    candidates = await model("featherless_ai/test-model").sample(Prompt("Hi"), sampling(logprobs=True), 2)
    assert len(candidates) == 2
    assert not {"seed", "logprobs"} & set(server.calls[0].body)


# Candidates


async def test_candidates_have_consecutive_seeds_and_tokens_that_add_up(start: Start) -> None:
    def words(request: Request, index: int) -> str:
        return " ".join(["word"] * (index + 1))

    start(Plan(reply=words))
    door = model()
    with_logprobs = await door.sample(Prompt("three small words"), sampling(logprobs=True), 3)
    without_logprobs = await door.sample(Prompt("three small words"), sampling(), 4)

    assert isinstance(door, Model)
    assert [candidate.text for candidate in with_logprobs] == ["word", "word word", "word word word"]
    assert [candidate.seed for candidate in with_logprobs] == [3, 4, 5]
    assert [candidate.prompt_tokens for candidate in with_logprobs] == [3, 0, 0]
    assert [candidate.completion_tokens for candidate in with_logprobs] == [1, 2, 3]
    assert sum(candidate.completion_tokens for candidate in without_logprobs) == 10
    assert all(c.mean_logprob is not None and c.mean_logprob <= 0 for c in with_logprobs)
    assert all(c.mean_logprob is None for c in without_logprobs)
    assert all(c.model == door.name and c.latency > 0 and c.finish_reason == "stop" for c in with_logprobs)


@pytest.mark.parametrize(
    "reply", [Reply("42", reasoning_content="let me see"), "<think>let me see</think>42"]
)
async def test_reasoning_is_separated_from_the_text(reply: str | Reply, start: Start) -> None:
    start(Plan(reply=lambda request, index: reply))
    [candidate] = await model().sample(Prompt("6 times 7"), sampling(), 1)
    assert (candidate.text, candidate.reasoning) == ("42", "let me see")


async def test_an_answer_cut_at_max_tokens_has_the_finish_reason_length(start: Start) -> None:
    start(Plan(reply=lambda request, index: "one two three"))
    [candidate] = await model().sample(Prompt("count"), sampling(max_tokens=2), 1)
    assert (candidate.text, candidate.finish_reason) == ("one two", "length")


async def test_candidates_have_a_cost_if_litellm_knows_the_price(start: Start) -> None:
    start(Plan(models=("gpt-4o-mini", "test-model"), reply=lambda request, index: "word " * 10))
    priced = await model("openai/gpt-4o-mini").sample(Prompt("word " * 100), sampling(), 2)
    assert sum(c.cost or 0.0 for c in priced) == pytest.approx((100 * 0.15 + 20 * 0.60) / 1e6)
    [unpriced] = await model().sample(Prompt("Hi"), sampling(), 1)
    assert unpriced.cost is None


async def test_the_door_learns_a_limit_on_choices_from_short_replies(start: Start) -> None:
    start(Plan(honours_n=False))
    door = model()
    for _ in range(SHORT_REPLIES):
        assert door.max_n is None
        assert len(await door.sample(Prompt("Hi"), sampling(), 3)) == 1
    assert door.max_n == 1


async def test_after_a_refusal_of_n_the_door_requests_one_choice_at_once(start: Start) -> None:
    """A transient error would use up a retry and count against the endpoint."""
    server = start(Plan(rejects_n=True))
    door = model()
    assert len(await door.sample(Prompt("Hi"), sampling(), 3)) == 1
    assert door.max_n == 1
    assert [call.body.get("n") for call in server.calls] == [3, None]


async def test_the_timeout_covers_the_whole_request(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start(Plan())
    door = model(timeout=0.05)

    async def trickle(**_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("litellm.acompletion", trickle)
    with pytest.raises(TransientError, match=r"gave no answer in 0\.05 s") as caught:
        await door.sample(Prompt("Hi"), sampling(), 1)
    assert caught.value.lost


# Errors

STATUSES = [
    (400, RequestError),
    (401, EndpointError),
    (402, EndpointError),
    (403, EndpointError),
    (404, EndpointError),
    (408, TransientError),
    (409, TransientError),
    (413, RequestError),
    (422, RequestError),
    (429, TransientError),
    (500, TransientError),
    (502, TransientError),
    (503, TransientError),
    (504, TransientError),
    (529, TransientError),
]


@pytest.mark.parametrize("name", ["hosted_vllm/test-model", "openai/test-model"])
@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_each_status_is_one_request_and_one_kind_of_error(
    name: str, status: int, kind: type[FusionEvalError], start: Start
) -> None:
    server = start(Plan(faults=lambda number, request: Fault("status", status, retry_after=7)))
    error = await error_from(model(name))
    assert type(error) is kind
    assert len(server.calls) == 1, "only `Limited` retries"
    assert "planned to fail" in str(error) and "litellm" not in str(error)
    if isinstance(error, TransientError):
        assert error.retry_after == 7


@pytest.mark.parametrize("kind", ["reset", "hang", "truncated_json", "html", "empty_body"])
async def test_a_broken_reply_is_transient(kind: Any, start: Start) -> None:
    start(Plan(faults=lambda number, request: Fault(kind)))
    error = await error_from(model(timeout=0.5))
    assert isinstance(error, TransientError) and error.retry_after is None


async def test_a_server_that_is_down_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", "http://127.0.0.1:9/v1")
    assert isinstance(await error_from(model()), TransientError)


async def test_a_prompt_longer_than_the_context_is_a_context_overflow(start: Start) -> None:
    start(Plan(context_tokens=20))
    error = await error_from(model(), prompt="word " * 50)
    assert isinstance(error, ContextOverflowError)
    assert "maximum context length is 20 tokens" in str(error)


async def test_an_unsupported_temperature_is_left_out_said_once_and_recorded(start: Start) -> None:
    server = start(Plan(models=("o3",)))
    said: list[str] = []
    door = model("openai/o3", warn=said.append)
    for text in ("Hi", "Ho"):
        [candidate] = await door.sample(Prompt(text), sampling(), 1)
        assert candidate.text and candidate.omitted == ("temperature",)
    assert all("temperature" not in call.body for call in server.calls)
    assert len(said) == 1 and "refuses the option temperature" in said[0]


async def test_a_missing_key_is_reported_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    error = await error_from(model("openai/test-model"))
    assert isinstance(error, EndpointError)
    assert "set OPENAI_API_KEY" in str(error)


@pytest.mark.parametrize("quote", [KEY, KEY[:12] + "…", KEY[:8] + "*******cdef"])
async def test_a_key_is_never_shown(
    quote: str, start: Start, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    body = {"error": {"message": f"Incorrect API key provided: {quote}", "type": "x", "code": "y"}}
    start(Plan(faults=lambda number, request: Fault("status", 401, body=body)))

    error = await error_from(model("openai/test-model"))

    assert isinstance(error, EndpointError) and "OPENAI_API_KEY" in str(error)
    shown = f"{error!r} {error.__cause__!r} {error.__context__!r} {''.join(capfd.readouterr())}"
    assert KEY[:8] not in shown and "cdef" not in shown


async def test_a_providers_message_is_one_bounded_line_without_control_codes(start: Start) -> None:
    body = {"error": {"message": "no\n\x1b[31mway\u202e " + "x" * 5000, "type": "x", "code": "y"}}
    start(Plan(faults=lambda number, request: Fault("status", 400, body=body)))
    message = str(await error_from(model()))
    assert message.isprintable() and "[31mway" in message
    assert len(message) < 400


async def test_litellm_prints_nothing(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    start(
        Plan(faults=lambda number, request: Fault("status", 500) if "bad" in prompt_text(request) else None)
    )
    door = model()
    await door.sample(Prompt("good"), sampling(), 1)
    await error_from(door, prompt="bad")
    with pytest.raises(ConfigError):
        provider_of("nobody/nothing")
    assert capfd.readouterr() == ("", "")


# Name, identity and connections


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("gpt4o", "gpt-4o"),
        ("anthropc/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("gemni/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
    ],
)
def test_an_unknown_name_is_reported_with_the_nearest_one(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiteLLMModel(wrong)
    assert str(caught.value) == (
        f"litellm knows no provider for the model '{wrong}'. Did you mean '{right}'?"
    )


def test_a_misspelt_bundled_model_is_found_without_loading_litellm() -> None:
    # given
    code = (
        "import sys\nfrom fusion_eval.models.litellm.door import provider_of\n"
        "try: provider_of('embeded')\nexcept Exception as e: print(e, 'litellm' in sys.modules)"
    )
    # when
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # then
    assert done.stdout == "There is no model 'embeded'. Did you mean 'embedded'? False\n"


def test_a_known_name_has_a_provider() -> None:
    assert provider_of("anthropic/claude-sonnet-4-5") == "anthropic"
    assert provider_of("gpt-4o") == "openai"


def test_the_identity_names_form_and_address_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert model("gpt-4o").identity == "litellm|gpt-4o|chat"
    assert model("gpt-4o", chat=False).identity == "litellm|gpt-4o|completion"
    monkeypatch.setenv("OPENAI_API_BASE", "http://me:pass@elsewhere/v1")
    assert model("gpt-4o").identity == "litellm|gpt-4o|chat|http://elsewhere/v1"


@pytest.mark.parametrize("name", ["hosted_vllm/test-model", "openai/test-model"])
def test_a_closed_door_works_on_another_event_loop(name: str, start: Start) -> None:
    start(Plan())
    door = model(name)

    async def use() -> None:
        assert await door.sample(Prompt("Hi"), sampling(), 2)
        await door.close()
        assert await door.sample(Prompt("Hi"), sampling(), 2)
        await door.close()

    asyncio.run(use())
    asyncio.run(use())


@pytest.mark.parametrize(
    ("name", "none"), [("anthropic/claude-sonnet-4-5", True), ("openai/gpt-4o-mini", False)]
)
async def test_a_provider_is_known_to_report_no_log_probabilities(name: str, none: bool) -> None:
    assert model(name).no_logprobs is none
