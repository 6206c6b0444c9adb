"""Load and run the files of the tasks folder in tests."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from openai_server import Server

from fusion_eval.cli import main as cli
from fusion_eval.harness import run as running
from fusion_eval.harness.tasks.loading import load_tasks, task_manager

TASKS = Path(__file__).parents[1] / "tasks"


def task_file(name: str) -> ModuleType:
    """Load `tasks/NAME.py` by its path, as the harness does; `name` may include a folder, `polymath/polymath`."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), TASKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(*names: str) -> dict[str, Any]:
    """Load tasks, or the tasks of groups, by name."""
    return dict(load_tasks(task_manager(names, None), names))


def load_one(name: str) -> Any:
    (task,) = load(name).values()
    return task


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as a local copy of a split of the hub."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def run_single(
    server: Server, folder: Path, *tasks: str, model_args: Mapping[str, Any] | None = None, **options: Any
) -> Path:
    """Run the strategy `single` on tasks, and return the folder of the run."""
    arguments = {
        "model": "test-model",
        "base_url": server.base_url,
        "n": 1,
        "cache": str(folder / "store.sqlite"),
        **(model_args or {}),
    }
    plan = running.Plan(output=folder, tasks=tasks, strategies=("single",), model_args=arguments, **options)
    assert running.run(plan, lambda line: None) is not None
    return folder / "single"


def results_of(run: Path) -> dict[str, Any]:
    """Return the content of the harness's results file of a run."""
    (path,) = run.rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, task: str) -> str:
    """Return the line with which `fusion-eval run` refuses a task, with exit code 2."""
    status = cli.main(["run", "--tasks", task, "--output", str(folder / "out")])
    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    assert len(output.err.splitlines()) == 1 and "Traceback" not in output.err
    return output.err
