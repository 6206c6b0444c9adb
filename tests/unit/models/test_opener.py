"""Each name opens the right door once, with its key, within its endpoint's slots and behind the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=0)
KEY = "sk-live-0123456789abcdef"
OPENAI = "https://api.openai.com/v1"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def opener(**arguments: object) -> Opener:
    return Opener(parse(arguments), Store(None))


def identities(**arguments: object) -> list[str]:
    return [model.identity for model in opener(**arguments).sampler()]


# Doors


def test_a_name_with_a_base_url_is_a_chat_or_completion_model_at_that_address() -> None:
    assert identities(model="m", base_url="http://h/v1") == ["openai|http://h/v1|m|chat"]
    assert identities(model="m", base_url="http://h/v1", completion=True) == [
        "openai|http://h/v1|m|completion"
    ]


def test_openai_before_a_name_means_openai_itself_or_with_a_base_url_its_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert identities(model="openai/m") == [f"openai|{OPENAI}|m|chat"]
    assert identities(model="openai/m", base_url="http://h/v1") == ["openai|http://h/v1|m|chat"]


def test_several_names_are_several_models_in_order() -> None:
    assert identities(model="a|b", base_url="http://h/v1") == [
        "openai|http://h/v1|a|chat",
        "openai|http://h/v1|b|chat",
    ]


def test_a_missing_file_is_reported_before_any_call(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    with pytest.raises(ConfigError, match=r"^There is no file .*nowhere\.gguf; model=gguf:PATH wants"):
        opener(model=f"gguf:{tmp_path / 'nowhere.gguf'}").sampler()


def test_a_file_without_permission_to_read_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a file that even root may not read here
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF")
    open_any = Path.open

    def refuse(file: Path, *arguments: Any, **options: Any) -> Any:
        if file == path:
            raise PermissionError(13, "Permission denied", str(file))
        return open_any(file, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    # when, then
    with pytest.raises(ConfigError, match=r"x\.gguf cannot be read: Permission denied"):
        opener(model=f"gguf:{path}").sampler()


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "model=gguf: names no file"), (".", "is a folder; model=gguf:PATH wants")],
    ids=["no path", "a folder"],
)
def test_a_path_that_is_no_file_is_one_sentence(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        opener(model=f"gguf:{name}").sampler()


def test_an_argument_that_no_model_takes_is_reported_before_a_model_opens() -> None:
    with pytest.raises(ConfigError, match="Unknown model argument 'pretrained'"):
        opener(model="m", base_url="http://h/v1", pretrained="x")


# Roles


def test_by_default_the_first_sampler_also_fuses_and_judges() -> None:
    models = opener(model="a|b", base_url="http://h/v1")
    assert models.fusor().identity == models.judge().identity == models.sampler()[0].identity


def test_a_fusor_is_at_the_samplers_endpoint_at_its_own_or_at_a_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    base: dict[str, object] = {"model": "m", "base_url": "http://h/v1", "fusor": "openai/f"}
    assert opener(**base).fusor().identity == "openai|http://h/v1|f|chat"
    assert opener(**base, fusor_base_url="http://f/v1").fusor().identity == "openai|http://f/v1|f|chat"
    assert opener(**base, fusor_base_url="off").fusor().identity == f"openai|{OPENAI}|f|chat"


def test_a_model_in_this_process_is_loaded_once_for_all_roles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the weights of a model that samples and fuses would be in memory twice."""
    opened: list[str] = []

    class Loaded:
        chat, max_n = True, None

        def __init__(self, name: str) -> None:
            self.name = self.identity = name
            self.inner = object()

    def open_harness(name: str, arguments: dict[str, Any]) -> Loaded:
        opened.append(name)
        return Loaded(name)

    monkeypatch.setattr("fusion_eval.models.lm_eval.door.open_harness", open_harness)
    inner = "lm_eval:hf,pretrained=x"
    models = opener(model=f"{inner}|m", base_url="http://h/v1", fusor=inner, fusor_base_url="off")
    assert [model.identity for model in models.sampler()] == [
        inner,
        "openai|http://h/v1|m|chat",
    ]
    assert models.fusor().identity == models.judge().identity == inner
    assert opened == [inner]
    assert models.inner_harness_model() is not None
    assert opener(model="m", base_url="http://h/v1").inner_harness_model() is None


# Keys


async def sample_once(models: Opener) -> Candidate:
    """Sample one candidate from the first sampler, and close all models."""
    try:
        return (await models.sampler()[0].sample(Prompt("Why?"), SAMPLING, 1))[0]
    finally:
        await models.close()


async def test_the_key_comes_from_the_named_variable(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = openai_server(Plan(api_key=KEY))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("MY_KEY", f"{KEY}\n")  # as read from a file
    candidate = await sample_once(opener(model="test-model", base_url=server.base_url, api_key_env="MY_KEY"))
    assert candidate.error is None
    with pytest.raises(EndpointError, match=r"name the environment variable that holds it with api_key_env="):
        await sample_once(opener(model="test-model", base_url=server.base_url))
    assert not server.calls[-1].sent_key


async def test_an_endpoint_of_the_user_needs_no_key(openai_server: Start) -> None:
    server = openai_server(Plan())
    await sample_once(opener(model="test-model", base_url=server.base_url))
    assert not server.calls[0].sent_key


@pytest.mark.parametrize("value", [None, "", "  ", "sk-two\nlines"])
@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        ({"model": "openai/m"}, "OPENAI_API_KEY"),
        ({"model": "m", "base_url": "http://h/v1", "api_key_env": "MY_KEY"}, "MY_KEY"),
    ],
)
def test_a_missing_or_malformed_key_is_reported_before_any_call(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object], variable: str, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        opener(**arguments).sampler()
    assert str(caught.value) == (
        f"The environment variable {variable} holds no key; set it, or name another with api_key_env="
    )


# Endpoints and the store


async def test_all_roles_share_the_slots_of_an_endpoint_and_aggregation_goes_first(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(latency=0.01))
    models = opener(model="test-model", base_url=server.base_url, concurrency=1)
    [sampler], fusor = models.sampler(), models.fusor()

    def sample(model: Any, text: str) -> Any:
        return model.sample(Prompt(text), SAMPLING, 1)

    await gather_or_cancel([*(sample(sampler, f"sample {i}") for i in range(3)), sample(fusor, "fuse")])
    await models.close()

    order = [call.body["messages"][0]["content"] for call in server.calls]
    assert order == ["sample 0", "fuse", "sample 1", "sample 2"]
    assert server.in_flight_peak == 1


async def test_one_role_finds_the_candidates_of_another_in_the_store(openai_server: Start) -> None:
    server = openai_server(Plan())
    models = opener(model="test-model", base_url=server.base_url)
    first = await models.sampler()[0].sample(Prompt("Why?"), SAMPLING, 2)
    second = await models.fusor().sample(Prompt("Why?"), SAMPLING, 2)
    await models.close()
    assert first == second and len(server.calls) == 1


async def test_max_retries_bounds_the_requests(openai_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 0.0)
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 503)))
    candidate = await sample_once(opener(model="test-model", base_url=server.base_url, max_retries=2))
    assert candidate.error and len(server.calls) == 3


def test_closed_models_work_on_the_next_event_loop(openai_server: Start) -> None:
    """The harness may call a model several times, each time on another event loop."""
    server = openai_server(Plan())
    models = opener(model="test-model", base_url=server.base_url)
    [sampler] = models.sampler()

    async def once(text: str) -> None:
        await gather_or_cancel([sampler.sample(Prompt(f"{text} {i}"), SAMPLING, 1) for i in range(3)])
        await models.close()

    asyncio.run(once("first"))
    asyncio.run(once("second"))
    assert len(server.calls) == 6
