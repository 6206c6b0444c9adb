"""Read from the traces of runs what their fused texts are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusion_eval.analysis.contribution import Contribution, contribution_of
from fusion_eval.analysis.pools import ScoredPools
from fusion_eval.harness.pool_records import traces_of
from fusion_eval.runs.reading import Run

MOST_TEXTS = 2_000
"""Of each task so many fused texts are read, evenly spaced. More would not make the intervals useful, but take minutes."""


def read_contributions(
    runs: Sequence[Run], pools: Sequence[ScoredPools]
) -> tuple[dict[str, Mapping[tuple[str, int], Contribution]], list[str]]:
    """Return what every new text is made of, by run, task and document, and notes on texts that were left out.

    Runs whose answers are all candidates' own texts are left out.
    """
    wanted: dict[str, set[int]] = {}
    notes = []
    for one in pools:
        if one.task not in wanted:
            step = -(-one.n_items // MOST_TEXTS)
            wanted[one.task] = set(map(int, one.documents[::step]))
            if step > 1:
                notes.append(
                    f"{one.task}: what fused texts are made of is told from {len(wanted[one.task]):,} of {one.n_items:,} texts"
                )
    found: dict[str, Mapping[tuple[str, int], Contribution]] = {}
    for run in runs:
        own = [answers for one in pools for answers in one.strategies if answers.name == run.name]
        if own and not any(answers.calls.any() for answers in own):
            continue  # a strategy that asks nobody writes no text, so its traces need not be read again
        of_run = {
            (trace.task, trace.doc_id or 0): made
            for trace in traces_of(run)
            if trace.doc_id in wanted.get(trace.task, ()) and (made := contribution_of(trace)) is not None
        }
        if of_run:
            found[run.name] = of_run
    return found, notes if found else []
