"""No test of the tasks reaches the hub. Fixtures make local copies of its data, and a fake of unbabel-comet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from fake_comet import fake_comet
from reasoning_data import write_reasoning_data
from task_files import TASKS, write_rows
from translation_data import CONFIGURATIONS, segments

from fusion_eval.models.hub import data_sets


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the hub unreachable. There is no local copy either, unless a test makes one."""

    def unreachable(*_arguments: object, **_options: object) -> None:
        raise ConnectionError("Couldn't reach the hub\nand more lines")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.setattr(data_sets, "hub_answers", lambda: True)
    monkeypatch.delenv("FUSION_EVAL_DATA", raising=False)


@pytest.fixture
def reasoning_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of made-up rows of the reasoning benchmarks."""
    folder = tmp_path / "data"
    write_reasoning_data(folder)
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


@pytest.fixture
def wmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy of made-up segments in the form of WMT24++."""
    folder = tmp_path / "data"
    for language, configuration in CONFIGURATIONS.items():
        write_rows(folder / "google/wmt24pp" / configuration / "train.jsonl", segments(language))
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


@pytest.fixture(scope="module")
def news_folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local copy of 200 real sentences of NTREX, which `tasks/ntrex/documents.py` writes."""
    folder = tmp_path_factory.mktemp("news")
    subprocess.run(
        [sys.executable, TASKS / "ntrex/documents.py", shared_data / "ntrex/en-x.jsonl", folder], check=True
    )
    return folder


@pytest.fixture
def news(news_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tasks read 200 real sentences of NTREX."""
    monkeypatch.setenv("FUSION_EVAL_DATA", str(news_folder))
    return news_folder


@pytest.fixture
def comet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The calls of a fake of the package `comet`."""
    with fake_comet(tmp_path / "packages", monkeypatch) as calls:
        yield calls
    for name in [name for name in sys.modules if name.endswith("wmt24pp/xcomet")]:
        del sys.modules[name]  # the next test starts with no model in memory
