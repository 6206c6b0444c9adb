"""Say where a comparison is biased by its own set-up: a scorer that is the metric, a fusor that is in the pool."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import used_tools
from fusion_eval.strategies.solver import Aggregator
from fusion_eval.strategies.specs import format_spec, load_strategy
from fusion_eval.text.specs import spec_name


def metric_bias(aggregator: Aggregator, metrics: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a warning for each metric by which the strategy selects, and which tasks report.

    Selecting by a metric inflates that metric above the true gain (Kovacs et al. 2024, arXiv 2411.03524).

    Args:
        aggregator: The strategy with its models.
        metrics: The metrics of each task.
    """
    strategy = aggregator.strategy
    chosen_by = {str(getattr(strategy, "utility", ""))}
    if "scorer" in used_tools(strategy, aggregator.arguments.n):
        chosen_by.add(spec_name(format_spec(aggregator.tools.scorer)).partition(":")[0])
    tasks: dict[str, list[str]] = {}
    for task, reported in metrics.items():
        if metric := next((name for name in reported if any(measures(one, name) for one in chosen_by)), None):
            tasks.setdefault(metric, []).append(task)
    return [
        f"{aggregator.spec} selects by {metric}, which {_reporting(named)}: the gain in {metric} is inflated "
        "(arXiv 2411.03524). Read another metric of the task, or select by another scorer"
        for metric, named in tasks.items()
    ]


def _reporting(tasks: Sequence[str]) -> str:
    others = len(tasks) - 1
    if not others:
        return f"{tasks[0]} reports"
    return f"{tasks[0]} and {others} other {'task' if others == 1 else 'tasks'} report"


def pool_bias(aggregator: Aggregator) -> list[str]:
    """Return a warning for each judging or fusing model that is one of several models in the pool.

    A model may prefer its own candidates. In a pool of one model all candidates are its own, so no warning is needed.
    """
    pool = {model.identity for model in aggregator.models}
    if len(pool) < 2:
        return []
    uses, tools = used_tools(aggregator.strategy, aggregator.arguments.n), aggregator.tools
    judges = "scorer" in uses and spec_name(format_spec(tools.scorer)).startswith("judge")
    roles = [("fusor", tools.fusor, "fusor" in uses), ("scorer_model", tools.scorer_model, judges)]
    return [
        f"{aggregator.spec}: {model.name} is the {role} and a model of the pool, so it may prefer its own candidates; "
        f"name another model, {role}=NAME"
        for role, model, used in roles
        if used and model.identity in pool
    ]


def measures(scorer: str, metric: str) -> bool:
    """Whether a scorer measures what a metric does, or a variant: `bleu` does for `bleu_max`, but not for `bleurt`."""
    names = ("comet", "xcomet") if scorer == "comet" else (scorer,) if scorer else ()
    return any(re.match(rf"{re.escape(name)}(?![a-z])", metric.lower()) for name in names)


def scorer_bias(scorer: str, metric: str) -> str | None:
    """Return a note if stored scores choose candidates by the metric that is analyzed; None if they do not.

    Args:
        scorer: The scorer, such as `chrf` or `comet:NAME`, or a strategy that scores, such as `mbr(utility=bleu)`.
        metric: The metric.
    """
    name = spec_name(scorer).partition(":")[0].partition(" ")[0]
    with contextlib.suppress(
        ConfigError
    ):  # a scorer is no strategy, and other packages have strategies of their own
        name = str(getattr(load_strategy(scorer), "utility", name))
    if not measures(name, metric):
        return None
    return (
        f"best_of({scorer}) selects by {metric}, which is the metric here: its gain in {metric} is inflated "
        "(arXiv 2411.03524). Read another metric of the task, or another scorer"
    )
