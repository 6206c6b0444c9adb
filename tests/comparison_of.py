"""A comparison with one row, for tests of its views."""

from __future__ import annotations

from dataclasses import replace

from fusion_eval.runs.comparison import ComparedRun, Comparison, Row

ROW = Row(
    task="quiz_fr",
    language="fr",
    metric="acc",
    filter="none",
    n=1200,
    clusters=300,
    baseline="single",
    candidate="fusion",
    baseline_value=0.4123,
    candidate_value=0.4523,
    delta=0.04,
    ci_low=0.01,
    ci_high=0.07,
    ci_method="bca",
    test="permutation",
    p_value=0.0123,
    p_adjusted=0.0246,
    significant=True,
    wins=90,
    ties=1060,
    losses=50,
    win_rate=0.5167,
    win_rate_low=0.49,
    win_rate_high=0.54,
    win_p_value=0.001,
    higher_is_better=True,
    standard_error=0.015,
    minimal_detectable_effect=0.0423,
    items_needed=1341,
)


def comparison_of(*rows: Row, runs: int = 2, **fields: object) -> Comparison:
    """Return a comparison with these rows (`ROW` if none is given) and fields."""
    comparison = Comparison(
        schema_version=1,
        alpha=0.05,
        correction="holm",
        interval="bca",
        resamples=10_000,
        seed=0,
        cluster="auto",
        baseline="single",
        created="2026-01-01",
        runs=tuple(ComparedRun(name, f"out/{name}") for name in ("single", "fusion", "bon")[:runs]),
        rows=rows or (ROW,),
    )
    return replace(comparison, **fields)  # type: ignore[arg-type]  # any field of it
