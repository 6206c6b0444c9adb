"""Every contact with private parts of multiple-choice tasks of lm-eval: their options, and tasks and groups made of them.

Releases are told apart by what they can do, as in `host`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

_WRITTEN = ("doc_to_text", "doc_to_choice", "doc_to_target", "gen_prefix")
"""The fields of a configuration that write a document."""
_DELIMITERS = ("fewshot_delimiter", "target_delimiter")


def read_choices(
    task: Any, doc: Mapping[str, Any], *, fewshot: bool = False
) -> tuple[str, list[str], list[int]]:
    """Return the prompt of a multiple-choice document, its choices, and the indexes of the correct ones.

    Where the choices are inputs before one continuation, the prompt is empty and each choice has the continuation.

    Args:
        task: The task.
        doc: The document.
        fewshot: Read it as the task writes few-shot examples.
    """
    form = _fewshot(task) if fewshot else task.config
    text = task.doc_to_text(doc, form.doc_to_text)
    choices = task.doc_to_choice(doc, form.doc_to_choice)
    target = task.doc_to_target(doc, form.doc_to_target)
    if isinstance(text, int):  # the index of the correct input
        return "", _sentences(choices, target), [text]
    if isinstance(text, list):  # since 0.5.0.dev1: the inputs themselves
        text, choices = "", _sentences(text, choices[0])
    choices = [str(choice) for choice in choices]
    targets = target if isinstance(target, list) else [target]
    indexes = [choices.index(one) if isinstance(one, str) and one in choices else one for one in targets]
    correct = [index for index in indexes if isinstance(index, int) and 0 <= index < len(choices)]
    return str(text), choices, correct


def _sentences(inputs: Sequence[object], continuation: object) -> list[str]:
    return [f"{str(one).rstrip()} {str(continuation).lstrip()}" for one in inputs]


def _fewshot(task: Any) -> Any:
    """Return how a task writes few-shot examples. Private: `fewshot_cfg` of 0.4.13, `_fewshot_cfg` since 0.5.0.dev1."""
    return task.fewshot_cfg if hasattr(task, "fewshot_cfg") else task._fewshot_cfg


def generating_task(task: Any, fields: Mapping[str, Any], fewshot_fields: Mapping[str, Any]) -> Any:
    """Return a task on the data of another one, with other fields in its configuration and for few-shot examples.

    Private: `ConfigurableTask` of 0.4.13, which loads its data when it is made; `Task.from_config` and
    `TaskConfig._qualified_name` since 0.5.0.dev1.
    """
    import lm_eval.api.task as tasks

    config = {field.name: getattr(task.config, field.name) for field in dataclasses.fields(task.config)}
    fewshot = {
        field.name: value
        for field in dataclasses.fields(_fewshot(task))
        if field.name not in (*_WRITTEN, *_DELIMITERS)
        and (value := getattr(_fewshot(task), field.name)) is not None
    }
    config |= dict.fromkeys(_WRITTEN)
    config |= {"custom_dataset": lambda **_: task.dataset, "fewshot_config": fewshot | dict(fewshot_fields)}
    config |= dict(fields)
    if "_qualified_name" in config:
        config |= {
            "_qualified_name": None,
            "multiple_inputs": False,
            "multiple_targets": False,
            "formats": None,
        }
        copy = tasks.Task.from_config(config)
        copy.dataset = task.dataset
    else:
        copy = tasks.ConfigurableTask(config=config)
    copy.config.custom_dataset = task.config.custom_dataset
    return copy


def renamed_group(group: Any, name: str, members: Sequence[Any], metric: str) -> Any:
    """Return a group with another name and other members, which aggregates one metric in the way of its first one.

    Private: `Group._config`.
    """
    first = (group.aggregate_metric_list or [])[:1]
    aggregated = [dataclasses.replace(one, metric=metric, filter_list=None) for one in first]
    names = [getattr(member, "task_name", None) or member.name for member in members]
    changes = {"group": name, "group_alias": None, "task": names, "aggregate_metric_list": aggregated or None}
    copy = type(group).from_config(dataclasses.replace(group._config, **changes))
    for member in members:
        copy.add(member)
    return copy
