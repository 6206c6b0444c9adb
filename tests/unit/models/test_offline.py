"""`offline=true`: the store answers everything, no request is sent, and a missing answer ends the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from local_judge import by_quality, judge_server, open_run
from openai_server import Plan, Server
from stores import files_in, filled_store

from fusion_eval.cli import main as cli
from fusion_eval.model_arguments import parse
from fusion_eval.models.offline import NotStoredError, excerpt
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.store.store import Store
from fusion_eval.types import Message, Prompt, Sampling

Start = Callable[[Plan], Server]
SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=0)
PROMPT = Prompt("Why is the sky blue?")


# Runs


def run(server: Server, folder: Path, *options: str, out: str = "out", arguments: str = "") -> int:
    """Run the command `run` and return its exit code."""
    model = f"model=test-model,base_url={server.base_url},n=3,max_tokens=40,cache={folder}/store.sqlite"
    command = ["run", "--tasks", "fusion_demo_fr", "--limit", "2", "--output", str(folder / out)]
    return cli.main([*command, "--model_args", model + arguments, *options])


def results(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the results file's config without what may differ, and the bytes of samples and traces."""
    (path,) = folder.rglob("results_*.json")
    config = json.loads(path.read_text())["config"]
    del config["trace_file"]
    for settings in (config["settings"], config["model_args"]):
        for name in ("offline", "cache", "trace_dir"):
            settings.pop(name, None)
    files = {file.name.rsplit("_", 1)[0]: file.read_bytes() for file in folder.rglob("*.jsonl")}
    return config, files


def test_a_replayed_run_writes_the_same_files_and_sends_no_request(
    openai_server: Start, tmp_path: Path
) -> None:
    # given a run that paid for its answers, which did not come in the order of their prompts
    server = openai_server(Plan(latency=lambda number, request: 0.03 * (number % 3)))
    priced = ",scorer=judge,price_in=1,price_out=2"
    assert run(server, tmp_path, arguments=priced) == 0
    sent, before = len(server.calls), files_in(tmp_path)
    assert list(before) == ["store.sqlite"]
    # when it is replayed with a budget that one call would exceed, and without the key
    replay = f"{priced},offline=true,budget=0.000001,api_key_env=A_KEY_THAT_IS_NOT_SET"
    assert run(server, tmp_path, out="again", arguments=replay) == 0
    # then no request was sent, and store and files are the same
    assert len(server.calls) == sent
    assert files_in(tmp_path) == before
    for strategy in ("single", "bon", "fusion"):
        config, files = results(tmp_path / "out" / strategy)
        config_again, files_again = results(tmp_path / "again" / strategy)
        assert files_again == files and len(files) == 2
        for settings in (config_again["settings"], config_again["model_args"]):
            assert settings.pop("budget") and settings.pop("api_key_env")
        assert config_again.pop("command") != config.pop("command")
        assert config_again == config


@pytest.mark.parametrize(
    ("strategies", "options", "arguments"),
    [
        ("single", ("--limit", "3"), ""),
        ("single", (), ",seed=1"),
        ("single", (), ",temperature=0.9"),
        ("fusion", (), ""),
        ("bon", (), ",scorer=judge"),
    ],
    ids=["a new prompt", "a new candidate", "a new temperature", "a new fusion", "a new score"],
)
def test_a_missing_answer_ends_the_run_with_one_sentence_and_no_result(
    openai_server: Start,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    strategies: str,
    options: tuple[str, ...],
    arguments: str,
) -> None:
    # given
    server = openai_server(Plan())
    assert run(server, tmp_path, "--strategies", "single") == 0
    sent, before = len(server.calls), files_in(tmp_path)
    capsys.readouterr()
    # when
    code = run(
        server,
        tmp_path,
        *options,
        "--strategies",
        strategies,
        out="again",
        arguments=f",offline=true{arguments}",
    )
    # then
    message = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert message.startswith(
        f"fusion-eval: offline=true asks no model, and the store {tmp_path}/store.sqlite lacks an answer of test-model to the "
        "prompt '"
    )
    assert "run once without offline=true and commit the store" in message
    assert len(server.calls) == sent and files_in(tmp_path) == before
    assert not list(tmp_path.glob("again/**/*.json*"))


def test_a_dry_run_counts_the_missing_answers(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    server = openai_server(Plan())
    assert run(server, tmp_path, "--strategies", "single") == 0
    before = files_in(tmp_path)
    capsys.readouterr()
    # when two fusions are missing
    assert run(server, tmp_path, "--dry_run", arguments=",scorer=chrf,offline=true,budget=1") == 0
    # then
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"offline=true: the run would end, as {tmp_path}/store.sqlite lacks the answers to 2 calls"
    )
    # when nothing is missing
    run(server, tmp_path, "--dry_run", "--strategies", "single", arguments=",offline=true")
    # then
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"offline=true: nothing is missing, {tmp_path}/store.sqlite answers all of it"
    )
    assert files_in(tmp_path) == before


def test_a_judge_is_replayed_too(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    server = openai_server(judge_server(by_quality))
    runs = [str(open_run(tmp_path / name, [f"{name}, q=0.{i}" for i in range(4)])) for name in ("a", "b")]
    store = tmp_path / "committed" / "store.sqlite"
    command = ["judge", *runs, "--judge", "test-model", "--judge_base_url", server.base_url]

    def judge(out: str, arguments: str) -> int:
        options = ["--output", str(tmp_path / out), "--judge_args", f"cache={store}{arguments}"]
        return cli.main([*command, *options])

    assert judge("out", "") == 0
    sent, before = len(server.calls), files_in(store.parent)
    # when it is replayed
    assert judge("again", ",offline=true") == 0
    # then
    for name in ("verdicts.jsonl", "comparison.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    # and a missing reply is an error, not an invalid verdict
    capsys.readouterr()
    assert judge("other", ",offline=true,seed=7") == 2
    assert "lacks an answer of test-model" in capsys.readouterr().err
    assert len(server.calls) == sent and files_in(store.parent) == before


# Models


@register_model("offline-inner")
class InnerModel(LM):
    """A model type of the harness, in this process."""

    def __init__(self, pretrained: str = ""):
        super().__init__()

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [f"{request.args[0]} …" for request in requests]

    def loglikelihood(self, requests: list[Any]) -> list[Any]:
        return [(-1.5, True) for _ in requests]

    def loglikelihood_rolling(self, requests: list[Any]) -> list[Any]:
        return [-1.0 for _ in requests]


def open_models(path: Path, arguments: dict[str, object], offline: bool) -> tuple[Opener, Store]:
    settings = parse(arguments | {"cache": path, "offline": offline})
    store = open_store(settings)
    return Opener(settings, store), store


def no_connection(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a connection was opened")


@pytest.mark.parametrize(
    "arguments",
    [
        {"model": "test-model", "base_url": "{url}"},
        {"model": "test-model", "base_url": "{url}", "completion": True},
        {"model": "test-model", "base_url": "{url}|{other}"},
        {"model": "hosted_vllm/test-model"},
        {"model": "lm_eval:offline-inner,pretrained=x"},
    ],
    ids=lambda arguments: " ".join(map(str, arguments.values())),
)
async def test_every_kind_of_model_has_the_same_name_and_keys_offline(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, object]
) -> None:
    # given stored answers of one kind of model
    first, second = openai_server(Plan()), openai_server(Plan())
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", first.base_url)
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "a-key-for-tests")
    urls = {"url": first.base_url, "other": second.base_url}
    arguments = {k: v.format(**urls) if isinstance(v, str) else v for k, v in arguments.items()}
    path = tmp_path / "store.sqlite"
    opener, store = open_models(path, arguments, offline=False)
    (online,) = opener.sampler()
    candidates = await online.sample(PROMPT, SAMPLING, 3)
    assert all(candidate.error is None for candidate in candidates)
    await opener.close()
    store.close()
    sent = len(first.calls) + len(second.calls)
    # when they are asked for without a key and without a network
    monkeypatch.delenv("HOSTED_VLLM_API_KEY")
    monkeypatch.setattr("fusion_eval.models.http.direct.DirectClient.__init__", no_connection)
    opener, store = open_models(path, arguments, offline=True)
    with store:
        (offline,) = opener.sampler()
        # then they are found, and any other answer is missing
        assert (offline.name, offline.identity, offline.chat) == (online.name, online.identity, online.chat)
        assert await offline.sample(PROMPT, SAMPLING, 3) == candidates
        with pytest.raises(NotStoredError, match=f"lacks an answer of {online.name} to the prompt 'Why now"):
            await offline.sample(Prompt("Why now?"), SAMPLING, 1)
        await opener.close()
    assert len(first.calls) + len(second.calls) == sent


def test_a_provider_needs_no_key_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = filled_store(tmp_path / "store.sqlite")
    opener, store = open_models(path, {"model": "openai/m|anthropic/claude-3-haiku"}, offline=True)
    with store:
        assert [model.name for model in opener.sampler()] == ["m", "anthropic/claude-3-haiku"]


def test_a_harness_model_computes_no_log_likelihoods_offline(tmp_path: Path) -> None:
    """The store does not hold them."""
    path = filled_store(tmp_path / "store.sqlite")
    opener, store = open_models(path, {"model": "lm_eval:offline-inner"}, offline=True)
    with store:
        assert opener.inner_harness_model() is None


# Messages


async def test_the_message_shows_both_ends_of_the_prompt_on_one_printable_line(tmp_path: Path) -> None:
    # given a long prompt with control characters
    path = filled_store(tmp_path / "store.sqlite")
    opener, store = open_models(path, {"model": "m", "base_url": "http://h/v1"}, offline=True)
    text = "Say\nthis: \x1b[31m" + "word " * 100 + "the\u202e end"
    prompt = Prompt("", (Message("system", "Be brief."), Message("user", text)))
    # when
    with store, pytest.raises(NotStoredError) as caught:
        await opener.sampler()[0].sample(prompt, SAMPLING, 1)
    # then
    message = str(caught.value)
    assert "'Say this: [31mword word" in message and " … " in message and "the end'" in message
    assert len(message) < 500


def test_an_excerpt_of_a_short_text_is_the_text() -> None:
    assert excerpt(" a \n b ") == "a b"
    assert excerpt("x" * 80) == "x" * 80 and len(excerpt("x" * 81)) == 83
