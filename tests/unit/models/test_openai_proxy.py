"""Requests go through the proxy that the environment names, and never to this machine through one."""

from __future__ import annotations

import pytest
from doors import PROMPT, SAMPLING, StartServer, door_to
from openai_server import Plan
from raw_server import OK, answering, serving, whole

from fusion_eval.errors import ConfigError
from fusion_eval.models.http.proxied import ProxiedClient
from fusion_eval.models.openai.proxy import proxy_for

PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variable", "url", "proxy"),
    [
        ("HTTP_PROXY", "http://host/v1", PROXY),
        ("http_proxy", "http://host/v1", PROXY),
        ("HTTPS_PROXY", "https://host/v1", PROXY),
        ("ALL_PROXY", "https://host/v1", PROXY),
        ("HTTPS_PROXY", "http://host/v1", None),
        *[
            ("ALL_PROXY", f"http://{host}:8000/v1", None)
            for host in ("localhost", "127.0.0.1", "[::1]", "a.localhost")
        ],
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, proxy: str | None
) -> None:
    monkeypatch.setenv(variable, PROXY)
    assert proxy_for(url) == proxy


def test_a_host_in_no_proxy_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "inner.org")
    assert proxy_for("http://gpu.inner.org/v1") is None and proxy_for("http://outer.org/v1") == PROXY


def test_a_proxy_that_does_not_speak_http_is_an_error_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:hidden@proxy:1080")
    with pytest.raises(ConfigError, match="only HTTP proxies can be used") as caught:
        proxy_for("http://host/v1")
    assert "hidden" not in str(caught.value)


async def test_a_request_reaches_the_proxy(
    openai_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a test server that stands in for a proxy: it sees the whole address
    server = openai_server(Plan())
    monkeypatch.setenv("HTTP_PROXY", server.base_url.removesuffix("/v1"))
    # when
    async with door_to("http://far.example/v1") as door:
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
    # then
    assert candidate.text and server.calls[0].headers["host"] == "far.example"


async def test_a_header_in_any_letters_comes_through_a_proxy() -> None:
    async with serving(answering(whole(b"{}", OK + b"X: \xe9\r\n"))) as proxy:
        client = ProxiedClient("http://far.example/v1", {}, 5.0, proxy.url)
        response = await client.request("POST", "x", b"{}", 100)
        await client.close()
    assert response.headers["x"] == "\ufffd"
