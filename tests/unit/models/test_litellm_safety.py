"""The litellm door follows no redirect, and no message of a provider crashes it or holds it up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web
from openai_server import Plan, Server

from fusion_eval.errors import FusionEvalError
from fusion_eval.models.litellm.door import LiteLLMModel
from fusion_eval.models.litellm.errors import message_of
from fusion_eval.types import Prompt, Sampling

KEY = "unit0123456789abcdef"
Start = Callable[[Plan], Server]


@pytest.mark.parametrize(
    "name", ["hosted_vllm/m", "openai/m", "anthropic/m", "gemini/m", "azure/m", "mistral/m"]
)
async def test_no_redirect_is_followed(
    name: str, openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys in headers such as x-api-key would travel to the other host."""
    # given a server that redirects every request to another one
    other = openai_server(Plan())
    host = other.base_url.replace("127.0.0.1", "localhost")
    body, status = web.Response, 307
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", lambda _: _redirect(body, status, host))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    provider = name.partition("/")[0].upper()
    monkeypatch.setenv(f"{provider}_API_BASE", url)
    monkeypatch.setenv(f"{provider}_API_KEY", KEY)
    monkeypatch.setenv("AZURE_API_VERSION", "2024-02-01")
    # when
    door = LiteLLMModel(name, timeout=5.0)
    with pytest.raises(FusionEvalError):
        await door.sample(Prompt("Hi"), Sampling(max_tokens=20, temperature=0.7, seed=3), 1)
    await door.close()
    await runner.cleanup()
    # then
    assert other.calls == ()


async def _redirect(response: type[web.Response], status: int, host: str) -> web.Response:
    return response(status=status, headers={"Location": f"{host}/chat/completions"})


def test_an_invalid_escape_in_a_message_of_a_provider_is_no_crash() -> None:
    text = message_of('litellm.BadRequestError: {"error": {"message": "bad \\q escape"}}')
    assert "escape" in text


@pytest.mark.parametrize(
    "text", [" " * 200_000, '"message":' * 50_000, "To drop " * 50_000, "Error: " * 50_000]
)
def test_a_long_message_is_read_in_bounded_time(text: str) -> None:
    assert len(message_of(text)) <= 300


def test_the_query_of_a_providers_address_is_no_part_of_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", f"http://me:{KEY}@host/v1?api-key={KEY}")
    assert LiteLLMModel("hosted_vllm/m").identity == "litellm|hosted_vllm/m|chat|http://host/v1"
