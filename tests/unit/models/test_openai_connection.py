"""Requests that get no usable reply, and the connections of the OpenAI door."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator

import pytest
from doors import KEY, PROMPT, SAMPLING, StartServer, closed_port, door_to, error_at, error_for
from openai_server import Fault, Plan, serve

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError, RequestError, TransientError
from fusion_eval.models.http import bounds, direct
from fusion_eval.models.http.channel import Channel
from fusion_eval.models.http.direct import DirectClient
from fusion_eval.models.openai.door import OpenAIModel

# Endpoints that cannot be reached


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://", "http://[::1/v1", "http://h:port/v1", "x"])
def test_a_base_url_that_is_not_a_url_is_refused_before_any_call(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^base_url is not a URL; it looks like http://localhost:8000/v1$"):
        OpenAIModel("m", url)


def test_a_base_url_with_a_query_is_refused_and_not_shown() -> None:
    with pytest.raises(
        ConfigError, match=r"^base_url http://h/v1 goes on after its path with \? or #"
    ) as caught:
        OpenAIModel("m", f"http://u:hidden@h/v1?key={KEY}")
    assert KEY not in str(caught.value) and "hidden" not in str(caught.value)


async def test_a_port_where_nothing_listens_is_an_endpoint_error() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"

    error = await error_at(url)

    assert isinstance(error, EndpointError)
    assert str(error).startswith(f"Cannot reach {url} for test-model: ")
    assert str(error).endswith("Is the server up, and is base_url right?")


async def test_a_host_that_accepts_no_connection_is_reported_before_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a server whose queue of connections is full
    monkeypatch.setattr(direct, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as clients:
        for _ in range(2):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        # when
        error = await error_at(f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout=60.0)
    # then
    assert isinstance(error, EndpointError) and "Cannot reach" in str(error)


async def test_a_host_without_an_address_is_an_endpoint_error() -> None:
    error = await error_at("http://nonesuch.invalid/v1")
    assert isinstance(error, EndpointError) and "Cannot reach http://nonesuch.invalid/v1" in str(error)


async def test_an_impossible_host_is_an_endpoint_error() -> None:
    error = await error_at("http://.../v1")
    assert isinstance(error, EndpointError)
    assert str(error) == "base_url 'http://.../v1' names no host; it looks like http://localhost:8000/v1"


async def test_too_many_open_files_is_not_reported_as_a_server_that_is_down(
    openai_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_file_left(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", no_file_left)

    error = await error_at(openai_server(Plan()).base_url)

    assert isinstance(error, TransientError) and error.overloaded
    assert "raise `ulimit -n`, or lower concurrency=" in str(error)


# Failures that a later try may mend


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 500),
        Fault("status", 502, body="<html>Bad gateway</html>"),
        Fault("status", 503),
        Fault("status", 529),
        Fault("reset"),
        Fault("truncated_json"),
        Fault("empty_body"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_a_temporary_failure_is_transient(openai_server: StartServer, fault: Fault) -> None:
    error = await error_for(openai_server, fault)
    assert type(error) is TransientError
    assert "test-model" in str(error) and "\n" not in str(error) and "<" not in str(error)


@contextlib.asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """Send these bytes to every client; yield the address."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"error":"\xff"}',
        b'HTTP/1.1 200 OK\r\ncontent-length: 20009\r\n\r\n{"error":' + b"[" * 20_000,
        b'HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\n"\xff"',
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-encoding: gzip\r\n\r\nabc",
        b"\x1b[2J\x1b]0;what is HTTP?\x07\r\n\r\n",
    ],
    ids=["not UTF-8", "nested too deep", "not UTF-8 in a refusal", "cut off", "not gzip", "not HTTP"],
)
async def test_malformed_bytes_are_transient_and_not_shown(answer: bytes) -> None:
    async with raw_server(answer) as address:
        error = await error_at(f"http://user:hidden@{address}")
    assert type(error) is TransientError
    assert "hidden" not in str(error) and str(error).isprintable()


async def test_a_timeout_is_transient(openai_server: StartServer) -> None:
    url = openai_server(Plan(faults=lambda number, request: Fault("hang"))).base_url

    error = await error_at(url, timeout=0.1)

    assert type(error) is TransientError
    assert str(error) == f"test-model at {url} gave no answer in 0.1 s"


async def test_a_server_that_stops_during_a_run_is_transient() -> None:
    with serve(Plan()) as server:
        door = OpenAIModel("test-model", server.base_url, timeout=5)
        await door.sample(PROMPT, SAMPLING, 1)
    with pytest.raises(TransientError):
        await door.sample(PROMPT, SAMPLING, 1)
    await door.close()


async def test_an_error_with_a_status_of_success_is_transient_and_shown(openai_server: StartServer) -> None:
    body = {"error": {"code": 502, "message": "Provider returned error"}}
    error = await error_for(openai_server, Fault("status", 200, body=body))
    assert type(error) is TransientError
    assert str(error).endswith("answered without any choice for test-model: Provider returned error")


async def test_null_choices_with_an_error_show_the_servers_message(openai_server: StartServer) -> None:
    body = {"choices": None, "error": {"message": "The model is loading."}}
    error = await error_for(openai_server, Fault("status", 200, body=body))
    assert isinstance(error, TransientError) and "The model is loading" in str(error)


async def test_a_body_larger_than_any_answer_is_not_read_to_its_end(
    openai_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "LARGEST", 1000)
    server = openai_server(Plan(reply=lambda request, index: "x" * 5000))

    error = await error_at(server.base_url)

    assert type(error) is RequestError and error.lost
    assert "sent more than" in str(error)


# Replies of something that is not an OpenAI-compatible endpoint


async def test_json_in_another_form_is_a_request_error(openai_server: StartServer) -> None:
    error = await error_for(
        openai_server, Fault("status", 200, body={"choices": [{"message": {"content": 7}}]})
    )
    assert type(error) is RequestError
    assert "answered test-model in another form than OpenAI's: the content is 7, not text" in str(error)


async def test_a_web_page_as_the_first_reply_is_an_endpoint_error(openai_server: StartServer) -> None:
    error = await error_for(openai_server, Fault("html"))
    assert isinstance(error, EndpointError)
    assert "answered with a web page, not with JSON; base_url should end in /v1" in str(error)


async def test_a_web_page_during_a_run_is_transient(openai_server: StartServer) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("html") if number == 2 else None))
    async with door_to(server.base_url) as door:
        await door.sample(PROMPT, SAMPLING, 1)
        with pytest.raises(TransientError):
            await door.sample(PROMPT, SAMPLING, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_reported_and_not_followed(openai_server: StartServer, status: int) -> None:
    """Following it would turn the POST into a GET, or send the key to another host."""
    # given
    elsewhere = openai_server(Plan())
    target = f"{elsewhere.base_url}/chat/completions"
    answer = f"HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
    # when
    async with raw_server(answer) as address:
        error = await error_at(f"http://{address}", api_key=KEY)
    # then
    assert isinstance(error, EndpointError)
    assert str(error) == f"http://{address} redirects to '{target}'; name its final address with base_url="
    assert elsewhere.calls == ()


# Connections


async def test_a_closed_door_opens_again(openai_server: StartServer) -> None:
    server = openai_server(Plan())
    async with door_to(server.base_url) as door:
        first = await door.sample(PROMPT, SAMPLING, 1)
        await door.close()
        await door.close()
        second = await door.sample(PROMPT, SAMPLING, 1)
    assert first[0].text == second[0].text


def test_a_door_works_on_one_event_loop_after_another(openai_server: StartServer) -> None:
    door = OpenAIModel("test-model", openai_server(Plan()).base_url)

    async def sample_and_close() -> str:
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
        await door.close()
        return candidate.text

    assert asyncio.run(sample_and_close()) == asyncio.run(sample_and_close())


@pytest.mark.parametrize(
    "fault", [None, Fault("status", 500), Fault("truncated_json"), Fault("html")], ids=lambda f: f and f.kind
)
async def test_a_connection_is_reused_after_every_kind_of_reply(
    openai_server: StartServer, fault: Fault | None
) -> None:
    server = openai_server(Plan(faults=lambda number, request: fault))
    async with door_to(server.base_url) as door:
        for _ in range(3):
            with contextlib.suppress(FusionEvalError):
                await door.sample(PROMPT, SAMPLING, 1)
        assert len(connections_of(door)) == 1
    assert len(server.calls) == 3


async def test_a_cancelled_request_releases_its_connection(openai_server: StartServer) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("hang")))
    async with door_to(server.base_url) as door:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await door.sample(PROMPT, SAMPLING, 1)
        assert not connections_of(door)


def connections_of(door: OpenAIModel) -> set[Channel]:
    """Return the open connections of a door; none of them may be in use."""
    client = door._connection._client
    assert isinstance(client, DirectClient) and len(client._idle) == len(client._open)
    return client._open
