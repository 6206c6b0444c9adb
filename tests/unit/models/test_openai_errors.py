"""Whatever an endpoint does, it is one sentence with a fix, of the kind that says whether to try again."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import errno
import re
import socket
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Server, serve

from fusion_eval.errors import (
    ConfigError,
    ContextOverflowError,
    EndpointError,
    FusionEvalError,
    RequestError,
    TransientError,
)
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai import body as http_body
from fusion_eval.models.openai import door as openai
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.openai.errors import OptionRefusedError, clean, refusal_of, without_userinfo
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

Start = Callable[[Plan], Server]
PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=32, temperature=0.7, seed=0)
KEY = "sk-live-0123456789abcdef"


@contextlib.asynccontextmanager
async def door_to(base_url: str, name: str = "test-model", **options: Any) -> AsyncIterator[OpenAIModel]:
    door = OpenAIModel(name, base_url, **{"timeout": 5.0, **options})
    try:
        yield door
    finally:
        await door.close()


async def error_from(base_url: str, name: str = "test-model", **options: Any) -> FusionEvalError:
    async with door_to(base_url, name, **options) as door:
        with pytest.raises(FusionEvalError) as caught:
            await door.sample(PROMPT, SAMPLING, 1)
    return caught.value


async def error_of(openai_server: Start, fault: Fault) -> FusionEvalError:
    """What the door makes of an endpoint that always answers so."""
    return await error_from(openai_server(Plan(faults=lambda number, request: fault)).base_url)


def refused(status: int, message: str, **headers: str) -> FusionEvalError:
    door = OpenAIModel("test-model", "http://host/v1")
    body = msgspec.json.encode({"error": {"message": message}})
    return refusal_of(door, status, headers, body, ())


# The user's mistakes: no other call would fare better


async def test_a_wrong_key_names_the_variable_and_never_the_key(openai_server: Start) -> None:
    url = openai_server(Plan(api_key="another")).base_url
    error = await error_from(url, api_key=KEY, api_key_env="MY_KEY")
    assert isinstance(error, EndpointError)
    assert str(error) == (
        f"{url} refused the key for test-model (401), which came from the environment variable MY_KEY; "
        "put the right one there, or name another with api_key_env="
    )


async def test_a_model_that_the_endpoint_does_not_have(openai_server: Start) -> None:
    url = openai_server(Plan()).base_url
    error = await error_from(url, "nonesuch")
    assert isinstance(error, EndpointError)
    assert str(error).startswith(f"{url} has no model 'nonesuch': ")
    assert str(error).endswith("It has test-model.")


async def test_a_base_url_without_its_v1(openai_server: Start) -> None:
    url = openai_server(Plan()).base_url.removesuffix("/v1")
    error = await error_from(url)
    assert isinstance(error, EndpointError)
    assert str(error) == f"{url} has no such path (404); base_url should end in /v1 as a rule"


async def test_a_web_page_where_an_answer_should_be(openai_server: Start) -> None:
    error = await error_of(openai_server, Fault("html"))
    assert isinstance(error, EndpointError)
    assert "answered with a web page, not with JSON; base_url should end in /v1" in str(error)


async def test_a_web_page_in_the_middle_of_a_run_is_worth_another_try(openai_server: Start) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("html") if number == 2 else None))
    async with door_to(server.base_url) as door:
        await door.sample(PROMPT, SAMPLING, 1)
        with pytest.raises(TransientError):
            await door.sample(PROMPT, SAMPLING, 1)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def test_words_about_money_in_a_refused_prompt_are_not_an_account_without_credit(
    openai_server: Start,
) -> None:
    echo = {"detail": [{"msg": "not valid", "input": "my card says insufficient funds"}]}
    error = await error_of(openai_server, Fault("status", 422, body=echo))
    assert isinstance(error, RequestError)


async def test_choices_that_are_null_beside_an_error_show_the_servers_words(openai_server: Start) -> None:
    body = {"choices": None, "error": {"message": "The model is loading."}}
    error = await error_of(openai_server, Fault("status", 200, body=body))
    assert isinstance(error, TransientError) and "The model is loading" in str(error)


async def test_an_answer_cut_within_a_character_is_an_answer(openai_server: Start) -> None:
    """Some servers cut at a byte, and send half of an emoji as an escape that no strict reader takes."""
    body = '{"choices": [{"message": {"content": "so \\ud83d"}, "finish_reason": "length"}]}'
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 200, body=body)))
    async with door_to(server.base_url) as door:
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
    assert candidate.text == "so ?"


async def test_a_body_larger_than_any_answer_is_not_read_to_its_end(
    openai_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_body, "LARGEST", 1000)
    server = openai_server(Plan(reply=lambda request, index: "x" * 5000))
    async with door_to(server.base_url) as door:
        with pytest.raises(TransientError, match="sent more than") as caught:
            await door.sample(PROMPT, SAMPLING, 1)
    assert caught.value.lost


async def test_too_many_open_files_is_not_told_as_a_server_that_is_down() -> None:
    class Full(aiohttp.ClientConnectorError):
        def __init__(self) -> None:
            self._os_error = OSError(errno.EMFILE, "Too many open files")

        def __str__(self) -> str:
            return "Too many open files"

    error = OpenAIModel("m", "http://localhost:8000/v1")._failure(Full())
    assert isinstance(error, TransientError) and error.overloaded
    assert "raise `ulimit -n`, or lower concurrency=" in str(error)


async def test_a_port_where_nothing_listens() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    error = await error_from(url)
    assert isinstance(error, EndpointError)
    assert str(error).startswith(f"Cannot reach {url} for test-model: ")
    assert str(error).endswith("Is the server up, and is base_url right?")


async def test_a_host_that_takes_no_connection_is_told_before_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as clients:
        for _ in range(2):  # its queue is full then, and further ones are left waiting
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        error = await error_from(f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout=60.0)
    assert isinstance(error, EndpointError) and "Cannot reach" in str(error)


async def test_a_host_that_has_no_address() -> None:
    error = await error_from("http://nonesuch.invalid/v1")
    assert isinstance(error, EndpointError) and "Cannot reach http://nonesuch.invalid/v1" in str(error)


async def test_a_host_that_cannot_be_one() -> None:
    error = await error_from("http://.../v1")
    assert isinstance(error, EndpointError)
    assert str(error) == "base_url 'http://.../v1' names no host; it looks like http://localhost:8000/v1"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://", "http://[::1/v1", "http://h:port/v1", "x"])
def test_a_base_url_that_is_none_is_told_before_any_call(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^base_url is not a URL; it looks like http://localhost:8000/v1$"):
        OpenAIModel("m", url)


def test_a_base_url_with_a_query_is_refused_without_showing_it() -> None:
    with pytest.raises(
        ConfigError, match=r"^base_url http://h/v1 goes on after its path, with \? or #"
    ) as caught:
        OpenAIModel("m", f"http://u:hidden@h/v1?key={KEY}")
    assert KEY not in str(caught.value) and "hidden" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_but_told(openai_server: Start, status: int) -> None:
    """Whoever follows one turns the POST into a GET, or takes the key to another host."""
    elsewhere = openai_server(Plan())
    target = f"{elsewhere.base_url}/chat/completions"
    answer = f"HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
    async with raw_server(answer) as address:
        error = await error_from(f"http://{address}", api_key=KEY)
    assert isinstance(error, EndpointError)
    assert str(error) == f"http://{address} redirects to '{target}'; name its final address with base_url="
    assert elsewhere.calls == ()


@pytest.mark.parametrize(
    ("status", "message"),
    [(402, "Payment required"), (429, "You exceeded your quota. insufficient_quota")],
)
def test_credit_that_is_used_up_is_no_reason_to_try_again(status: int, message: str) -> None:
    error = refused(status, message)
    assert isinstance(error, EndpointError)
    assert str(error) == f"http://host/v1 has no credit left for test-model ({status}): {message}"


def test_a_country_or_project_that_is_shut_out_is_told_in_the_servers_words() -> None:
    error = refused(403, "Your country is not supported")
    assert isinstance(error, EndpointError)
    assert "forbids test-model (403): Your country is not supported; its key came from" in str(error)


# Worth another try


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
async def test_what_may_pass_is_transient(openai_server: Start, fault: Fault) -> None:
    error = await error_of(openai_server, fault)
    assert type(error) is TransientError
    assert "test-model" in str(error) and "\n" not in str(error) and "<" not in str(error)


@contextlib.asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """A server that knows no HTTP: it sends these bytes, whatever it is asked."""

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
    ids=["no UTF-8", "nested without end", "no UTF-8 in a refusal", "cut off", "no gzip", "no HTTP"],
)
async def test_bytes_without_sense_are_transient_and_show_nothing(answer: bytes) -> None:
    async with raw_server(answer) as address:
        error = await error_from(f"http://user:hidden@{address}")
    assert type(error) is TransientError
    assert "hidden" not in str(error) and str(error).isprintable()


async def test_silence_past_the_timeout_is_transient(openai_server: Start) -> None:
    url = openai_server(Plan(faults=lambda number, request: Fault("hang"))).base_url
    error = await error_from(url, timeout=0.1)
    assert type(error) is TransientError
    assert str(error) == f"test-model at {url} gave no answer in 0.1 s"


async def test_a_server_that_goes_away_in_the_middle_of_a_run_is_transient(openai_server: Start) -> None:
    with serve(Plan()) as server:
        door = OpenAIModel("test-model", server.base_url, timeout=5)
        await door.sample(PROMPT, SAMPLING, 1)
    with pytest.raises(TransientError):
        await door.sample(PROMPT, SAMPLING, 1)
    await door.close()


async def test_an_error_with_a_status_of_success_is_transient_and_told(openai_server: Start) -> None:
    body = {"error": {"code": 502, "message": "Provider returned error"}}
    error = await error_of(openai_server, Fault("status", 200, body=body))
    assert type(error) is TransientError
    assert str(error).endswith("answered without any choice for test-model: Provider returned error")


def in_seconds(seconds: float) -> str:
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
        *("seconds", "a fraction", "negative", "a date", "a date gone by", "a word", "no date", "nothing"),
        *("no number", "for ever", "a year that no clock knows"),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str, seconds: float | None) -> None:
    dates = {"a date 90 s ahead": in_seconds(90), "a date 90 s ago": in_seconds(-90)}
    error = refused(429, "Slow down", **{"retry-after": dates.get(header, header)})
    assert isinstance(error, TransientError)
    assert error.retry_after == (
        None if seconds is None else pytest.approx(seconds, abs=60 if seconds > 60 else 0)
    )


async def test_retry_after_is_read_from_a_real_response(openai_server: Start) -> None:
    error = await error_of(openai_server, Fault("status", 429, retry_after=in_seconds(3600)))
    assert isinstance(error, TransientError)
    assert error.retry_after == pytest.approx(3600, abs=60)


# Refused for what the request holds


async def test_a_refusal_is_told_in_the_servers_words(openai_server: Start) -> None:
    body = {"error": {"message": "'temperature' does not support 0 with this model"}}
    error = await error_of(openai_server, Fault("status", 400, body=body))
    assert type(error) is RequestError
    assert str(error).endswith(
        "refused a request for test-model (400): 'temperature' does not support 0 with this model"
    )


async def test_json_of_another_form_is_not_asked_for_again(openai_server: Start) -> None:
    error = await error_of(openai_server, Fault("status", 200, body={"choices": [{"message": "hello"}]}))
    assert type(error) is RequestError
    assert "answered test-model in another form than OpenAI's: Expected `object" in str(error)


async def test_a_prompt_beyond_the_context(openai_server: Start) -> None:
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
def test_a_prompt_beyond_the_context_in_the_words_of_many_servers(status: int, message: str) -> None:
    assert isinstance(refused(status, message), ContextOverflowError)


def test_a_limit_on_tokens_per_minute_is_no_prompt_beyond_the_context() -> None:
    assert type(refused(429, "Too many tokens per minute")) is TransientError


@pytest.mark.parametrize(
    ("status", "message", "option"),
    [
        (400, "Only one choice can be asked for: n must be 1.", "n"),
        (500, "Only one completion choice is allowed", "n"),
        (400, "'n' : number must be at most 1", "n"),
        (400, "n must be 1 when using greedy sampling, got 5.", "n"),
        (400, "Invalid n value (currently only n = 1 is supported)", "n"),
        (400, "Unsupported value: 'n' does not support 5 with this model.", "n"),
        (422, "Multiple choices are not supported", "n"),
        (400, "Unrecognized request argument supplied: n", "n"),
        (400, "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead.", "max_tokens"),
    ],
)
def test_an_option_that_the_endpoint_lacks_is_told_apart(status: int, message: str, option: str) -> None:
    error = refused(status, message)
    assert isinstance(error, OptionRefusedError) and error.option == option


@pytest.mark.parametrize(
    "message",
    [
        "The last turn of the conversation must be the user's",
        "Unsupported value: 'temperature' does not support 0",
        "top_n must be at least 1",
        'Bad input: {"n":5,"model":"m"}',
        "A line\nis too much",
    ],
)
def test_a_refusal_of_something_else_is_not_blamed_on_n(message: str) -> None:
    assert type(refused(400, message)) is RequestError


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
async def test_the_servers_words_are_found_in_any_form(openai_server: Start, body: Any) -> None:
    error = await error_of(openai_server, Fault("status", 400, body=body))
    assert re.fullmatch(r"\S+ refused a request for test-model \(400\): No", str(error))


# What must not reach a message


async def test_control_characters_of_a_server_never_reach_a_message(openai_server: Start) -> None:
    """They would let a server write into a terminal or a log as it likes."""
    hostile = "\x1b[2J\x1b]0;owned\x07No\r\nway\u202eyaw\u2028.\x9b31m\ufeff\u2066"
    error = await error_of(openai_server, Fault("status", 400, body={"error": {"message": hostile}}))
    assert "No way" in str(error)
    assert [c for c in str(error) if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")] == []


HOSTILE = st.text("ab \n\t\x00\x1b\x9b\u200b\u202e\u2028\u2066\ufeff日", max_size=60)


@given(HOSTILE, HOSTILE, st.text("xyz*\x1b", min_size=1, max_size=8))
def test_cleaned_words_are_one_short_line_without_secrets_and_control_codes(
    before: str, after: str, secret: str
) -> None:
    cleaned = clean(f"{before}{KEY}{secret}{after}", (KEY, f"{KEY}{secret}"), limit=80)
    assert len(cleaned) <= 80 and KEY not in cleaned
    assert [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")] == []


@pytest.mark.parametrize("spoken", [KEY, "hf_abcdefghijkl", "Bearer abcdefghijkl", "sk-proj-abc***xyz"])
def test_anything_that_looks_like_a_key_is_blotted_out(spoken: str) -> None:
    assert clean(f"Incorrect API key provided: {spoken}, sorry") == "Incorrect API key provided: ***, sorry"


def test_a_key_of_any_shape_is_blotted_out_even_where_only_its_beginning_is_quoted() -> None:
    key = "correct-horse-battery"
    assert (
        clean(f"No key {key}, nor correct-horse***, nor correct-hor…", (key,))
        == "No key ***, nor ***, nor ***…"
    )


def test_a_key_reaches_the_server_and_nothing_else(openai_server: Start, tmp_path: Path) -> None:
    def echo_key(number: int, request: Any) -> Fault | None:
        words = {"error": {"message": f"You sent {KEY}, {KEY[:20]}… and {KEY!r}"}}
        return Fault("status", 400, body=words) if number == 2 else None

    server = openai_server(Plan(api_key=KEY, faults=echo_key, reply=lambda request, index: "an answer"))
    door = OpenAIModel("test-model", server.base_url, api_key=KEY, api_key_env="MY_KEY")
    store = Store(tmp_path / "store.sqlite")
    model = Cached(Limited(door, Endpoint(1)), store)

    async def two_prompts() -> list[Candidate]:
        candidates = [(await model.sample(Prompt(text), SAMPLING, 1))[0] for text in ("Good?", "Bad?")]
        await model.close()
        return candidates

    good, bad = asyncio.run(two_prompts())
    on_disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*.sqlite*"))
    store.close()

    assert server.calls[0].sent_key
    assert good.text == "an answer" and b"an answer" in on_disk
    assert "You sent ***" in str(bad.error)
    for shown in (repr(good), repr(bad), repr(door), door.identity, repr(vars(model)), repr(on_disk)):
        assert KEY[:16] not in shown


async def test_a_password_in_the_base_url_is_used_and_never_shown(openai_server: Start) -> None:
    """It takes the place of a key that happens to be in the environment: a request shows one of the two only."""
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 500) if number == 2 else None))
    url = server.base_url.replace("http://", "http://user:hidden@")
    async with door_to(url, api_key=KEY) as door:
        await door.sample(PROMPT, SAMPLING, 1)
        with pytest.raises(TransientError) as caught:
            await door.sample(PROMPT, SAMPLING, 1)
    assert server.calls[0].sent_key
    assert "hidden" not in f"{caught.value!r} {door.identity}" and server.base_url in str(caught.value)
    assert "hidden" not in repr(await error_from(f"http://user:hidden@127.0.0.1:{closed_port()}/v1"))


def test_a_url_without_its_password_is_otherwise_the_same() -> None:
    assert without_userinfo("https://user:p%40ss@host:81/v1") == "https://host:81/v1"
    assert without_userinfo("https://host/v1") == "https://host/v1"
