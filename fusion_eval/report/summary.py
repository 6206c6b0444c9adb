"""The lines that `fusion-eval run` prints below its table: what each strategy did, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from fusion_eval.runs.totals import Totals

HOW_TO_READ = "tokens and seconds: of every generation behind the row, the shared pool counted once; requests overlap in time"


def summary(totals: Mapping[str, Totals], how_to_read: str = HOW_TO_READ) -> str:
    """Return lines for each strategy: counts, tokens and dollars by role, and a warning if most answers are fallbacks."""
    return "\n".join(
        [how_to_read, *(line for strategy, total in totals.items() for line in _lines(strategy, total))]
    )


def _lines(strategy: str, total: Totals) -> list[str]:
    lines = [
        f"{strategy}: answers {total.prompts}, calls beyond the pool {total.aggregation_calls}, "
        + ", ".join([f"fallbacks {total.fallbacks}", *_failures(total)]),
        *(f"{strategy}: {role} {usage}" for role, usage in total.usages()),
    ]
    if saved := total.saved_candidates:
        planned = saved + total.candidates
        lines.append(
            f"{strategy}: adaptive sampling saved {saved:,} of {planned:,} candidates ({saved / planned:.0%})"
        )
    if 2 * total.fallbacks > total.prompts:
        lines.append(
            f"{strategy}: WARNING: most answers are fallbacks, so this column says little; the traces say why"
        )
    return lines


def _failures(total: Totals) -> list[str]:
    """Count the candidates with which something went wrong. Empty if there are none."""
    counts = {
        "failed": total.failed_candidates,
        "empty": total.empty_candidates,
        "cut at the limit of tokens": total.cut_candidates,
        "asked for again": total.rechecks,
        **{f"without {option}, which the endpoint refused": count for option, count in total.omitted.items()},
        "unscored": total.unscored_candidates,
    }
    parts = [f"{what} {count:,}" for what, count in counts.items() if count]
    return [f"of {total.candidates:,} candidates {', '.join(parts)}"] if parts else []
