"""Fixtures of all tests: a local server, shared data, the embedded model, and an empty cache folder for each test."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from openai_server import Plan, Server, serve

CACHE_VARIABLE = "XDG_CACHE_HOME"
"""The variable that says where the user's cache is, in this process and in those that a test starts."""

# New examples are drawn in every run. A busy machine is no mistake, so no example has a deadline.
hypothesis.settings.register_profile("quick", max_examples=50, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None)
hypothesis.settings.load_profile("quick")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """List files that are skipped as a whole."""
    _list_if_skipped(report)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """List skipped tests."""
    _list_if_skipped(report)


def _list_if_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Add a skipped test to the file that SKIPPED_TESTS names. `.ci/run` runs those tests again with more packages."""
    path = os.environ.get("SKIPPED_TESTS")
    if path and report.skipped:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\n")


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty folder as the parent of the user's cache folder."""
    home = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(home))
    return home


@pytest.fixture
def openai_server() -> Iterator[Callable[[Plan], Server]]:
    """Return a function that starts a server for a plan. All servers stop when the test ends."""
    with contextlib.ExitStack() as running:
        yield lambda plan: running.enter_context(serve(plan))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with test data that is too large for the repository; skip the test without it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FUSION_EVAL_SHARED_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"there is no shared test data in {folder}; FUSION_EVAL_SHARED_DATA names another folder")
    return folder


@pytest.fixture(scope="session")
def _joined_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Join the weights of `embedded` (240 MB) once; return the parent of a cache folder, and the file inside it."""
    yield from _join("embedded", tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def _joined_chat_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Join the weights of the chat model (1.1 GB) once; return the parent of a cache folder, and the file inside it."""
    yield from _join("qwen-coder-1.5b", tmp_path_factory.mktemp("chat_weights"))


def _join(name: str, home: Path) -> Iterator[tuple[Path, Path]]:
    from fusion_eval.models.embedded.weights import BUNDLED, joined, missing_parts

    weights = BUNDLED[name]
    if importlib.util.find_spec("xllamacpp") is None or missing_parts(weights):
        pytest.skip(f"model={name} is not installed: {weights.install_command}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(home))
        path = joined(weights)
    yield home, path
    path.unlink()


def _link(joined_weights: tuple[Path, Path], cache_home: Path) -> Path:
    home, path = joined_weights
    link = cache_home / path.relative_to(home)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path)
    return link


@pytest.fixture
def weights(_joined_weights: tuple[Path, Path], cache_home: Path) -> Path:
    """Put the weights of `embedded` into this test's cache folder, and return their path."""
    return _link(_joined_weights, cache_home)


@pytest.fixture
def chat_weights(_joined_chat_weights: tuple[Path, Path], cache_home: Path) -> Path:
    """Put the weights of the chat model into this test's cache folder, and return their path."""
    return _link(_joined_chat_weights, cache_home)
