"""The metric `win_rate`: what the verdicts of the filter `judge` are worth, 1, one half or 0.

The aggregation `win_rate` is the harness's `nanmean` by another name: the mean without what is missing, NaN where all
is. Of a function of ours the harness would not know the standard error (`stderr_for_metric` goes by identity).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import lm_eval.api.metrics  # noqa: F401 - registers the aggregation that is named below
from lm_eval.api.registry import register_metric

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host
from fusion_eval.logs import log

WORTH: Mapping[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0, "invalid": math.nan}
"""An invalid verdict is missing: neither a loss nor a tie."""
_warned: set[str] = set()


class Score(float):
    """A document's value, which the harness can average but not take for true or false."""

    __slots__ = ()

    def __bool__(self) -> bool:
        # Of a task with several targets the harness keeps whether `any` is true: each tie would become a win.
        raise ConfigError(
            "The value of win_rate is a number, and was read as true or false, as the harness does where "
            "doc_to_target is a list; let doc_to_target give one text"
        )


@register_metric(  # type: ignore[untyped-decorator] # the harness publishes no types
    metric="win_rate", higher_is_better=True, aggregation="nanmean", output_type="generate_until"
)
def win_rate(references: Sequence[object], predictions: Sequence[object]) -> Score | list[Score]:
    """The mean worth of the verdicts in `predictions`, 0 to 1: texts, or a list of texts each where a document repeats.

    NaN where none is known. The references say nothing here; the judge has read what there is to compare with.
    """
    known = [worth for one in predictions for worth in _worths(one) if not math.isnan(worth)]
    value = Score(math.fsum(known) / len(known) if known else math.nan)
    return [value] if host.scores_each_repeat() else value


def _worths(prediction: object) -> list[float]:
    verdicts = prediction if isinstance(prediction, list | tuple) else [prediction]
    return [_worth(verdict) for verdict in verdicts]


def _worth(verdict: object) -> float:
    """The harness computes each metric under every filter of a task, so answers come by as well: they are worth nothing."""
    if isinstance(verdict, str) and verdict in WORTH:
        return WORTH[verdict]
    if not _warned:
        _warned.add("win_rate")
        log.warning(
            "win_rate reads verdicts (%s) and gives nan for anything else; the filter `judge` makes them",
            ", ".join(WORTH),
        )
    return math.nan
