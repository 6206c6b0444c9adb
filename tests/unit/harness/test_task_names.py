"""Tasks have the same names whichever release of lm-eval evaluated them."""

from __future__ import annotations

from typing import Any

from fusion_eval.harness.task_names import with_plain_task_names


def results(*tasks: str, group: str = "demo") -> dict[str, Any]:
    return {
        "results": {name: {"name": name, "chrf,none": 1.0} for name in (*tasks, group)},
        "configs": {name: {"task": name.rpartition("::")[2]} for name in tasks},
        "group_subtasks": {group: list(tasks)},
        "samples": {name: [{"doc_id": 0}] for name in tasks},
        "config": {"model": "fusion"},
        "date": 1.0,
    }


def test_tasks_in_a_group_lose_the_name_of_the_group() -> None:
    assert with_plain_task_names(results("demo::fr", "demo::de")) == results("fr", "de")


def test_plain_names_stay_as_they_are() -> None:
    assert with_plain_task_names(results("fr", "de")) == results("fr", "de")


def test_names_that_would_become_ambiguous_stay_as_they_are() -> None:
    ambiguous = results("demo::fr", "bench::fr")
    assert with_plain_task_names(ambiguous) == ambiguous
