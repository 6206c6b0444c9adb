"""Fixtures for the tests of the harness."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from harness_tasks import write_tasks
from lm_eval.tasks import TaskManager


@pytest.fixture
def tasks(tmp_path: Path) -> Callable[..., TaskManager]:
    """Return a function that writes tasks and returns a manager that finds them."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    return functools.partial(write_tasks, folder)
