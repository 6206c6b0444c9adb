"""A server of llama.cpp is shared by the event loops of a process, and starts anew only when no request uses it."""

from __future__ import annotations

import asyncio
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.models.embedded import door as door_module
from fusion_eval.models.embedded import server as module
from fusion_eval.models.embedded.door import EmbeddedModel
from fusion_eval.models.embedded.server import Running, Use, load_llama_cpp
from fusion_eval.types import Candidate, Prompt, Sampling

PATH = Path("model.gguf")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Yield the numbers of threads that the next choices find; no server is really started."""
    choices: list[int] = []
    started: list[int] = []

    def start(path: Path, threads: int) -> Running:
        started.append(threads)
        server = SimpleNamespace(listening_address=f"http://server{len(started)}")
        return Running(server, f"key{len(started)}", threads)

    monkeypatch.setattr(module, "_running", {})
    monkeypatch.setattr(module, "_in_flight", {})
    monkeypatch.setattr(module, "_start", start)
    monkeypatch.setattr(module, "choose_threads", lambda: choices.pop(0))
    yield choices


def test_an_idle_server_starts_anew_with_the_threads_that_are_free(free: list[int]) -> None:
    # given
    free[:] = [2, 4]
    with closing(Use(lambda: PATH)) as first:
        assert first.open(choose_again=True).threads == 2
    # when, then
    with closing(Use(lambda: PATH)) as second:
        assert second.open(choose_again=True).threads == 4


def test_an_idle_server_stays_if_as_many_threads_are_chosen_again(free: list[int]) -> None:
    # given
    free[:] = [2, 2]
    with closing(Use(lambda: PATH)) as first:
        running = first.open(choose_again=True)
    # when, then
    with closing(Use(lambda: PATH)) as second:
        assert second.open(choose_again=True) is running


def test_the_old_weights_are_freed_before_new_ones_are_loaded(
    free: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server that is gone as soon as nobody refers to it
    free[:] = [2, 4]
    with closing(Use(lambda: PATH)) as first:
        old = weakref.ref(first.open(choose_again=True))
    there: list[object] = []

    def start(path: Path, threads: int) -> Running:
        there.append(old())
        return Running(SimpleNamespace(), "key", threads)

    monkeypatch.setattr(module, "_start", start)
    # when
    with closing(Use(lambda: PATH)) as second:
        second.open(choose_again=True)
    # then
    assert there == [None]


def test_a_server_stays_while_a_request_uses_it(free: list[int]) -> None:
    # given a request in flight
    free[:] = [2, 4]
    first = Use(lambda: PATH)
    running = first.open(choose_again=True)
    # when another request has the threads chosen again
    with closing(Use(lambda: PATH)) as second:
        assert second.open(choose_again=True) is running
    # then they are chosen once both are done
    first.close()
    with closing(Use(lambda: PATH)) as third:
        assert third.open(choose_again=True).threads == 4


def test_a_request_that_was_cancelled_before_the_server_was_there_does_not_count(free: list[int]) -> None:
    # given
    free[:] = [2, 4]
    cancelled = Use(lambda: PATH)
    cancelled.close()
    cancelled.open(choose_again=True)
    # when, then
    with closing(Use(lambda: PATH)) as use:
        assert use.open(choose_again=True).threads == 4


def test_a_model_of_another_event_loop_leaves_the_server_of_a_request_in_flight(
    free: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request of one event loop, which waits for its answer
    free[:] = [2, 4, 4]
    waits, go_on = threading.Event(), threading.Event()
    calls: list[tuple[str, str]] = []

    class Door:
        def __init__(self, name: str, url: str, **options: object) -> None:
            self.url = url

        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            if prompt.text == "slow":
                waits.set()
                await asyncio.to_thread(go_on.wait, 60)
            calls.append((prompt.text, self.url))
            return [Candidate("a", "m", 0)]

        async def close(self) -> None:
            pass

    monkeypatch.setattr(door_module, "OpenAIModel", Door)

    def ask(text: str, model: EmbeddedModel) -> None:
        sampling = Sampling(max_tokens=1, temperature=0.0, seed=0)
        asyncio.run(model.sample(Prompt(text), sampling, 1))

    other = EmbeddedModel("m", "hash", True, lambda: PATH)
    slow = threading.Thread(target=ask, args=("slow", EmbeddedModel("m", "hash", True, lambda: PATH)))
    slow.start()
    try:
        assert waits.wait(60)
        # when a model of another event loop sends its first request
        ask("quick", other)
    finally:
        go_on.set()
        slow.join(60)
    ask("later", EmbeddedModel("m", "hash", True, lambda: PATH))
    # then both used one server, and the request after them another
    assert calls == [
        ("quick", "http://server1/v1"),
        ("slow", "http://server1/v1"),
        ("later", "http://server2/v1"),
    ]


def fake_llama() -> SimpleNamespace:
    """Return a llama.cpp whose server only keeps its parameters."""

    def params() -> SimpleNamespace:
        return SimpleNamespace(
            model=SimpleNamespace(),
            cpuparams=SimpleNamespace(n_threads=None),
            cpuparams_batch=SimpleNamespace(n_threads=None),
        )

    return SimpleNamespace(
        CommonParams=params,
        Server=lambda params: SimpleNamespace(params=params),
        llama_load_mode=SimpleNamespace(LLAMA_LOAD_MODE_NONE="loaded, not mapped"),
    )


@pytest.mark.parametrize(
    ("threads", "machine", "expected"),
    [(1, 2, 1), (2, 2, None), (2, 8, 2)],
    ids=["fewer than cores", "all cores", "all cores that this process may use"],
)
def test_llama_cpp_chooses_for_itself_only_where_it_may_use_the_whole_machine(
    threads: int, machine: int, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a llama.cpp that counts the cores of the machine, whatever this process may use
    llama = fake_llama()
    monkeypatch.setitem(sys.modules, "xllamacpp", llama)
    monkeypatch.setattr("os.cpu_count", lambda: machine)
    # when
    chosen = module._start(PATH, threads).server.params
    # then
    assert (chosen.cpuparams.n_threads, chosen.cpuparams_batch.n_threads) == (expected, expected)
    assert chosen.load_mode == "loaded, not mapped"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import nowhere_to_be_found",
            "A model in this process needs llama.cpp: python -m pip install .*offline=true",
        ),
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file')",
            "llama.cpp is installed, but cannot be loaded: libgomp.so.1: .*libgomp1",
        ),
    ],
    ids=["not installed", "a library of the system is missing"],
)
def test_a_llama_cpp_that_cannot_be_loaded_is_one_sentence(
    source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    (tmp_path / "xllamacpp.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    # when, then
    with pytest.raises(ConfigError, match=message):
        load_llama_cpp()


def test_a_file_without_permission_to_read_it_is_named_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a file, and a llama.cpp that says only that it failed
    path = tmp_path / "model.gguf"
    path.touch()

    def fail(params: object) -> None:
        raise RuntimeError("Failed to init server, please check the input params.")

    llama = fake_llama()
    llama.Server = fail
    monkeypatch.setitem(sys.modules, "xllamacpp", llama)
    # when, then
    monkeypatch.setattr("os.access", lambda path, mode: True)
    with pytest.raises(EndpointError, match=r"model\.gguf; is the file whole\? It says: Failed to init"):
        module._start(path, 2)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(EndpointError, match=r"model\.gguf: you have no permission to read it"):
        module._start(path, 2)
