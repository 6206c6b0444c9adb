"""What the top of the page says: which systems were run, when, on what, and for how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fusion_eval.report.analysis_finding import analysis_finding
from fusion_eval.report.finding import finding, language_counts
from fusion_eval.runs.analysis import Analysis
from fusion_eval.runs.comparison import Comparison, adjustment
from fusion_eval.runs.provenance import Provenance, read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section
from fusion_eval.runs.usage import dollars

Json = dict[str, Any]
SYSTEM_HEAD = ("Model", "Items", "Tokens read", "Tokens written", "Cost", "Fallbacks")
_UNKNOWN = "–"


def overview_fields(
    runs: Sequence[Run], comparison: Comparison | None, analysis: Analysis | None = None
) -> Json:
    """Return what the template needs for the top of the page."""
    origins = [read_provenance(run) for run in runs]
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    return {
        "title": f"{_shortened(tasks)}: {', '.join(run.name for run in runs)}",
        "eyebrow": " · ".join(filter(None, (_shortened(tasks), _date(max(run.date for run in runs))))),
        "finding": _finding(runs, comparison, analysis),
        "details": _details(comparison, analysis),
        "facts": _facts(runs, origins, comparison),
        "command": _command(runs),
        "system_head": SYSTEM_HEAD,
        "systems": [
            {"name": run.name, "cells": _cells(run, origin), "signature": run.signature or _UNKNOWN}
            for run, origin in zip(runs, origins, strict=True)
        ],
        "legend": [] if comparison is None else _legend(comparison),
    }


def _finding(runs: Sequence[Run], comparison: Comparison | None, analysis: Analysis | None) -> str:
    if comparison is not None:
        return finding(comparison)
    if analysis is not None:
        return analysis_finding(analysis)
    names = ", ".join(run.name for run in runs)
    return f"{names}: nothing was compared, since a comparison needs two runs of the same tasks."


def _details(comparison: Comparison | None, analysis: Analysis | None) -> list[str]:
    """Return the sentences below the finding; that of an analysis too, unless it is the finding."""
    if comparison is None:
        return []
    return [*language_counts(comparison), *([] if analysis is None else [analysis_finding(analysis)])]


def _facts(
    runs: Sequence[Run], origins: Sequence[Provenance], comparison: Comparison | None
) -> list[tuple[str, str]]:
    first = runs[0]
    items = sum(len({sample.doc_id for sample in task.samples}) for task in first.tasks.values())
    languages = {task.language for task in first.tasks.values()} - {None}
    facts = [("Items", f"{items:,}"), ("Tasks", f"{len(first.tasks):,}")]
    if languages:
        facts.append(("Languages", f"{len(languages):,}"))
    if comparison is not None:
        facts.append(("Baseline", comparison.baseline))
    read, written, cost = _spent(origins)
    if read or written:
        facts += [("Tokens read", f"{read:,}"), ("Tokens written", f"{written:,}")]
        facts.append(("Cost", _UNKNOWN if cost is None else dollars(cost)))
    return facts


def _spent(origins: Sequence[Provenance]) -> tuple[int, int, float | None]:
    """Return the tokens read and written, and the cost, of all systems. A pool that several share counts once."""
    pools = {}
    usages = []
    for origin in origins:
        roles = section(dict(origin.totals), "roles")
        for role in roles:
            usage = {
                name: value for name, value in section(roles, role).items() if isinstance(value, int | float)
            }
            if role == "sampler":
                pools[usage.get("prompt_tokens"), usage.get("completion_tokens")] = usage
            else:
                usages.append(usage)
    usages += pools.values()
    costs = [usage["cost"] for usage in usages if usage.get("cost") is not None]
    read, written = (
        sum(int(usage.get(name) or 0) for usage in usages) for name in ("prompt_tokens", "completion_tokens")
    )
    return read, written, sum(costs) if costs else None


def _cells(run: Run, origin: Provenance) -> list[str]:
    items = sum(len({sample.doc_id for sample in task.samples}) for task in run.tasks.values())
    totals = origin.totals
    cost = totals.get("cost")
    return [
        run.model or _UNKNOWN,
        f"{items:,}",
        *(_count(totals.get(name)) for name in ("prompt_tokens", "completion_tokens")),
        dollars(cost) if isinstance(cost, int | float) else _UNKNOWN,
        _count(totals.get("fallbacks")),
    ]


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else _UNKNOWN


def _command(runs: Sequence[Run]) -> str:
    """Return the command that made the runs; empty if they do not name one command."""
    commands = {str(section(run.files.newest_results(), "config").get("command") or "") for run in runs}
    return commands.pop() if len(commands) == 1 else ""


def _legend(comparison: Comparison) -> list[str]:
    return [
        f"Δ: candidate - baseline, with its {100 * (1 - comparison.alpha):g}% interval ({comparison.interval} bootstrap, "
        f"not adjusted). p adj: adjusted {adjustment(comparison)}. ▲ ▼: significantly better or worse, p adj at most "
        f"{comparison.alpha:g}. ↓: lower is better. Pictures of one metric share a scale."
    ]


def _shortened(tasks: Sequence[str]) -> str:
    """Return the names of tasks; of many, what their names begin with and their number."""
    if len(tasks) <= 3:
        return ", ".join(tasks)
    start = _common_start(tasks)
    return f"{start or tasks[0]} … ({len(tasks)} tasks)" if not start else f"{start} ({len(tasks)} tasks)"


def _common_start(tasks: Sequence[str]) -> str:
    shortest = min(tasks, key=len)
    length = next(
        (place for place in range(len(shortest)) if len({task[place] for task in tasks}) > 1), len(shortest)
    )
    return shortest[:length].rstrip("_-. ")


def _date(date: str) -> str:
    """Return the date of a results file, `2026-11-28T20-23-57.6`, as `2026-11-28 20:23`."""
    day, _, time = date.partition("T")
    return f"{day} {time[:5].replace('-', ':')}" if time else day
