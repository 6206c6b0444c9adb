"""Read runs, and compare them by their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.api.argument_types import checks_types
from fusion_eval.api.loading import load_runs
from fusion_eval.errors import ConfigError

if TYPE_CHECKING:
    from fusion_eval.report.comparison_view import ComparisonView
    from fusion_eval.runs.reading import Run


def read_runs(*paths: str | Path, allow_partial: bool = False) -> list[Run]:
    """Read runs of lm-evaluation-harness from disk.

    Args:
        paths: Folders or sample files, of any release 0.4.x, logged with `--log_samples`; or logs of inspect_ai.
        allow_partial: Leave out lines that cannot be read, and note it, instead of raising an error.

    Returns:
        One run for each path, under names that tell them apart.

    Raises:
        FusionEvalError: A path is no text, or its files cannot be read as a run.

    Example:
        Two small runs that come with the repository:

        >>> import fusion_eval as fe
        >>> folder = "tests/data/harness_runs/0.4.12"
        >>> runs = fe.read_runs(f"{folder}/weak", f"{folder}/strong")
        >>> [run.name for run in runs]
        ['weak', 'strong']
    """
    from fusion_eval.imports.log_runs import with_logs_as_runs
    from fusion_eval.runs import reading

    for path in paths:
        if not isinstance(path, str | Path):
            raise ConfigError(f"read_runs() takes one path after the other: read_runs(A, B); it got {path!r}")
    return reading.read_runs(with_logs_as_runs([Path(path) for path in paths]), allow_partial)


@checks_types
def compare(
    *runs: Run | str | Path,
    baseline: Literal["expected", "oracle"] | None = None,
    metrics: str | Sequence[str] = (),
    test: Literal["auto", "permutation", "mcnemar"] = "auto",
    correction: Literal["holm", "bh"] = "holm",
    family: Literal["auto", "one"] = "auto",
    allow_setup: str | Sequence[str] = (),
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
    cluster: str = "auto",
    allow_partial: bool = False,
    include_path: str | Path | None = None,
    output: str | Path | None = None,
) -> ComparisonView:
    """Compare every run with the first, item by item.

    Args:
        runs: Runs, or their folders or sample files; the baseline first.
        baseline: Compare all runs with the mean ("expected") or the best ("oracle") of their pools' candidates.
        metrics: Metrics to compare; empty means all that can be compared.
        test: "auto" is McNemar's test for independent 0/1 items, else the permutation test.
        correction: Adjustment of p-values: Holm, or Benjamini-Hochberg ("bh").
        family: "auto" adjusts p-values within families of rows; "one" adjusts them over all rows.
        allow_setup: What may differ between the runs' set-ups of a task: "num_fewshot".
        alpha: Level of tests and intervals.
        resamples: Number of resamples for tests and intervals.
        seed: Seed of the resampling.
        cluster: Document field whose equal values mark dependent items, "auto", or "none".
        allow_partial: Compare the items that all runs have, and note the others, instead of raising an error.
        include_path: Folder with the task YAMLs that `baseline` scores candidates by.
        output: Folder to write comparison.json to.

    Returns:
        The comparison. It prints as a table, and has `rows`, `to_frame()`, `to_markdown()` and `to_json()`.

    Example:
        Two small runs that come with the repository:

        >>> import fusion_eval as fe
        >>> folder = "tests/data/harness_runs/0.4.12"
        >>> comparison = fe.compare(f"{folder}/weak", f"{folder}/strong", metrics=["chrf"])
        >>> [(row.candidate, round(row.delta, 1)) for row in comparison.rows]
        [('strong', 34.5)]
    """
    from fusion_eval.argument_values import check_choice, names_in
    from fusion_eval.comparison.compare import compare as compare_runs
    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.report.comparison_view import ComparisonView
    from fusion_eval.runs.comparison import write_comparison

    check_choice("baseline", baseline, (None, "expected", "oracle"))
    options = ComparisonOptions(
        alpha=alpha,
        test=test,
        correction=correction,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        allow_partial=allow_partial,
        metrics=names_in(metrics),
        family=family,
        allow_setup=names_in(allow_setup),
    )
    loaded = load_runs(runs, allow_partial)
    if baseline:
        loaded = _with_pool_baseline(loaded, baseline, include_path)
    _check_enough(loaded)
    comparison = compare_runs(loaded, options)
    if output is not None:
        write_comparison(comparison, Path(output))
    return ComparisonView(comparison)


def _with_pool_baseline(
    runs: Sequence[Run], baseline: Literal["expected", "oracle"], include_path: str | Path | None
) -> list[Run]:
    from fusion_eval.harness.pool_baseline import pool_run
    from fusion_eval.runs.reading import with_unique_names

    folder = None if include_path is None else Path(include_path)
    with_baseline = [pool_run(runs, baseline, folder), *runs]
    return with_unique_names(with_baseline, [run.name for run in with_baseline])


def _check_enough(runs: Sequence[Run]) -> None:
    from fusion_eval.errors import ConfigError

    if len(runs) < 2:
        raise ConfigError(
            "compare needs two runs or more, the baseline first: compare(BASELINE, CANDIDATE, …)"
        )
