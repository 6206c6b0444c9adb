"""Whatever a file or a reply holds, a command ends soon with an exit code of its own: 0, 1, 2 or 3, and never 70.

The same 10,000 cases are tried each time. With FUSION_EVAL_FUZZ_ANEW set, each run tries new ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bundles import export_bundle, update_checksums
from doors import PROMPT, door_to
from export_runs import add_traces, our_run, plain_run
from hostile_content import damaged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_judge import by_quality, judge_folders, judge_server, open_run
from openai_server import serve
from run_folders import samples

from fusion_eval.cli import main as cli
from fusion_eval.errors import FusionEvalError
from fusion_eval.text.printable import printable
from fusion_eval.types import Candidate, Sampling, to_json

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # numpy warns of values such as 1e308, and goes on
]
EXIT_CODES = {0, 1, 2, 3}
SECONDS = 10
"""The most that one case may take. Most take some milliseconds."""
SEEDS = st.integers(0, 1 << 64).map(Random)
"""Sources of luck. Drawing each choice by hypothesis would take longer than the commands."""
MEMORY = 2 << 30
"""Bytes that the cases may add to the process."""


def cases(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize="FUSION_EVAL_FUZZ_ANEW" not in os.environ,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


class Ground:
    """A folder with valid files, of which each case damages one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        self.files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    @contextlib.contextmanager
    def with_damage(self, luck: Random, *endings: str) -> Iterator[str]:
        """Damage one file whose name has one of the endings, and restore it at the end."""
        names = [name for name in self.files if name.endswith(endings or ("",))]
        name = luck.choice(names)
        content = damaged(luck, name, self.files[name])
        (self.folder / name).write_bytes(content)
        try:
            yield name
        finally:
            (self.folder / name).write_bytes(self.files[name])


@pytest.fixture(scope="module", autouse=True)
def _limits() -> Iterator[None]:
    """Bound the memory of the process, and build the parser of the command line once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "build_parser", functools.cache(cli.build_parser))
        yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Two runs of one task, of which the second is a strategy's and has traces; and a baseline of the first."""
    folder = tmp_path_factory.mktemp("runs")
    pairs = [["the cat sat", "the cat sat"], ["a dog ran far", "a dog walks far"]]
    tasks = {
        "quiz": [
            sample | {"bleu": pair, "metrics": ["acc", "bleu"]}
            for sample, pair in zip(samples([1.0, 0.0]), pairs, strict=True)
        ]
    }
    plain_run(folder / "plain", tasks)
    our_run(folder / "ours", "fusion", {"a": "openai|http://here/v1|a|chat"}, tasks=tasks)
    add_traces(folder / "ours")
    assert cli.main(["baseline", str(folder / "plain"), "-o", str(folder / "base.json.gz")]) == 0
    return Ground(folder)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Two runs that a judge compared, and their bundle."""
    folder = tmp_path_factory.mktemp("judged")
    folders = [
        open_run(folder / "out" / name, [f"An answer, q={number * step % 5}" for number in range(6)])
        for name, step in (("base", 2), ("cand", 3))
    ]
    with serve(judge_server(by_quality)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        options = {"judge_args": {"cache": str(folder / "store.sqlite")}}
        judge_folders(server, folders, folder / "out", options=options)
    export_bundle(folder / "out", folder)
    (folder / "judge_url").write_text(server.base_url)
    return Ground(folder)


def exit_code(*words: object) -> int:
    """Run a command, and assert that it ends soon with a code of its own."""
    output = io.StringIO()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = cli.main([str(word) for word in words])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    finally:
        signal.alarm(0)
    assert code in EXIT_CODES, output.getvalue()[-3_000:]
    return code


def _too_long(*_: object) -> None:
    raise TimeoutError(f"the command took more than {SECONDS} seconds")


@given(SEEDS)
@cases(2_500)
def test_runs(runs: Ground, luck: Random) -> None:
    with runs.with_damage(luck, ".json", ".jsonl") as name:
        exit_code("baseline", runs.folder / name.split("/")[0], "-o", runs.folder / "new.gz", *_partly(luck))


@given(SEEDS)
@cases(600)
def test_runs_against_runs(runs: Ground, luck: Random) -> None:
    with runs.with_damage(luck, ".json", ".jsonl"):
        command = luck.choice(["compare", "check"])
        options = ["--resamples", "100"] if command == "compare" else []
        exit_code(command, runs.folder / "plain", runs.folder / "ours", *options, *_partly(luck))


@given(SEEDS)
@cases(400)
def test_exports_of_runs(runs: Ground, luck: Random) -> None:
    with runs.with_damage(luck, ".json", ".jsonl") as name:
        form = luck.choice(["table", "card", "hf", "every-eval-ever", "bundle"])
        exit_code(
            "export",
            runs.folder / name.split("/")[0],
            "--format",
            form,
            "-o",
            runs.folder / "exported" / form,
        )


@given(SEEDS)
@cases(1_500)
def test_baselines(runs: Ground, luck: Random) -> None:
    with runs.with_damage(luck, ".gz"):
        exit_code("check", runs.folder / "base.json.gz", runs.folder / "ours", *_partly(luck))


@given(SEEDS)
@cases(300)
def test_bundles(judged: Ground, luck: Random) -> None:
    with judged.with_damage(luck, ".json", ".jsonl", ".zip", "SUMS") as name:
        if name.startswith("unpacked"):
            if not name.endswith("SUMS"):
                update_checksums(judged.folder / "unpacked")
            exit_code("verify", judged.folder / "unpacked")
        else:
            exit_code("verify", judged.folder / "bundle.zip")


@given(SEEDS)
@cases(200)
def test_verdicts_and_answers_of_others(judged: Ground, luck: Random) -> None:
    answers = b"".join(b'{"id": "q%d", "answer": "An answer"}\n' % number for number in range(6))
    option, content = luck.choice([("--gold", judged.files["out/verdicts.jsonl"]), ("--opponent", answers)])
    file = judged.folder / "others.jsonl"
    file.write_bytes(damaged(luck, file.name, content))
    judge = ["--judge", "test-model", "--judge_base_url", judged.files["judge_url"].decode()]
    store = ["--judge_args", f"cache={judged.folder / 'store.sqlite'},offline=true"]
    exit_code(
        "judge",
        judged.folder / "out/base",
        judged.folder / "out/cand",
        *judge,
        *store,
        option,
        file,
        "--resamples",
        "100",
    )


def _partly(luck: Random) -> list[str]:
    return luck.choice([[], ["--allow_partial"]])


# Replies of endpoints

CHAT_REPLY: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "<think>so</think> 4",
                "reasoning_content": None,
                "refusal": None,
            },
            "logprobs": {"content": [{"token": "4", "logprob": -0.5, "bytes": [52], "top_logprobs": []}]},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
ERROR_REPLY = {"error": {"message": "maximum context length is 8", "type": "t", "param": "n", "code": "c"}}
STREAM = b'data: {"choices": [{"index": 0, "delta": {"content": "4"}}]}\n\n: keep-alive\n\ndata: [DONE]\n\n'


@pytest.fixture(scope="module")
def reply() -> Iterator[dict[str, Any]]:
    """The status and body of the next reply of a local server, and a function `sample` that asks for it."""
    plan: dict[str, Any] = {"status": 200, "body": b"", "type": "application/json"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            start = f"HTTP/1.1 {plan['status']} x\r\nContent-Type: {plan['type']}\r\nConnection: close\r\n"
            writer.write(f"{start}Content-Length: {len(plan['body'])}\r\n\r\n".encode() + plan["body"])
            await writer.drain()
            writer.close()

    async def ask(url: str) -> list[Candidate]:
        async with door_to(url) as door:
            return await door.sample(
                PROMPT, Sampling(max_tokens=32, temperature=0.7, seed=3, logprobs=True), 1
            )

    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(answer, "127.0.0.1", 0))
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        plan["sample"] = lambda: runner.run(asyncio.wait_for(ask(url), SECONDS))
        yield plan
        server.close()


@given(SEEDS)
@cases(4_500)
def test_replies(reply: dict[str, Any], luck: Random) -> None:
    valid = luck.choice([CHAT_REPLY, CHAT_REPLY, ERROR_REPLY, STREAM])
    if isinstance(valid, bytes):
        reply["body"], reply["type"] = damaged(luck, "stream.txt", valid), "text/event-stream"
    else:
        content = json.dumps(valid).encode()
        reply["body"], reply["type"] = damaged(luck, "reply.json", content), "application/json"
    reply["status"] = luck.choice([200, 200, 200, 400, 401, 404, 429, 500, 503])

    try:
        candidates = reply["sample"]()
    except FusionEvalError as error:
        assert str(error) == printable(str(error))
    else:
        for candidate in candidates:
            to_json(candidate)
