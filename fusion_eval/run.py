"""`fusion-eval run`: sample once, aggregate with every strategy, score in the harness, show the scores."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.report.score_table import Row, Score
from fusion_eval.traces import FILE_NAME, Totals, read_traces


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a table's rows, the name of its metric, and totals per strategy."""

    rows: tuple[Row, ...]
    metric: str
    totals: Mapping[str, Totals]


def run(plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Run every strategy of the plan on one shared store; results land in `plan.output/<strategy>/`."""
    from fusion_eval.harness.lm import model_type, open_store
    from fusion_eval.settings import parse
    from fusion_eval.strategies import load_strategy

    arguments = dict(plan.model_args or {})
    if "trace_dir" in arguments:
        raise ConfigError("trace_dir= has no use here: traces go to the strategy's folder under --output")
    settings = parse(arguments)
    for strategy in plan.strategies:
        load_strategy(strategy)
    _quieten_harness()
    manager = _task_manager(plan)
    _check_types(manager, plan)
    results: dict[str, Any] = {}
    store = open_store(settings)
    for strategy in plan.strategies:
        folder = plan.output / strategy
        say(f"{strategy} → {folder}")
        lm = model_type(strategy)(store=store, trace_dir=str(folder), **arguments)
        results[strategy] = _evaluate(lm, strategy, arguments, plan, manager, folder)
    store.close()
    return _outcome(plan, results)


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


def _check_types(manager: Any, plan: Plan) -> None:
    for name, task in manager.load(manager.match_tasks(list(plan.tasks)))["tasks"].items():
        if task.OUTPUT_TYPE != "generate_until":
            raise ConfigError(
                f"Task '{name}' asks for {task.OUTPUT_TYPE}, where there is nothing to sample or fuse; "
                "name tasks of type generate_until"
            )


def _evaluate(
    lm: Any, strategy: str, arguments: Mapping[str, object], plan: Plan, manager: Any, folder: Path
) -> dict[str, Any]:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.utils import sanitize_model_name

    names = manager.match_tasks(list(plan.tasks))
    tracker = EvaluationTracker(output_path=str(folder))
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
    if results is None:  # another rank writes
        return {}
    results["config"] |= {"model": strategy, "model_args": dict(arguments)}
    made_by = (
        tracker.general_config_tracker
    )  # given a model object, the harness makes up a random name for it
    made_by.model_source, made_by.model_name = strategy, "|".join(lm.settings.model)
    made_by.model_name_sanitized = sanitize_model_name(made_by.model_name)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in results["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    if not any(folder.rglob("results_*.json")):  # the harness only logs that it could not write
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


def _outcome(plan: Plan, results: Mapping[str, Mapping[str, Any]]) -> Outcome:
    per_task, per_strategy = _totals(plan)
    any_results = next(iter(results.values()))
    languages = {
        name: str((config.get("metadata") or {}).get("language", ""))
        for name, config in any_results["configs"].items()
    }
    distinct = all(languages.values()) and len(set(languages.values())) == len(languages)
    metrics: list[str] = []
    rows = []
    for name, config in any_results["configs"].items():
        metric = _first_metric(config)
        metrics.append(metric.split(",")[0])
        rows.append(_row(languages[name] if distinct else name, name, metric, results, [per_task[name]]))
    groups = any_results.get("groups") or {}
    members = any_results.get("group_subtasks") or {}
    for name in groups:
        leaves = [per_task[leaf] for leaf in _leaves(name, members)]
        metric = next(key for key in groups[name] if "," in key and "_stderr" not in key)
        rows.append(_row("all" if len(groups) == 1 else name, name, metric, results, leaves))
    shared = metrics[0] if len(set(metrics)) == 1 else "metric"
    return Outcome(tuple(rows), shared, per_strategy)


def _row(
    label: str, name: str, metric: str, results: Mapping[str, Mapping[str, Any]], totals: Sequence[Totals]
) -> Row:
    scores = {}
    for strategy, result in results.items():
        values = result["results"].get(name) or result["groups"][name]
        if isinstance(values.get(metric), int | float):
            measure, _, filtered = metric.partition(",")
            error = values.get(f"{measure}_stderr,{filtered}")
            scores[strategy] = Score(values[metric], error if isinstance(error, int | float) else None)
    tokens = sum(total.prompt_tokens + total.completion_tokens for total in totals)
    return Row(label, scores, tokens, sum(total.seconds for total in totals))


def _totals(plan: Plan) -> tuple[dict[str, Totals], dict[str, Totals]]:
    """Totals per task, in which the pool that all strategies share is counted once, and per strategy."""
    per_task: dict[str, Totals] = defaultdict(Totals)
    per_strategy: dict[str, Totals] = {}
    for strategy in plan.strategies:
        per_strategy[strategy] = Totals()
        for trace in read_traces(plan.output / strategy / FILE_NAME):
            per_strategy[strategy].add(trace)
            if strategy == plan.strategies[0]:
                per_task[trace.task].add(trace)
            else:
                per_task[trace.task].add_calls(trace)
    return per_task, per_strategy


def _first_metric(config: Mapping[str, Any]) -> str:
    filters = config.get("filter_list") or [{"name": "none"}]
    return f"{config['metric_list'][0]['metric']},{filters[0]['name']}"


def _leaves(name: str, members: Mapping[str, Sequence[str]]) -> list[str]:
    children = members.get(name)
    return [leaf for child in children for leaf in _leaves(child, members)] if children else [name]
