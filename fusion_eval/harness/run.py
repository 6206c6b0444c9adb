"""`fusion-eval run`: sample once, aggregate with every strategy, score in the harness, show the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError
from fusion_eval.report.outcome import Outcome, outcome_of
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.writing import check_folder

if TYPE_CHECKING:
    from fusion_eval.model_arguments import Settings
    from fusion_eval.runs.reading import Run


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
    settings, manager = checked(plan)
    from fusion_eval.harness.lm import model_type
    from fusion_eval.models.opener import Opener, open_store

    arguments = dict(plan.model_args or {})
    results: dict[str, Any] = {}
    with open_store(settings) as store:
        opener = Opener(settings, store)
        for strategy in plan.strategies:
            say(f"{strategy} → {plan.output / strategy}")
            lm = model_type(strategy)(opener=opener, trace_dir=str(plan.output / strategy), **arguments)
            results[strategy] = _evaluate(lm, strategy, plan, manager)
        if settings.budget is not None:
            say(f"budget: {opener.budget.describe()}")
    return outcome_of(results, plan.output) if all(results.values()) else None


def checked(plan: Plan) -> tuple[Settings, Any]:
    """The settings and the harness's task manager, after all checks that need no model."""
    from fusion_eval.model_arguments import parse
    from fusion_eval.strategies import load_strategy

    arguments = dict(plan.model_args or {})
    if "trace_dir" in arguments:
        raise ConfigError("trace_dir= has no use here: traces go to the strategy's folder under --output")
    settings = parse(arguments)
    for strategy in plan.strategies:
        load_strategy(strategy)
    check_folder(plan.output)
    from fusion_eval.harness.host import quieten
    from fusion_eval.harness.tasks.loading import load_tasks, task_manager

    quieten()
    manager = task_manager(plan.tasks, plan.include_path)
    _check_tasks(load_tasks(manager, plan.tasks))
    return settings, manager


def compare_strategies(plan: Plan) -> Comparison:
    """Every strategy against the first of `ordered_runs`. Raises `ConfigError` where nothing can be compared."""
    from fusion_eval.compare.compare import compare

    return compare(ordered_runs(plan))


def ordered_runs(plan: Plan) -> list[Run]:
    """The run of every strategy, that of `single` first where it is among them."""
    from fusion_eval.runs.reading import read_runs

    ordered = sorted(plan.strategies, key=lambda strategy: strategy != "single")
    return read_runs([plan.output / strategy for strategy in ordered])


def _check_tasks(tasks: Mapping[str, Any]) -> None:
    """What the harness would only find out once all answers are paid for, its filters' arguments among it."""
    for name, task in tasks.items():
        for ensemble in getattr(task, "_filters", ()):
            for made in ensemble.filters:
                made()
        if task.OUTPUT_TYPE != "generate_until":
            raise ConfigError(
                f"Task '{name}' asks for {task.OUTPUT_TYPE}, where there is nothing to sample or fuse; "
                "name tasks of type generate_until, or run it by lm_eval --model single"
            )


def evaluate(lm: Any, plan: Plan, manager: Any, tracker: Any = None) -> dict[str, Any] | None:
    """The harness's results for the model object `lm`; None on ranks that do not write."""
    from lm_eval import simple_evaluate

    try:
        results: dict[str, Any] | None = simple_evaluate(
            model=lm,
            tasks=manager.match_tasks(list(plan.tasks)),
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
    return results


def _evaluate(lm: Any, strategy: str, plan: Plan, manager: Any) -> dict[str, Any] | None:
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.utils import sanitize_model_name

    from fusion_eval.model_arguments import public

    folder = plan.output / strategy
    tracker = EvaluationTracker(output_path=str(folder))
    results = evaluate(lm, plan, manager, tracker)
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
