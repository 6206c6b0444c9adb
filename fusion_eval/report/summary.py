"""What `fusion-eval run` prints under its table: what every strategy did, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping

from fusion_eval.traces import Totals

OF_WHAT = "tokens and seconds: of every generation behind the row, the shared pool counted once; requests overlap in time"


def summary(totals: Mapping[str, Totals]) -> str:
    """Lines per strategy: counts, then tokens and dollars by role, then a warning where most answers are fallbacks."""
    return "\n".join(
        [OF_WHAT, *(line for strategy, total in totals.items() for line in _lines(strategy, total))]
    )


def _lines(strategy: str, total: Totals) -> list[str]:
    lines = [
        f"{strategy}: answers {total.prompts}, calls beyond the pool {total.aggregation_calls}, fallbacks {total.fallbacks}",
        *(f"{strategy}: {role} {usage}" for role, usage in total.roles.items()),
    ]
    if 2 * total.fallbacks > total.prompts:
        lines.append(
            f"{strategy}: WARNING: most answers are fallbacks, so this column says little; the traces say why"
        )
    return lines
