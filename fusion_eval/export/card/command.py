"""The command that a run can be made again with, rebuilt from what its results file says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from fusion_eval.export.system import arguments_of
from fusion_eval.model_arguments import ModelArguments, public
from fusion_eval.runs.provenance import Provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_setup import group_members
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_arguments

REBUILT = (
    "Rebuilt from the results files, not kept from the command line: paths are cut to their last part, keys and places to "
    "write to are left out, and what is as by default is not named."
)
HARNESS_MODEL = "What follows the type of an `lm_eval:` model is in its identity below alone."
_SEEDS = {"random_seed": 0, "numpy_seed": 1234, "torch_seed": 1234, "fewshot_seed": 1234}
_UNTOLD = ("api_key_env", "cache", "offline", "trace_dir")


def commands(runs: Sequence[Run], origins: Sequence[Provenance]) -> list[str]:
    """One for each run; strategies that differ in nothing else share one."""
    shared: dict[tuple[str, ...], list[str]] = {}
    others = []
    for run, origin in zip(runs, origins, strict=True):
        if origin.strategy and not origin.system_instruction and not origin.gen_kwargs:
            shared.setdefault(tuple(_ours(run, origin)), []).append(origin.strategy)
        else:
            others.append(_line(["lm_eval", *_harness(run, origin)]))
    ours = [
        _line(["fusion-eval", "run", "--strategies", ",".join(strategies), *words, "--output", "DIR"])
        for words, strategies in shared.items()
    ]
    return ours + others


def applies_chat_template(run: Run) -> bool:
    """Models that render their own template leave an empty one in the results file, where None is one not asked for."""
    results = run.files.newest_results()
    return results.get("chat_template") is not None or results.get("fewshot_as_multiturn") is True


def settings_told(origin: Provenance) -> dict[str, str]:
    """The settings of a strategy that are not as by default, as they may be told."""
    default: Mapping[str, object] = public(ModelArguments())
    known = set(ModelArguments.__dataclass_fields__) - set(_UNTOLD)
    given = {
        name: value for name, value in origin.settings.items() if name in known and value != default.get(name)
    }
    return public_arguments(given)


def _ours(run: Run, origin: Provenance) -> list[str]:
    return [*_about_tasks(run, origin), *_model_args(settings_told(origin))]


def _harness(run: Run, origin: Provenance) -> list[str]:
    arguments = (
        settings_told(origin) if origin.strategy else public_arguments(arguments_of(origin.model_args))
    )
    generation = public_arguments(arguments_of(origin.gen_kwargs))
    words = ["--model", origin.strategy or origin.model_type or "MODEL", *_model_args(arguments)]
    words += _about_tasks(run, origin)
    if generation:
        words += ["--gen_kwargs", _listed(generation)]
    if origin.system_instruction:
        words += ["--system_instruction", origin.system_instruction]
    seeds = [origin.seeds.get(name) for name in _SEEDS]
    if None not in seeds and seeds != list(_SEEDS.values()):
        words += ["--seed", ",".join(map(str, seeds))]
    return [*words, "--log_samples", "--output_path", "DIR"]


def _about_tasks(run: Run, origin: Provenance) -> list[str]:
    words = ["--tasks", ",".join(_asked_for(run))]
    shots = {part.info.fewshot for part in run.tasks.values()}
    if len(shots) == 1 and None not in shots:
        words += ["--num_fewshot", str(*shots)]
    if origin.limit is not None:
        words += ["--limit", f"{origin.limit:g}"]
    return [*words, "--apply_chat_template"] if applies_chat_template(run) else words


def _asked_for(run: Run) -> list[str]:
    """The run's tasks; those of a group that the run has all of by its name, the widest such group's."""
    whole = {
        group: tasks
        for group, tasks in group_members(run).items()
        if group not in run.tasks and tasks <= set(run.tasks)
    }
    narrow_first = sorted(whole, key=lambda group: len(whole[group]))
    group_of = {task: group for group in narrow_first for task in whole[group]}
    return list(dict.fromkeys(group_of.get(task, task) for task in run.tasks))


def _model_args(arguments: Mapping[str, str]) -> list[str]:
    return ["--model_args", _listed(arguments)] if arguments else []


def _listed(arguments: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in arguments.items())


def _line(words: Sequence[str]) -> str:
    return shlex.join(printable(word) for word in words)
