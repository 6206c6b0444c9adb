"""`fusion-eval run --arms`: is it several models, several samples, or the fusing that helps?

Four arms answer the same prompts. `single` takes one sample of the first model, `self` fuses N samples of it, `multi`
fuses N samples of several models that take turns, and `best_single` fuses N samples of the best model. All have the
same fusor and the same N.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from fusion_eval.argument_values import OFF, read_names
from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.harness.run import Plan, check_plan, run
from fusion_eval.harness.run_result import RunResult, compared
from fusion_eval.model_arguments import parse
from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import TaskScores
from fusion_eval.runs.reading import read_runs
from fusion_eval.text.file_names import safe_file_name

ARMS = ("single", "self", "multi", "best_single")
HOW_TO_READ = "tokens and seconds: of every generation behind each arm; candidates that arms share are paid for once and count in each"
_UNUSABLE = ("sampling", "weights", "adaptive", "cross_lingual", "system_prompts", "budget")


@dataclass(frozen=True, slots=True)
class ArmPlan(Plan):
    """The plan of one arm, which is written straight into its output folder."""

    def folder(self, strategy: str) -> Path:
        """Return the arm's folder."""
        return self.output


def arm_plans(plan: Plan) -> dict[str, ArmPlan]:
    """Return the plans of the arms that need no other arm's result: all but `best_single`.

    Raises:
        ConfigError: The model arguments name no several models, or do not go with arms.
    """
    models, n = _check(plan)
    return {
        "single": arm_plan(plan, "single", "single", models[:1], n),
        "self": arm_plan(plan, "self", "fusion", models[:1], n),
        "multi": arm_plan(plan, "multi", "fusion", models, n),
    }


def arm_plan(plan: Plan, folder: str, strategy: str, models: tuple[str, ...], n: int) -> ArmPlan:
    """Return the plan of one arm, with the fusor that all arms share."""
    arguments = dict(plan.model_args or {})
    first = read_names("model", arguments["model"])[0]
    values = {field: getattr(plan, field) for field in Plan.__dataclass_fields__}
    values |= {
        "output": plan.output / folder,
        "strategies": (strategy,),
        "model_args": arguments
        | {"fusor": arguments.get("fusor") or first, "model": "|".join(models), "n": n},
    }
    return ArmPlan(**values)


def run_arms(plan: Plan, report: Callable[[str], None]) -> RunResult:
    """Run all arms, compare them with `single`, and write each into a folder of its own in the plan's.

    Args:
        plan: What to run; its strategies do not matter.
        report: Is called with each line of progress.

    Raises:
        ConfigError: A part of the plan is wrong, or does not go with arms.
    """
    plans = arm_plans(plan)
    for one in plans.values():
        parse(one.model_args or {})
    check_plan(plans["multi"])
    outcomes = {name: _run(name, one, report) for name, one in plans.items()}
    models, n = _check(plan)
    best = _best_model(plan, models, outcomes["single"], report)
    outcomes["best_single"] = _run("best_single", arm_plan(plan, "best_single", "fusion", (best,), n), report)
    result = RunResult(plan.output, ARMS, _joined(outcomes), how_to_read=HOW_TO_READ)
    return compared(result, replace(plan, strategies=ARMS))


def _check(plan: Plan) -> tuple[tuple[str, ...], int]:
    """Return the models and N."""
    given = {name: value for name, value in (plan.model_args or {}).items() if value is not None}
    for name in _UNUSABLE:
        if name in given:
            raise ConfigError(
                f"{name}= does not go with --arms, which says itself how pools are drawn; leave it out"
            )
    models = read_names("model", given.get("model", "embedded"))
    if len(models) < 2 or len(set(models)) < len(models):
        raise ConfigError("--arms compares several models with one: name each once, model=A|B|C")
    arguments = parse({"n": len(models)} | given)
    n = arguments.n
    if n % len(models):
        raise ConfigError(
            f"--arms draws as many candidates from each of {len(models)} models, and n={n} is no multiple; leave out n="
        )
    if len(arguments.temperature or ()) > 1:
        raise ConfigError("--arms samples at one temperature, so that the arms share candidates; name one")
    if arguments.cache is OFF:
        raise ConfigError(
            "--arms shares candidates through the store, and cache=off keeps none; leave it out"
        )
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigError("--arms runs in one process, and this one is part of a parallel run")
    return models, n


def _run(name: str, plan: ArmPlan, report: Callable[[str], None]) -> Outcome:
    models = read_names("model", (plan.model_args or {})["model"])
    report(f"arm {name}: {plan.strategies[0]} of {', '.join(map(_short, models))}")
    outcome = run(plan, report)
    if outcome is None:
        raise ConfigError("--arms runs in one process, and this one is part of a parallel run")
    return outcome


def _best_model(plan: Plan, models: tuple[str, ...], first: Outcome, report: Callable[[str], None]) -> str:
    """Return the model whose single samples win most often against the first model's.

    It is chosen on the compared items themselves, which favors the arm `best_single`.
    """
    files = {models[0]: first.files["single"]}
    for number, name in enumerate(models[1:], 2):
        folder = f"models/{number}-{safe_file_name(_short(name))}"
        one = arm_plan(plan, folder, "single", (name,), 1)
        files[name] = _run(f"single, model {number}", one, report).files["single"]
    runs = [replace(run, name=name) for run, name in zip(read_runs(list(files.values())), files, strict=True)]
    leads: dict[str, list[float]] = defaultdict(list)
    for row in compare(runs, ComparisonOptions(resamples=200)).rows:
        if row.language != "all":
            leads[row.candidate].append((row.wins - row.losses) / row.n)
    best = max(models, key=lambda name: fmean(leads[name]) if leads[name] else 0.0)
    report(f"best model: {_short(best)}, by its single samples on the same items, which favors best_single")
    return best


def _joined(outcomes: Mapping[str, Outcome]) -> Outcome:
    """Return one outcome with a column for each arm."""
    rows = []
    for parts in zip(*(outcome.rows for outcome in outcomes.values()), strict=True):
        scores = {
            arm: score for arm, part in zip(outcomes, parts, strict=True) for score in part.scores.values()
        }
        tokens, seconds = sum(part.tokens for part in parts), sum(part.seconds for part in parts)
        rows.append(TaskScores(parts[0].label, scores, tokens, seconds))
    return Outcome(
        tuple(rows),
        next(iter(outcomes.values())).metric,
        {arm: next(iter(outcome.totals.values())) for arm, outcome in outcomes.items()},
        {arm: next(iter(outcome.files.values())) for arm, outcome in outcomes.items()},
    )


def _short(model: str) -> str:
    """Return a model's name without the arguments of an `lm_eval:` model, which can hold a key."""
    return model.partition(",")[0]
