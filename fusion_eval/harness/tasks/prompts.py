"""The prompts and the texts of tasks, for synthetic data: what to ask, and what not to train on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.harness.tasks.listing import index
from fusion_eval.harness.tasks.loading import load_tasks, task_manager
from fusion_eval.text.language import language_of


def task_prompts(
    names: Sequence[str], include_path: Path | None = None
) -> Iterator[tuple[str, str, str | None]]:
    """Yield the prompts of tasks, with their ids and languages. A task's training documents come before its others.

    Raises:
        ConfigError: A task cannot be loaded.
    """
    for name, task in load_tasks(task_manager(names, include_path), names).items():
        documents = task.training_docs() if task.has_training_docs() else task.eval_docs
        for number, doc in enumerate(documents):
            text = task.doc_to_text(doc)
            if isinstance(text, str) and text.strip():
                yield f"{name}:{number}", text, language_of(name, doc)


def task_texts(names: Sequence[str], include_path: Path | None = None) -> Iterator[tuple[str, str]]:
    """Yield the evaluation texts of tasks with the tasks' names: each document's prompt, its target and both.

    Raises:
        ConfigError: A task cannot be loaded.
    """
    for name, task in load_tasks(task_manager(names, include_path), names).items():
        for doc in task.eval_docs:
            parts = [part for part in (_text(task.doc_to_text(doc)), _text(task.doc_to_target(doc))) if part]
            for part in parts:
                yield name, part
            yield name, " ".join(parts)


def is_benchmark(names: Sequence[str], dataset: str | None = None) -> bool:
    """Return whether a task or a data set of the hub is one of the package's own benchmarks."""
    own = index()
    if any(name in own.tasks or name in own.groups for name in names):
        return True
    if dataset is None:
        return False
    repositories = {str((task.get("dataset_kwargs") or {}).get("repository")) for task in own.tasks.values()}
    return dataset.lower() in map(str.lower, repositories)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
