"""`fusion-eval run`: sample once, aggregate with every strategy, score in the harness, show the scores."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.models.openai_errors import clean
from fusion_eval.report.outcome import Outcome, outcome_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, as the command line names it."""

    output: Path
    tasks: tuple[str, ...] = ("fusion_demo",)
    strategies: tuple[str, ...] = ("single", "bon", "fusion")
    model_args: Mapping[str, object] | None = None
    limit: float | None = None
    include_path: Path | None = None
    apply_chat_template: bool = False
    num_fewshot: int | None = None


def run(plan: Plan, say: Callable[[str], None]) -> Outcome | None:
    """Run every strategy of the plan on one store and one set of models; results land in `plan.output/<strategy>/`.

    None on the ranks of a parallel run that do not write.
    """
    from fusion_eval.settings import parse
    from fusion_eval.strategies import load_strategy

    arguments = dict(plan.model_args or {})
    if "trace_dir" in arguments:
        raise ConfigError("trace_dir= has no use here: traces go to the strategy's folder under --output")
    settings = parse(arguments)
    for strategy in plan.strategies:
        load_strategy(strategy)
    _check_output(plan.output)
    _quieten_harness()
    manager = _task_manager(plan)
    _check_tasks(manager, plan)
    from fusion_eval.harness.lm import model_type, open_store
    from fusion_eval.models.opening import Opener

    results: dict[str, Any] = {}
    with open_store(settings) as store:
        opener = Opener(settings, store)
        for strategy in plan.strategies:
            say(f"{strategy} → {plan.output / strategy}")
            lm = model_type(strategy)(opener=opener, trace_dir=str(plan.output / strategy), **arguments)
            results[strategy] = _evaluate(lm, strategy, plan, manager)
    return outcome_of(results, plan.output) if all(results.values()) else None


def _check_output(folder: Path) -> None:
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise ConfigError(
            f"--output {folder} cannot be a folder: {existing} is a file, or may not be written to"
        )


def _task_manager(plan: Plan) -> Any:
    """Tasks by name. The harness's own thousands are indexed only where a name is not among ours or the user's."""
    from lm_eval.tasks import TaskManager

    from fusion_eval.harness.task_folder import folder

    if plan.include_path and not plan.include_path.is_dir():
        raise ConfigError(f"--include_path {plan.include_path} is not a folder")
    paths = [str(path) for path in (folder(), plan.include_path) if path]
    manager = TaskManager(include_path=paths, include_defaults=False)
    if not all(manager.match_tasks([name]) for name in plan.tasks):
        manager = TaskManager(include_path=paths)
    for name in plan.tasks:
        if not manager.match_tasks([name]):
            raise ConfigError(
                f"There is no task '{name}'.{nearest(name, manager.all_tasks)} `lm_eval ls tasks` lists all"
            )
    return manager


def _check_tasks(manager: Any, plan: Plan) -> None:
    """Load the tasks once before any call: their data must be there, and ask for text."""
    try:
        tasks = manager.load(manager.match_tasks(list(plan.tasks)))["tasks"]
    except Exception as error:  # the harness and the data sets library raise anything
        reason = clean(str(error)) or type(error).__name__
        raise ConfigError(f"The tasks {', '.join(plan.tasks)} cannot be loaded: {reason}") from error
    for name, task in tasks.items():
        if task.OUTPUT_TYPE != "generate_until":
            raise ConfigError(
                f"Task '{name}' asks for {task.OUTPUT_TYPE}, where there is nothing to sample or fuse; "
                "name tasks of type generate_until"
            )


def _evaluate(lm: Any, strategy: str, plan: Plan, manager: Any) -> dict[str, Any] | None:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.utils import sanitize_model_name

    from fusion_eval.settings import public

    folder = plan.output / strategy
    names = manager.match_tasks(list(plan.tasks))
    tracker = EvaluationTracker(output_path=str(folder))
    try:
        results = simple_evaluate(
            model=lm,
            tasks=names,
            num_fewshot=plan.num_fewshot,
            limit=plan.limit,
            log_samples=True,
            evaluation_tracker=tracker,
            apply_chat_template=plan.apply_chat_template,
            fewshot_as_multiturn=plan.apply_chat_template,
            task_manager=manager,
        )
    except AssertionError as error:  # how the harness says that few-shot examples are too few, and the like
        raise ConfigError(f"The harness refused to run {', '.join(plan.tasks)}: {error}") from error
    if results is None:  # another rank writes
        return None
    results["config"] |= {"model": strategy, "model_args": public(lm.settings)}
    # Given a model object, the harness makes up a random name for it.
    made_by = tracker.general_config_tracker
    made_by.model_source, made_by.model_name = strategy, "|".join(lm.settings.model)
    made_by.model_name_sanitized = sanitize_model_name(made_by.model_name)
    samples = results.pop("samples")
    before = set(folder.rglob("*.json*"))
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in results["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    # The harness only logs that it could not write.
    if len(set(folder.rglob("*.json*")) - before) < 1 + len(results["configs"]):
        raise ConfigError(f"The results cannot be written to {folder}; name another folder with --output")
    return dict(results)


def _quieten_harness() -> None:
    """Switch off what the harness has no switch for: a bar and a hint per task, and git's complaint outside a repository."""
    import lm_eval.api.task
    import lm_eval.evaluator

    lm_eval.api.task.tqdm = lambda items, **_: items
    hints = logging.getLogger("lm_eval.api.task")
    hints.addFilter(lambda record: "Custom kwargs can be passed" not in record.getMessage())
    if not any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
        lm_eval.evaluator.get_git_commit_hash = lambda: None  # which is what it finds there
