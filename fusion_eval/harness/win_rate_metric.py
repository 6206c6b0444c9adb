"""The lm-eval metric `win_rate`: the mean of the verdicts of the filter `judge`, as 1, one half or 0.

The aggregation `win_rate` is the harness's own `nanmean`, which leaves out missing values. The harness computes a
standard error only for aggregations that it knows, so a function of ours would have none.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence

import lm_eval.api.metrics  # noqa: F401 - registers the aggregation that is named below
from lm_eval.api.registry import register_metric

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host

# The logger is named here, because the bridge imports this file, and models/ would bring msgspec.
log = logging.getLogger("fusion_eval")

SCORES: Mapping[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0, "invalid": math.nan}
"""An invalid verdict is missing: neither a loss nor a tie."""
_warned: set[str] = set()


class WinRateScore(float):
    """A document's win rate. It cannot be read as true or false.

    For a task with several targets the harness keeps whether `any` value is true. That would turn each tie into a win.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        raise ConfigError(
            "The value of win_rate is a number, and was read as true or false, as the harness does where "
            "doc_to_target is a list; let doc_to_target give one text"
        )


@register_metric(  # type: ignore[untyped-decorator] # the harness publishes no types
    metric="win_rate", higher_is_better=True, aggregation="nanmean", output_type="generate_until"
)
def win_rate(
    references: Sequence[object], predictions: Sequence[object]
) -> WinRateScore | list[WinRateScore]:
    """Return the mean score of a document's verdicts, from 0 to 1; NaN if none is valid.

    Args:
        references: Not used. The judge has already seen the reference.
        predictions: Verdicts, or lists of verdicts if the document is repeated.
    """
    scores = [score for one in predictions for score in _scores(one) if not math.isnan(score)]
    value = WinRateScore(math.fsum(scores) / len(scores) if scores else math.nan)
    return [value] if host.scores_each_repeat() else value


def _scores(prediction: object) -> list[float]:
    verdicts = prediction if isinstance(prediction, list | tuple) else [prediction]
    return [_score(verdict) for verdict in verdicts]


def _score(verdict: object) -> float:
    """The harness computes each metric under every filter of a task, so plain answers arrive too. They are missing."""
    if isinstance(verdict, str) and verdict in SCORES:
        return SCORES[verdict]
    if not _warned:
        _warned.add("win_rate")
        log.warning(
            "win_rate reads verdicts (%s) and gives nan for anything else; the filter `judge` makes them",
            ", ".join(SCORES),
        )
    return math.nan
