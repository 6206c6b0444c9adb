"""What the numbers of a card cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from fusion_eval.export.card.results import headlines
from fusion_eval.export.comparable import Compared, is_judged
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.provenance import Provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.totals import Totals
from fusion_eval.text.redaction import public_note
from fusion_eval.text.specs import spec_name

_MOST_ROWS = 12
"""Of which the smallest difference that could be found is told: a card is one page."""


def totals_of(origin: Provenance) -> Totals | None:
    """As the results file has them; None of a run made without this package."""
    try:
        return msgspec.convert(dict(origin.totals), Totals) if origin.totals else None
    except msgspec.ValidationError:  # a file of others
        return None


def limits(runs: Sequence[Run], origins: Sequence[Provenance], compared: Compared) -> list[str]:
    """Sentences on how far the results carry, the notes of the comparison last."""
    rows = [row for comparison in compared.comparisons for row in headlines(comparison)]
    said = [
        _items(runs),
        *_detectable(rows),
        *_draws(origins),
        *([_corrected(one) for one in compared.comparisons] or ["No difference was tested."]),
        *_judges(origins, compared.comparisons),
        *(line for run, origin in zip(runs, origins, strict=True) for line in _slips(run, origin)),
        *_cut(origins),
        "Whether the models met these items in training was not checked.",
        *_notes(runs, compared.comparisons, rows),
    ]
    return list(dict.fromkeys(public_note(sentence, runs) for sentence in said))


def _items(runs: Sequence[Run]) -> str:
    counts = [len({sample.doc_id for sample in part.samples}) for part in runs[0].tasks.values()]
    between = f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"
    return (
        f"Items: {sum(counts):,}; tasks: {len(counts):,} ({between} items in each). They stand for other items like them, "
        "and for no other tasks."
    )


def _detectable(rows: Sequence[Row]) -> list[str]:
    told = [
        f"{row.minimal_detectable_effect:.3g} {row.metric} of {row.candidate} on {row.task}"
        for row in rows
        if row.minimal_detectable_effect is not None
    ]
    if not told:
        return []
    more = f", and {len(told) - _MOST_ROWS:,} more in comparison.json" if len(told) > _MOST_ROWS else ""
    return [
        "The smallest true differences that so many items find with 80% power, for one test: "
        f"{'; '.join(told[:_MOST_ROWS])}{more}. Smaller ones may be there and not be seen."
    ]


def _draws(origins: Sequence[Provenance]) -> Iterator[str]:
    seeds = dict.fromkeys(str(origin.settings.get("seed")) for origin in origins if origin.strategy)
    if len(seeds) == 1:
        yield (
            f"One seed ({next(iter(seeds))}): intervals and tests are over items, and do not hold the luck of the draw; another seed "
            "gives other samples."
        )
    elif not seeds:
        yield "Each run was made once: intervals and tests are over items, and do not hold what another run would give."


def _corrected(comparison: Comparison) -> str:
    rows = f"{len(comparison.rows):,} rows"
    if comparison.correction == "none":
        return f"p-values are not adjusted for there being {rows}: some would look significant by chance."
    return (
        f"p-values are adjusted over {rows} ({comparison.correction}): what is not significant among so many may be so as the one "
        "question asked, and is not shown to be absent."
    )


def _judges(origins: Sequence[Provenance], comparisons: Sequence[Comparison]) -> Iterator[str]:
    if any(spec_name(origin.scorer or "") == "judge" for origin in origins):
        yield "Best-of-N was chosen by a model as judge, whose taste the answers then have."
    for comparison in comparisons:
        if any(map(is_judged, comparison.rows)):
            judges = (
                ", ".join(judge.name for judge in comparison.judging.judges)
                if comparison.judging
                else "a model"
            )
            yield f"Win rates are the verdicts of {judges}, not of humans."


def _slips(run: Run, origin: Provenance) -> Iterator[str]:
    total = totals_of(origin)
    if total is None:
        return
    if total.fallbacks and total.prompts:
        yield (
            f"{run.name}: {total.fallbacks:,} of {total.prompts:,} answers ({total.fallbacks / total.prompts:.1%}) are a "
            "candidate that the strategy fell back on."
        )
    lost = {
        "failed": total.failed_candidates,
        "are empty": total.empty_candidates,
        "were cut at the limit of tokens": total.cut_candidates,
    }
    told = [f"{count:,} {what}" for what, count in lost.items() if count]
    if told:
        yield f"{run.name}: of {total.candidates:,} candidates {', '.join(told)}."


def _cut(origins: Sequence[Provenance]) -> Iterator[str]:
    for limit in dict.fromkeys(origin.limit for origin in origins if origin.limit is not None):
        yield f"--limit {limit:g} took the first items of each task, which are no random sample of it."


def _notes(runs: Sequence[Run], comparisons: Sequence[Comparison], rows: Sequence[Row]) -> Iterator[str]:
    for run in runs:
        yield from run.notes
    for comparison in comparisons:
        yield from comparison.notes
    for row in rows:
        if row.note:
            yield f"{row.task}, {row.metric}, {row.candidate}: {row.note}"
