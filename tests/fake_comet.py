"""A fake of the package unbabel-comet, which needs torch and downloads gigabytes."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMET = '''
"""The interface of unbabel-comet 2.2. The score is the length of the translation divided by that of the reference, or of
the source where a sample has no reference."""
from types import SimpleNamespace

calls = []

def download_model(model):
    calls.append(("download", model))
    if "unknown" in model:
        raise KeyError(f"Model '{model}' not supported by COMET.")
    return "/checkpoints/model.ckpt"

def load_from_checkpoint(path):
    calls.append(("load", path))
    return Model(calls[-2][1] if len(calls) > 1 else "")

class Model:
    def __init__(self, name):
        self.name = name

    def requires_references(self):
        return self.name.endswith("comet-da")

    def predict(self, samples, batch_size=16, gpus=1, progress_bar=True, num_workers=None):
        calls.append(("predict", [sorted(sample) for sample in samples], batch_size, gpus))
        lengths = [len(sample.get("ref") or sample["src"]) for sample in samples]
        scores = [min(1.0, len(sample["mt"]) / length) for sample, length in zip(samples, lengths)]
        return SimpleNamespace(scores=scores, system_score=sum(scores) / len(scores))
'''


@contextlib.contextmanager
def fake_comet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Install the fake in a folder that is imported from, and yield the list of its calls."""
    package = folder / "comet" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text(COMET, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    module = importlib.import_module("comet")
    yield module.calls
    del sys.modules["comet"]
