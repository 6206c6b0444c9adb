"""Give tasks the same names whichever release of lm-eval evaluated them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SEPARATOR = "::"


def with_plain_task_names(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results whose tasks and groups are named as in their YAML files.

    Since 0.5.0.dev1 lm-eval names a task in a group `group::task`. Traces, baselines and runs of 0.4.13 have the plain
    name. Results in which a plain name would be ambiguous are returned unchanged.
    """
    names = {*results["configs"], *results["results"], *results.get("group_subtasks", {})}
    plain = {name: name.rpartition(_SEPARATOR)[2] for name in names}
    if len(set(plain.values())) < len(plain):
        return dict(results)

    def renamed(value: Any) -> Any:
        return (
            {plain.get(name, name): part for name, part in value.items()}
            if isinstance(value, dict)
            else value
        )

    changed = {part: renamed(value) for part, value in results.items()}
    changed["results"] = {
        name: values | ({"name": name} if "name" in values else {})
        for name, values in changed["results"].items()
    }
    if "group_subtasks" in changed:
        changed["group_subtasks"] = {
            group: [plain.get(task, task) for task in tasks]
            for group, tasks in changed["group_subtasks"].items()
        }
    return changed
