"""`offline=true`: the store answers everything, nobody is asked, and what it lacks ends the run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from local_judge import by_quality, judging, open_run
from openai_server import Plan, Server

from fusion_eval.cli.main import main as cli
from fusion_eval.errors import FusionEvalError, StoreError
from fusion_eval.model_arguments import parse
from fusion_eval.models.offline import NotStoredError, excerpt
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.store.read_only import ReadOnlyStore
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate, Message, Prompt, Sampling

Start = Callable[[Plan], Server]
NOBODY = 65534
SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=0)
PROMPT = Prompt("Why is the sky blue?")
KEYS = [bytes([number]) * 32 for number in range(50)]


def filled(path: Path) -> Path:
    with Store(path) as store:
        store.keep({key: Candidate(f"text {key[0]}", "m", key[0]) for key in KEYS})
    return path


def copied(path: Path, folder: Path, *parts: str) -> Path:
    """The store and its companions as they are on disk at this moment, in another folder."""
    folder.mkdir()
    for part in ("", *parts):
        shutil.copyfile(f"{path}{part}", f"{folder / path.name}{part}")
    return folder / path.name


def lying(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


# A run


def run(server: Server, folder: Path, *options: str, out: str = "out", arguments: str = "") -> int:
    given = f"model=test-model,base_url={server.base_url},n=3,max_tokens=40,cache={folder}/store.sqlite"
    command = ["run", "--tasks", "fusion_demo_fr", "--limit", "2", "--output", str(folder / out)]
    return cli.main([*command, "--model_args", given + arguments, *options])


def results(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """(The results file's config without what may differ, the other files: samples by task, and traces)."""
    (path,) = folder.rglob("results_*.json")
    config = json.loads(path.read_text())["config"]
    del config["trace_file"]
    for settings in (config["settings"], config["model_args"]):
        for name in ("offline", "cache", "trace_dir"):
            settings.pop(name, None)
    files = {file.name.rsplit("_", 1)[0]: file.read_bytes() for file in folder.rglob("*.jsonl")}
    return config, files


def test_a_store_that_is_replayed_gives_the_same_files_and_asks_nobody(
    openai_server: Start, tmp_path: Path
) -> None:
    # given a run that paid for its answers, and its store in a repository
    server = openai_server(Plan())
    priced = ",scorer=judge,price_in=1,price_out=2"
    assert run(server, tmp_path, arguments=priced) == 0
    made, before = len(server.calls), lying(tmp_path)
    assert list(before) == ["store.sqlite"]
    # when it is replayed, with a budget that one call would exceed and without the key that is named
    replay = f"{priced},offline=true,budget=0.000001,api_key_env=A_KEY_THAT_IS_NOT_SET"
    assert run(server, tmp_path, out="again", arguments=replay) == 0
    # then nothing was asked, the store is as it was, and so is all that was written
    assert len(server.calls) == made
    assert lying(tmp_path) == before
    for strategy in ("single", "bon", "fusion"):
        config, files = results(tmp_path / "out" / strategy)
        again, replayed = results(tmp_path / "again" / strategy)
        assert replayed == files and len(files) == 2
        for settings in (again["settings"], again["model_args"]):
            assert settings.pop("budget") and settings.pop("api_key_env")
        for settings in (config["settings"], config["model_args"]):
            settings.pop("api_key_env")
        assert again == config


@pytest.mark.parametrize(
    ("strategies", "more", "changed"),
    [
        ("single", ("--limit", "3"), ""),  # a prompt that is new
        ("single", (), ",seed=1"),  # the last of its candidates is new
        ("single", (), ",temperature=0.9"),
        ("fusion", (), ""),  # whose fusor was never asked: no reason to fall back on a candidate
        ("bon", (), ",scorer=judge"),  # and no unscored candidate
    ],
)
def test_what_the_store_lacks_ends_the_run_with_one_sentence_and_no_result(
    openai_server: Start,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    strategies: str,
    more: tuple[str, ...],
    changed: str,
) -> None:
    server = openai_server(Plan())
    assert run(server, tmp_path, "--strategies", "single") == 0
    made, before = len(server.calls), lying(tmp_path)
    capsys.readouterr()
    code = run(
        server, tmp_path, *more, "--strategies", strategies, out="again", arguments=f",offline=true{changed}"
    )
    said = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert said.startswith(
        f"fusion-eval: offline=true asks no model, and the store {tmp_path}/store.sqlite lacks an answer of test-model to the "
        "prompt '"
    )
    assert "run once without offline=true and commit the store" in said
    assert len(server.calls) == made and lying(tmp_path) == before
    assert not list(tmp_path.glob("again/**/*.json*"))


def test_a_dry_run_counts_what_is_missing(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = openai_server(Plan())
    assert run(server, tmp_path, "--strategies", "single") == 0
    before = lying(tmp_path)
    capsys.readouterr()
    assert run(server, tmp_path, "--dry_run", arguments=",scorer=chrf,offline=true,budget=1") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"offline=true: the run would end, as {tmp_path}/store.sqlite lacks the answers to 2 calls"
    )
    run(server, tmp_path, "--dry_run", "--strategies", "single", arguments=",offline=true")
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"offline=true: nothing is missing, {tmp_path}/store.sqlite answers all of it"
    )
    assert lying(tmp_path) == before


def test_a_judge_is_replayed_likewise(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = openai_server(judging(by_quality))
    runs = [str(open_run(tmp_path / name, [f"{name}, q=0.{i}" for i in range(4)])) for name in ("a", "b")]
    store = tmp_path / "committed" / "store.sqlite"
    who = ["judge", *runs, "--judge", "test-model", "--judge_base_url", server.base_url]

    def judge(out: str, arguments: str) -> int:
        return cli.main([*who, "--output", str(tmp_path / out), "--judge_args", f"cache={store}{arguments}"])

    assert judge("out", "") == 0
    made, before = len(server.calls), lying(store.parent)
    assert judge("again", ",offline=true") == 0
    for name in ("verdicts.jsonl", "comparison.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    capsys.readouterr()
    assert judge("other", ",offline=true,seed=7") == 2  # a reply that is not there is no invalid verdict
    assert "lacks an answer of test-model" in capsys.readouterr().err
    assert len(server.calls) == made and lying(store.parent) == before


# A model


@register_model("offline-inner")
class Inner(LM):
    """A model type of the harness in the process."""

    def __init__(self, pretrained: str = ""):
        super().__init__()

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [f"{request.args[0]} …" for request in requests]

    def loglikelihood(self, requests: list[Any]) -> list[Any]:
        return [(-1.5, True) for _ in requests]

    def loglikelihood_rolling(self, requests: list[Any]) -> list[Any]:
        return [-1.0 for _ in requests]


def opened(path: Path, arguments: dict[str, object], offline: bool) -> tuple[Opener, Store]:
    settings = parse(arguments | {"cache": path, "offline": offline})
    store = open_store(settings)
    return Opener(settings, store), store


DOORS: list[dict[str, object]] = [
    {"model": "test-model", "base_url": "{url}"},
    {"model": "test-model", "base_url": "{url}", "completion": True},
    {"model": "test-model", "base_url": "{url}|{other}"},
    {"model": "hosted_vllm/test-model"},
    {"model": "lm_eval:offline-inner,pretrained=x"},
]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: " ".join(map(str, door.values())))
async def test_every_kind_of_model_is_known_by_the_same_name_and_found_under_the_same_keys(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: dict[str, object]
) -> None:
    # given answers of each kind of model
    first, second = openai_server(Plan()), openai_server(Plan())
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", first.base_url)
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "a-key-for-tests")
    urls = {"url": first.base_url, "other": second.base_url}
    arguments = {k: v.format(**urls) if isinstance(v, str) else v for k, v in door.items()}
    path = tmp_path / "store.sqlite"
    opener, store = opened(path, arguments, offline=False)
    (online,) = opener.sampler()
    texts = await online.sample(PROMPT, SAMPLING, 3)
    await opener.close()
    store.close()
    made = len(first.calls) + len(second.calls)
    # when they are asked for again, and there is neither a key nor a way out
    monkeypatch.delenv("HOSTED_VLLM_API_KEY")
    monkeypatch.setattr("aiohttp.ClientSession.__init__", no_connection)
    opener, store = opened(path, arguments, offline=True)
    with store:
        (offline,) = opener.sampler()
        assert (offline.name, offline.identity, offline.chat) == (online.name, online.identity, online.chat)
        # then they are the same, and any other is an error that names the model
        assert all(text.error is None for text in texts)
        assert await offline.sample(PROMPT, SAMPLING, 3) == texts
        with pytest.raises(NotStoredError, match=f"lacks an answer of {online.name} to the prompt 'Why now"):
            await offline.sample(Prompt("Why now?"), SAMPLING, 1)
        await opener.close()
    assert len(first.calls) + len(second.calls) == made


def no_connection(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a connection was opened")


async def test_a_log_likelihood_comes_from_the_store_or_not_at_all(
    openai_server: Start, tmp_path: Path
) -> None:
    server, path = openai_server(Plan()), tmp_path / "store.sqlite"
    arguments: dict[str, object] = {"model": "test-model", "base_url": server.base_url, "completion": True}
    opener, store = opened(path, arguments, offline=False)
    value = await opener.sampler()[0].loglikelihood("The sky is", " blue")
    await opener.close()
    store.close()
    opener, store = opened(path, arguments, offline=True)
    with store:
        (model,) = opener.sampler()
        assert await model.loglikelihood("The sky is", " blue") == value
        with pytest.raises(NotStoredError, match="what test-model gives 'green' after 'The sky is'"):
            await model.loglikelihood("The sky is", " green")


def test_a_provider_is_opened_without_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    opener, store = opened(
        filled(tmp_path / "store.sqlite"), {"model": "openai/m|anthropic/claude-3-haiku"}, offline=True
    )
    with store:
        assert [model.name for model in opener.sampler()] == ["m", "anthropic/claude-3-haiku"]


def test_a_harness_model_does_not_stay_for_what_the_store_cannot_hold(tmp_path: Path) -> None:
    """Rolling log-likelihoods would else be computed."""
    opener, store = opened(
        filled(tmp_path / "store.sqlite"), {"model": "lm_eval:offline-inner"}, offline=True
    )
    with store:
        assert opener.inner_harness_model() is None


async def test_the_prompt_that_is_missing_is_shown_by_both_ends_on_one_printable_line(tmp_path: Path) -> None:
    opener, store = opened(
        filled(tmp_path / "store.sqlite"), {"model": "m", "base_url": "http://h/v1"}, offline=True
    )
    long = "Say\nthis: \x1b[31m" + "word " * 100 + "the\u202e end"
    with store, pytest.raises(NotStoredError) as caught:
        await opener.sampler()[0].sample(
            Prompt("", (Message("system", "Be brief."), Message("user", long))), SAMPLING, 1
        )
    said = str(caught.value)
    assert "'Say this: [31mword word" in said and " … " in said and "the end'" in said
    assert len(said) < 500


def test_a_short_text_is_shown_whole() -> None:
    assert excerpt(" a \n b ") == "a b"
    assert excerpt("x" * 80) == "x" * 80 and len(excerpt("x" * 81)) == 83


# The store


def read(path: Path) -> int:
    """How many of the candidates that `filled` wrote are found."""
    with ReadOnlyStore(path) as store:
        return len(store.candidates(KEYS))


@pytest.fixture
def sealed() -> Iterator[Callable[[Path], contextlib.AbstractContextManager[Path]]]:
    """`sealed(path)`: a copy of its folder in which nothing may be written, read by somebody who is not root."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)

        @contextlib.contextmanager
        def within(path: Path) -> Iterator[Path]:
            folder = Path(name) / "sealed"
            shutil.copytree(path.parent, folder)
            for file in folder.iterdir():
                file.chmod(0o444)
            folder.chmod(0o555)
            root = os.geteuid() == 0
            if root:
                os.seteuid(NOBODY)
            try:
                yield folder / path.name
            finally:
                if root:
                    os.seteuid(0)
                folder.chmod(0o755)

        yield within


def committed(tmp_path: Path, *parts: str) -> Path:
    """A store with so many of its companions, copied while a process had not yet closed it."""
    with Store(tmp_path / "store.sqlite") as store:
        store.keep({key: Candidate(f"text {key[0]}", "m", key[0]) for key in KEYS})
        return copied(tmp_path / "store.sqlite", tmp_path / "committed", *parts)


@pytest.mark.parametrize("parts", [("-wal",), ("-wal", "-shm")])
def test_a_store_is_read_with_its_write_ahead_log_and_both_stay_as_they_are(
    tmp_path: Path, parts: tuple[str, ...], sealed: Callable[[Path], Any]
) -> None:
    path = committed(tmp_path, *parts)
    before = lying(path.parent)
    with sealed(path) as inside:
        assert read(inside) == len(KEYS)
        assert lying(inside.parent) == before
    assert read(path) == len(KEYS)
    after = lying(path.parent)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in ("store.sqlite", "store.sqlite-wal"))


def test_a_store_that_was_closed_is_read_wherever_it_lies_and_nothing_is_left_beside_it(
    tmp_path: Path, sealed: Callable[[Path], Any]
) -> None:
    folder = tmp_path / "a b?c#d%20é"
    path = filled(folder / "store.sqlite")
    before = lying(folder)
    assert list(before) == ["store.sqlite"]  # a run that ends leaves one whole file
    assert before["store.sqlite"][18:20] == b"\2\2"  # whose header asks for a write-ahead log
    (folder / "store.sqlite-wal").touch()  # an empty one is none
    assert read(path) == len(KEYS)
    (folder / "store.sqlite-wal").unlink()
    assert read(path) == len(KEYS) and lying(folder) == before
    with sealed(path) as inside:
        assert read(inside) == len(KEYS) and lying(inside.parent) == before


def test_what_another_process_writes_meanwhile_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as writer:
        writer.keep({KEYS[0]: Candidate("text", "m", 0)})
        with ReadOnlyStore(path) as reader:
            writer.keep({KEYS[1]: Candidate("text", "m", 1)})
            assert len(reader.candidates(KEYS)) == 2


def test_a_store_that_is_read_takes_nothing_in(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.sqlite")
    with ReadOnlyStore(path) as store, pytest.raises(StoreError, match="attempt to write a readonly"):
        store.keep({bytes(32): Candidate("new", "m", 0)})


def as_of_a_newer_version(path: Path) -> None:
    filled(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
        db.execute("PRAGMA journal_mode=DELETE")


def of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE accounts (name TEXT)")


def without_its_middle(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * 4096)


def with_nothing_but_its_log(path: Path) -> None:
    path.touch()
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no such file"),
        (Path.mkdir, "there is no such file"),
        (Path.touch, "it is empty"),
        (lambda path: path.write_text("Dear diary, " * 1000), "file is not a database"),
        (of_another_program, "it is the database of another program"),
        (as_of_a_newer_version, r"a newer version wrote it \(format 99\)"),
        (without_its_middle, "database disk image is malformed"),
        (with_nothing_but_its_log, "it is empty, but its write-ahead log is not"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_is_left_alone(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    folder = tmp_path / "committed"
    folder.mkdir()
    path = folder / "store.sqlite"
    make(path)
    before, names = lying(folder), sorted(folder.iterdir())
    with pytest.raises(
        StoreError,
        match=f"^offline=true cannot read {path} as a store: {reason}; name another with cache=PATH",
    ):
        open_store(parse({"cache": path, "offline": True}))
    assert lying(folder) == before and sorted(folder.iterdir()) == names


def test_without_a_name_it_is_the_store_of_the_cache_folder_and_none_is_made(cache_home: Path) -> None:
    path = cache_folder() / "store.sqlite"
    with pytest.raises(FusionEvalError, match=f"cannot read {path} .*run once without offline=true"):
        open_store(parse({"offline": True}))
    assert not cache_home.exists()
    filled(path)
    with open_store(parse({"offline": True})) as store:
        assert len(store.candidates(KEYS)) == len(KEYS)
