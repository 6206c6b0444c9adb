"""`fusion-eval run`: sample one pool for each prompt, aggregate it with every strategy, score in the harness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.argument_values import DEFAULT_STRATEGIES, DEFAULT_TASK
from fusion_eval.errors import ConfigError
from fusion_eval.report.outcome import Outcome, outcome_of
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.locking import lock_folder
from fusion_eval.runs.writing import check_folder
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.redaction import public_command

if TYPE_CHECKING:
    from fusion_eval.comparison.options import FamilyRule
    from fusion_eval.harness.choices import Order
    from fusion_eval.model_arguments import ModelArguments
    from fusion_eval.runs.reading import Run
    from fusion_eval.runs.totals import RunTotals


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, as the command line names it."""

    output: Path
    tasks: tuple[str, ...] = (DEFAULT_TASK,)
    strategies: tuple[str, ...] = DEFAULT_STRATEGIES
    """As text, in the form that `read_strategies` gives them."""
    model_args: Mapping[str, object] | None = None
    limit: float | None = None
    include_path: Path | None = None
    apply_chat_template: bool = False
    num_fewshot: int | None = None
    command: tuple[str, ...] = ()
    """The words of the command line that started the run; empty if it was started from Python."""
    generate_choices: Order | None = None
    """How to list the options of multiple-choice tasks, which then run as generation; None leaves these tasks alone."""
    family: FamilyRule = "auto"
    """Which rows of the comparison p-values are adjusted over."""

    def folder(self, strategy: str) -> Path:
        """Return the folder that holds the run of a strategy."""
        return self.output / safe_file_name(strategy)


def run(plan: Plan, report: Callable[[str], None]) -> Outcome | None:
    """Run every strategy of the plan on the same store and models, and write `plan.output/<strategy>/`.

    Args:
        plan: What to run.
        report: Is called with each line of progress; a `ScoreListener` is told the scores of each task instead.

    Returns:
        The scores and totals. None on the ranks of a parallel run that do not write.

    Raises:
        ConfigError: A part of the plan is wrong, or the results cannot be written.
    """
    arguments, manager = check_plan(plan)
    from fusion_eval.harness.joint import JointAnswers
    from fusion_eval.harness.lm import model_type
    from fusion_eval.models.opener import Opener, open_store

    model_args, logprobs = dict(plan.model_args or {}), plan_needs_logprobs(plan)
    results: dict[str, Any] = {}
    files: dict[str, Path] = {}
    totals: dict[str, RunTotals] = {}
    with lock_folder(plan.output, map(plan.folder, plan.strategies)), open_store(arguments) as store:
        opener = Opener(arguments, store)
        lms = {
            strategy: model_type(strategy)(
                opener=opener, logprobs=logprobs, trace_dir=str(plan.folder(strategy)), **model_args
            )
            for strategy in plan.strategies
        }
        JointAnswers(list(lms.values()), opener, report)
        for strategy, lm in lms.items():
            report(f"{strategy} → {plan.folder(strategy)}")
            if written := _evaluate_and_write(lm, strategy, plan, manager):
                results[strategy], files[strategy] = written
            totals[strategy] = lm.totals
        if arguments.budget is not None:
            report(f"budget: {opener.budget.describe()}")
    return replace(outcome_of(results, totals), files=files) if results else None


def check_plan(plan: Plan) -> tuple[ModelArguments, Any]:
    """Check all of a plan that can be checked without a model.

    Returns:
        The checked model arguments, and the harness's task manager.

    Raises:
        ConfigError: A model argument, a strategy, a task or the output folder is wrong.
    """
    from fusion_eval.model_arguments import parse
    from fusion_eval.strategies.specs import load_scorer, load_strategy

    model_args = dict(plan.model_args or {})
    if "trace_dir" in model_args:
        raise ConfigError("trace_dir= has no use here: traces go to the strategy's folder under --output")
    arguments = parse(model_args)
    load_scorer(arguments.scorer_spec)
    for strategy in plan.strategies:
        load_strategy(strategy)
    check_folder(plan.output)
    from fusion_eval.harness import host
    from fusion_eval.harness.tasks.loading import load_tasks, task_manager

    host.silence()
    manager = task_manager(plan.tasks, plan.include_path)
    if plan.generate_choices:
        from fusion_eval.harness.choices import GeneratingManager, check_some_generate

        manager = GeneratingManager(manager, plan.generate_choices)
    tasks = load_tasks(manager, plan.tasks)
    if plan.generate_choices:
        check_some_generate(tasks)
    _check_tasks(tasks)
    return arguments, manager


def plan_needs_logprobs(plan: Plan) -> int:
    """Return which log-probabilities the strategies of the plan need. All draw the same ones, to share their pools."""
    from fusion_eval.strategies.interface import needs_logprobs
    from fusion_eval.strategies.specs import load_strategy

    return max(needs_logprobs(load_strategy(strategy)) for strategy in plan.strategies)


def _check_tasks(tasks: Mapping[str, Any]) -> None:
    """Find mistakes that the harness would find only after all answers are paid for."""
    from fusion_eval.harness import host_tasks

    for name, task in tasks.items():
        host_tasks.construct_filters(task)
        if task.OUTPUT_TYPE != "generate_until":
            advice = (
                "add --generate_choices to run it as generation"
                if task.OUTPUT_TYPE == "multiple_choice"
                else "name tasks of type generate_until"
            )
            raise ConfigError(
                f"Task '{name}' asks for {task.OUTPUT_TYPE}, where there is nothing to sample or fuse; "
                f"{advice}, or run it by lm_eval --model single"
            )


def compare_strategies(plan: Plan, files: Mapping[str, Path] | None = None) -> Comparison:
    """Compare every strategy of a finished plan with the first of `ordered_runs`.

    Raises:
        ConfigError: Nothing can be compared.
    """
    from fusion_eval.comparison.compare import compare
    from fusion_eval.comparison.options import ComparisonOptions

    return compare(ordered_runs(plan, files), ComparisonOptions(family=plan.family))


def ordered_runs(plan: Plan, files: Mapping[str, Path] | None = None) -> list[Run]:
    """Read the runs of a finished plan, in the plan's order but with `single` first.

    Args:
        plan: The plan.
        files: The results file of each strategy, which says which of several runs in its folder to read. Without it
            the newest run is read.
    """
    from fusion_eval.runs.reading import read_runs

    ordered = sorted(plan.strategies, key=lambda strategy: strategy != "single")
    folders = [plan.folder(strategy) for strategy in ordered]
    if not files:
        return read_runs(folders)
    runs = read_runs([files[strategy] for strategy in ordered])
    return [
        replace(run, name=strategy, files=replace(run.files, path=folder))
        for run, strategy, folder in zip(runs, ordered, folders, strict=True)
    ]


def evaluate(lm: Any, plan: Plan, manager: Any, tracker: Any = None) -> dict[str, Any] | None:
    """Evaluate a model object in the harness.

    Args:
        lm: An object of a model type, such as `FusionLM`.
        plan: The tasks and the harness's options.
        manager: The harness's task manager.
        tracker: The harness's `EvaluationTracker`, if results are to be written.

    Returns:
        The harness's results. None on ranks that do not write.

    Raises:
        ConfigError: The harness refuses the plan.
    """
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
    except AssertionError as error:  # the harness says so, e.g., that there are too few few-shot examples
        raise ConfigError(f"The harness refused to run {', '.join(plan.tasks)}: {error}") from error
    return results


def _evaluate_and_write(
    lm: Any, strategy: str, plan: Plan, manager: Any
) -> tuple[dict[str, Any], Path] | None:
    """Return the results and the path of their file; None on ranks that do not write."""
    from lm_eval.loggers import EvaluationTracker

    from fusion_eval.harness.task_names import with_plain_task_names
    from fusion_eval.harness.written_results import write_results
    from fusion_eval.model_arguments import public

    tracker = EvaluationTracker(output_path=str(plan.folder(strategy)))
    results = evaluate(lm, plan, manager, tracker)
    if results is None:
        return None
    results["config"] |= {"model": strategy, "model_args": public(lm.arguments)}
    if plan.command:
        results["config"]["command"] = public_command(plan.command)
    results = with_plain_task_names(results)
    samples = results.pop("samples")
    path = write_results(tracker, results, samples, (strategy, "|".join(lm.arguments.model)))
    return dict(results), path
