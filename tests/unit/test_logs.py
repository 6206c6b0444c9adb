"""`FUSION_EVAL_LOG`: each call, and never what it said or the key it was made with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import ConfigError
from fusion_eval.logs import configure, log
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.types import Prompt, Sampling

Start = Callable[[Plan], Server]


@pytest.fixture(autouse=True)
def fresh_logger() -> Iterator[None]:
    log.handlers.clear()
    yield
    log.handlers.clear()
    log.setLevel(logging.NOTSET)
    log.propagate = True


@pytest.mark.parametrize(
    ("level", "shown"), [("debug", True), ("DEBUG", True), ("warning", False), ("", False)]
)
def test_each_call_is_shown_without_its_body_or_key(
    openai_server: Start,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    level: str,
    shown: bool,
) -> None:
    # given a call that succeeds at its second try, with a key
    monkeypatch.setenv("FUSION_EVAL_LOG", level)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key-123456")
    monkeypatch.setattr(limited, "pause", lambda attempt, asked: 0.0)
    server = openai_server(
        Plan(
            reply=lambda request, index: "a private answer",
            faults=lambda number, request: Fault("status", 503, body="busy\x1b[2J") if number == 1 else None,
        )
    )
    configure()

    async def ask() -> None:
        opener = Opener(parse({"model": "test-model", "base_url": server.base_url}), Store(None))
        await opener.sampler()[0].sample(Prompt("a private question"), Sampling(8, 0.7, 0), 1)
        await opener.close()

    asyncio.run(ask())
    said = capsys.readouterr().err
    assert (
        f"test-model at {server.base_url}, try 1" in said
        and "503" in said
        and f"test-model at {server.base_url}, try 2" in said
    ) == shown
    assert not any(secret in said for secret in ("private", "sk-secret", "\x1b"))


def test_an_unknown_level_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSION_EVAL_LOG", "debgu")
    with pytest.raises(ConfigError, match="Did you mean 'debug'"):
        configure()
