"""Say on a card what its numbers cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from fusion_eval.exports.card.results import headline_rows
from fusion_eval.exports.comparable import Comparisons, is_judged
from fusion_eval.runs.comparison import Comparison, Row, adjustment
from fusion_eval.runs.provenance import Provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.totals import Totals
from fusion_eval.text.redaction import public_note

_MOST_ROWS = 12
"""The number of rows whose smallest detectable difference is named: a card is one page."""


def totals_of(origin: Provenance) -> Totals | None:
    """Return the totals of a results file; None for runs of other packages."""
    try:
        return msgspec.convert(dict(origin.totals), Totals) if origin.totals else None
    except msgspec.ValidationError:  # another program wrote the file
        return None


def limits(runs: Sequence[Run], origins: Sequence[Provenance], comparisons: Comparisons) -> list[str]:
    """Return sentences on how far the results carry. The notes of the runs and comparisons come last."""
    rows = [row for comparison in comparisons.distinct for row in headline_rows(comparison)]
    sentences = [
        _items(runs),
        *_detectable(rows),
        *_seeds(origins),
        *([_correction(one) for one in comparisons.distinct] or ["No difference was tested."]),
        *_judges(origins, comparisons.distinct),
        *(line for run, origin in zip(runs, origins, strict=True) for line in _failures(run, origin)),
        *_item_limits(origins),
        "Whether the models met these items in training was not checked.",
        *_notes(runs, comparisons.distinct, rows),
    ]
    return list(dict.fromkeys(public_note(sentence, runs) for sentence in sentences))


def _items(runs: Sequence[Run]) -> str:
    counts = [
        len({sample.doc_id for sample in part.samples}) for part in runs[0].tasks.values() if part.samples
    ]
    if not counts:
        return "There are no samples: the values are those of the results file, and nothing was tested."
    each = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
    return (
        f"Items: {sum(counts):,}; tasks: {len(counts):,} ({each} items in each). They are a sample of items like them, "
        "and say nothing about other tasks."
    )


def _detectable(rows: Sequence[Row]) -> list[str]:
    differences = [
        f"{row.minimal_detectable_effect:.3g} {row.metric} of {row.candidate} on {row.task}"
        for row in rows
        if row.minimal_detectable_effect is not None
    ]
    if not differences:
        return []
    more = len(differences) - _MOST_ROWS
    rest = f", and {more:,} more in comparison.json" if more > 0 else ""
    return [
        "The smallest true differences that so many items find with 80% power, for one test: "
        f"{'; '.join(differences[:_MOST_ROWS])}{rest}. Smaller differences may exist and not be found."
    ]


def _seeds(origins: Sequence[Provenance]) -> Iterator[str]:
    seeds = dict.fromkeys(str(origin.settings.get("seed")) for origin in origins if origin.strategy)
    if len(seeds) == 1:
        yield (
            f"One seed ({next(iter(seeds))}): intervals and tests are over items. They do not include the variation between "
            "seeds, and another seed gives other samples."
        )
    elif not seeds:
        yield "Each run was made once: intervals and tests are over items, and do not include the variation between runs."


def _correction(comparison: Comparison) -> str:
    rows = f"{len(comparison.rows):,} rows"
    if comparison.correction == "none":
        return f"p-values are not adjusted for {rows}: some would look significant by chance."
    return (
        f"p-values are adjusted {adjustment(comparison)}: a difference that is not significant here may be "
        "significant if it is tested alone, and is not shown to be absent."
    )


def _judges(origins: Sequence[Provenance], comparisons: Sequence[Comparison]) -> Iterator[str]:
    if any(origin.scorer == "judge" for origin in origins):
        yield "A model as judge chose the answers of Best-of-N, so they have its taste."
    for comparison in comparisons:
        if any(map(is_judged, comparison.rows)):
            judges = (
                ", ".join(judge.name for judge in comparison.judging.judges)
                if comparison.judging
                else "a model"
            )
            yield f"Win rates are the verdicts of {judges}, not of humans."


def _failures(run: Run, origin: Provenance) -> Iterator[str]:
    totals = totals_of(origin)
    if totals is None:
        return
    if totals.fallbacks and totals.prompts:
        yield (
            f"{run.name}: for {totals.fallbacks:,} of {totals.prompts:,} answers ({totals.fallbacks / totals.prompts:.1%}) the "
            "strategy fell back to a candidate."
        )
    counts = {
        "failed": totals.failed_candidates,
        "are empty": totals.empty_candidates,
        "were cut at the token limit": totals.cut_candidates,
    }
    failures = [f"{count:,} {what}" for what, count in counts.items() if count]
    if failures:
        yield f"{run.name}: of {totals.candidates:,} candidates {', '.join(failures)}."


def _item_limits(origins: Sequence[Provenance]) -> Iterator[str]:
    for limit in dict.fromkeys(origin.limit for origin in origins if origin.limit is not None):
        yield f"--limit {limit:g} took the first items of each task, which are not a random sample of it."


def _notes(runs: Sequence[Run], comparisons: Sequence[Comparison], rows: Sequence[Row]) -> Iterator[str]:
    for run in runs:
        yield from run.notes
    for comparison in comparisons:
        yield from comparison.notes
    for row in rows:
        if row.note:
            yield f"{row.task}, {row.metric}, {row.candidate}: {row.note}"
