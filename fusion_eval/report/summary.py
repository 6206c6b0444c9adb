"""What `fusion-eval run` prints under its table: what every strategy did, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping

from fusion_eval.runs.traces import Totals

OF_WHAT = "tokens and seconds: of every generation behind the row, the shared pool counted once; requests overlap in time"


def summary(totals: Mapping[str, Totals]) -> str:
    """Lines per strategy: counts, then tokens and dollars by role, then a warning where most answers are fallbacks."""
    return "\n".join(
        [OF_WHAT, *(line for strategy, total in totals.items() for line in _lines(strategy, total))]
    )


def _slips(total: Totals) -> list[str]:
    """What went wrong with candidates, as far as anything did."""
    counted = {
        "failed": total.failed_candidates,
        "empty": total.empty_candidates,
        "cut at the limit of tokens": total.cut_candidates,
        "unscored": total.unscored_candidates,
    }
    said = [f"{what} {count:,}" for what, count in counted.items() if count]
    return [f"of {total.candidates:,} candidates {', '.join(said)}"] if said else []


def _lines(strategy: str, total: Totals) -> list[str]:
    lines = [
        f"{strategy}: answers {total.prompts}, calls beyond the pool {total.aggregation_calls}, "
        + ", ".join([f"fallbacks {total.fallbacks}", *_slips(total)]),
        *(f"{strategy}: {role} {usage}" for role, usage in total.roles.items()),
    ]
    if 2 * total.fallbacks > total.prompts:
        lines.append(
            f"{strategy}: WARNING: most answers are fallbacks, so this column says little; the traces say why"
        )
    return lines
