"""Choose metrics by name, each with all of its filters or with those that are named: `exact_match,strict-match`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fusion_eval.comparison.items import FilteredMetric
from fusion_eval.errors import ConfigError, nearest


def choose_metrics(wanted: Sequence[str], metrics: Collection[FilteredMetric]) -> set[FilteredMetric]:
    """Return the chosen metrics.

    Args:
        wanted: Names of metrics. The name of a filter after a metric chooses this filter of the metric. An entry may
            hold both: `exact_match,strict-match`. Empty means all metrics.
        metrics: The metrics of all tasks.

    Raises:
        ConfigError: A name is neither a metric nor a filter of the metric before it.
    """
    names = {metric for metric, _ in metrics}
    filters: dict[str, set[str]] = {}
    last = None
    for name in _words(wanted):
        if name in names:
            last = name
            filters.setdefault(name, set())
        elif last is not None and (last, name) in metrics:
            filters[last].add(name)
        else:
            raise ConfigError(_unknown(name, last, names, metrics))
    return {
        (metric, filtered)
        for metric, filtered in metrics
        if not wanted or (metric in filters and (not filters[metric] or filtered in filters[metric]))
    }


def is_asked_for(metric: str, wanted: Sequence[str]) -> bool:
    """Return whether the metric is among the chosen names, or all are chosen."""
    return not wanted or metric in _words(wanted)


def _words(wanted: Sequence[str]) -> list[str]:
    return [word.strip() for name in wanted for word in name.split(",") if word.strip()]


def _unknown(name: str, last: str | None, names: Collection[str], metrics: Collection[FilteredMetric]) -> str:
    filters = sorted({filtered for metric, filtered in metrics if metric == last})
    known = f"They have {', '.join(sorted(names))}"
    if filters not in ([], ["none"]):
        known += f"; filters of {last} are {', '.join(filters)}"
    hint = filter_hint(name, metrics) or nearest(name, [*names, *filters])
    return f"metrics={name}: the runs have no such metric.{hint} {known}"


def filter_hint(name: str, metrics: Collection[FilteredMetric]) -> str:
    """Say how a filter is chosen if `name` is one; an empty text if it is none."""
    owners = sorted(metric for metric, filtered in metrics if filtered == name)
    return f" It is a filter; name it after its metric: {owners[0]},{name}." if owners else ""
