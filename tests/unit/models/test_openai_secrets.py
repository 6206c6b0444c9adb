"""Keys, passwords and control characters never reach a message, a log or the store."""

from __future__ import annotations

import asyncio
import base64
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from doors import KEY, PROMPT, SAMPLING, StartServer, closed_port, door_to, error_at, error_for
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Reply

from fusion_eval.errors import RequestError, TransientError
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.openai.door import OpenAIModel
from fusion_eval.models.redactor import Redactor
from fusion_eval.models.store.store import Store
from fusion_eval.text.redaction import safe_message, without_userinfo
from fusion_eval.types import Candidate, Prompt

HOSTILE = st.text("ab \n\t\x00\x1b\x9b\u200b\u202e\u2028\u2066\ufeff日", max_size=60)


def invisible(text: str) -> list[str]:
    """Return the control, format and line-separating characters of a text."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]


async def test_control_characters_of_a_server_never_reach_a_message(openai_server: StartServer) -> None:
    """They would let a server write anything into a terminal or a log."""
    hostile = "\x1b[2J\x1b]0;owned\x07No\r\nway\u202eyaw\u2028.\x9b31m\ufeff\u2066"
    error = await error_for(openai_server, Fault("status", 400, body={"error": {"message": hostile}}))
    assert "No way" in str(error)
    assert invisible(str(error)) == []


@given(HOSTILE, HOSTILE, st.text("xyz*\x1b", min_size=1, max_size=8))
def test_cleaned_text_is_one_short_line_without_secrets_and_control_codes(
    before: str, after: str, secret: str
) -> None:
    cleaned = safe_message(f"{before}{KEY}{secret}{after}", (KEY, f"{KEY}{secret}"), limit=80)
    assert len(cleaned) <= 80 and KEY not in cleaned
    assert invisible(cleaned) == []


@pytest.mark.parametrize("key", [KEY, "hf_abcdefghijkl", "Bearer abcdefghijkl", "sk-proj-abc***xyz"])
def test_everything_that_looks_like_a_key_is_hidden(key: str) -> None:
    assert (
        safe_message(f"Incorrect API key provided: {key}, sorry") == "Incorrect API key provided: ***, sorry"
    )


def test_a_known_key_is_hidden_even_if_only_its_beginning_is_quoted() -> None:
    key = "correct-horse-battery"
    text = f"No key {key}, nor correct-horse***, nor correct-hor…"
    assert safe_message(text, (key,)) == "No key ***, nor ***, nor ***…"


def test_a_key_reaches_the_server_and_nothing_else(openai_server: StartServer, tmp_path: Path) -> None:
    # given a server that quotes the key in its second reply
    def quote_key(number: int, request: Any) -> Fault | None:
        body = {"error": {"message": f"You sent {KEY}, {KEY[:20]}… and {KEY!r}"}}
        return Fault("status", 400, body=body) if number == 2 else None

    server = openai_server(Plan(api_key=KEY, faults=quote_key, reply=lambda request, index: "an answer"))
    door = OpenAIModel("test-model", server.base_url, api_key=KEY, api_key_env="MY_KEY")
    store = Store(tmp_path / "store.sqlite")
    model = Cached(Limited(door, Endpoint(1)), store)

    # when
    async def two_prompts() -> list[Candidate]:
        candidates = [(await model.sample(Prompt(text), SAMPLING, 1))[0] for text in ("Good?", "Bad?")]
        await model.close()
        return candidates

    good, bad = asyncio.run(two_prompts())
    on_disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*.sqlite*"))
    store.close()

    # then
    assert server.calls[0].sent_key
    assert good.text == "an answer" and b"an answer" in on_disk
    assert "You sent ***" in str(bad.error)
    for visible in (repr(good), repr(bad), repr(door), door.identity, repr(vars(model)), repr(on_disk)):
        assert KEY[:16] not in visible


async def test_a_password_in_the_base_url_is_used_and_never_shown(openai_server: StartServer) -> None:
    """It replaces a key from the environment, because a request can carry only one of the two."""
    # given
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 500) if number == 2 else None))
    url = server.base_url.replace("http://", "http://user:hidden@")
    # when
    async with door_to(url, api_key=KEY) as door:
        await door.sample(PROMPT, SAMPLING, 1)
        with pytest.raises(TransientError) as caught:
            await door.sample(PROMPT, SAMPLING, 1)
    # then
    assert server.calls[0].sent_key
    assert "hidden" not in f"{caught.value!r} {door.identity}" and server.base_url in str(caught.value)
    assert "hidden" not in repr(await error_at(f"http://user:hidden@127.0.0.1:{closed_port()}/v1"))


def test_only_the_user_part_is_removed_from_a_url() -> None:
    assert without_userinfo("https://user:p%40ss@host:81/v1") == "https://host:81/v1"
    assert without_userinfo("https://host/v1") == "https://host/v1"


LONG_KEY = "sk-proj-Zq8vXw3rT5yUeP0oLkJh"


@pytest.mark.parametrize(
    "echo",
    [
        LONG_KEY,
        f"Bearer {LONG_KEY}!",
        LONG_KEY[6:],
        LONG_KEY[:14] + "***" + LONG_KEY[-4:],
        LONG_KEY[:9] + " " + LONG_KEY[9:],
        LONG_KEY[:6] + "\u200b" + LONG_KEY[6:],
        LONG_KEY.upper(),
        LONG_KEY[::-1],
        base64.b64encode(LONG_KEY.encode()).decode(),
        base64.b64encode(f"x:{LONG_KEY}".encode()).decode(),
        LONG_KEY.replace("-", "%2D"),
    ],
    ids=[
        *(
            "whole",
            "with its scheme",
            "its tail",
            "its head",
            "split",
            "split invisibly",
            "in capitals",
            "reversed",
        ),
        *("in base64", "in base64 behind a user", "escaped"),
    ],
)
async def test_a_key_that_an_answer_echoes_is_hidden(openai_server: StartServer, echo: str) -> None:
    reply = Reply(f"Your key is {echo}. ANSWER=7", reasoning_content=f"Key: {echo}")
    server = openai_server(Plan(reply=lambda request, index: reply))
    async with door_to(server.base_url, api_key=LONG_KEY) as door:
        [candidate] = await door.sample(PROMPT, SAMPLING, 1)
    stored = f"{candidate.text} {candidate.reasoning}"
    assert "ANSWER=7" in stored and "***" in stored
    hidden = stored.lower().replace("***", " ")
    assert not any(part in hidden for part in (LONG_KEY[-8:].lower(), LONG_KEY[8:16].lower(), echo.lower()))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_without_the_key_stays_as_it_is(text: str) -> None:
    assert Redactor([LONG_KEY, "EMPTY"]).text(text) == text
    assert Redactor(["EMPTY"]).text(f"{text} EMPTY") == f"{text} EMPTY"


@pytest.mark.parametrize("mess", [" " * 10**7, "sk-" * 10**6, "<" * 10**6, '{"error":' * 10**5])
async def test_a_huge_error_is_read_in_part(openai_server: StartServer, mess: str) -> None:
    error = await error_for(openai_server, Fault("status", 400, body=mess))
    assert len(str(error)) < 500


async def test_a_reply_far_larger_than_its_answer_can_be_is_not_asked_for_again(
    openai_server: StartServer,
) -> None:
    body = {"choices": [{"message": {"content": "a" * (8 << 20)}, "finish_reason": "stop"}]}
    error = await error_for(openai_server, Fault("status", 200, body=json.dumps(body)))
    assert isinstance(error, RequestError) and error.lost and "more than 4 MB in one answer" in str(error)
