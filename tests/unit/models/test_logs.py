"""`FUSION_EVAL_LOG=debug` shows each request, without prompt, answer or key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
from openai_server import Fault, Plan, Server

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models import limited
from fusion_eval.models.logs import configure, log
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
def test_each_request_is_logged_without_prompt_answer_or_key(
    openai_server: Start,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    level: str,
    shown: bool,
) -> None:
    # given a request with a key that succeeds at its second try
    monkeypatch.setenv("FUSION_EVAL_LOG", level)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key-123456")
    monkeypatch.setattr(limited, "pause", lambda attempt, error: 0.0)
    server = openai_server(
        Plan(
            reply=lambda request, index: "a private answer",
            faults=lambda number, request: Fault("status", 503, body="busy\x1b[2J") if number == 1 else None,
        )
    )

    async def run() -> None:
        opener = Opener(parse({"model": "test-model", "base_url": server.base_url}), Store(None))
        await opener.sampler()[0].sample(Prompt("a private question"), Sampling(8, 0.7, 0), 1)
        await opener.close()

    # when
    configure()
    asyncio.run(run())
    # then both tries are logged
    logged = capsys.readouterr().err
    tries = [f"test-model at {server.base_url}, try 1", "503", f"test-model at {server.base_url}, try 2"]
    assert all(part in logged for part in tries) == shown
    # and nothing private is
    assert not any(secret in logged for secret in ("private", "sk-secret", "\x1b"))


def test_an_unknown_level_is_an_error_that_names_the_nearest_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSION_EVAL_LOG", "debgu")
    with pytest.raises(ConfigError, match="Did you mean 'debug'"):
        configure()
