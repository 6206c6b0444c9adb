"""Compare runs: by their metrics, or by the verdicts of an LLM judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fusion_eval.report.comparison_view import ComparisonView
    from fusion_eval.runs.reading import Run


def read_runs(*paths: str | Path, allow_partial: bool = False) -> list[Run]:
    """Read runs of lm-evaluation-harness from disk.

    Args:
        paths: Folders or sample files, of any release 0.4.x, logged with `--log_samples`.
        allow_partial: Leave out lines that cannot be read, and note it, instead of raising an error.

    Returns:
        One run for each path, under names that tell them apart.

    Example:
        Two small runs that come with the repository:

        >>> import fusion_eval as fe
        >>> folder = "tests/data/harness_runs/0.4.12"
        >>> runs = fe.read_runs(f"{folder}/weak", f"{folder}/strong")
        >>> [run.name for run in runs]
        ['weak', 'strong']
    """
    from fusion_eval.runs import reading

    return reading.read_runs([Path(path) for path in paths], allow_partial)


def compare(
    *runs: Run | str | Path,
    baseline: Literal["expected", "oracle"] | None = None,
    metrics: str | Sequence[str] = (),
    test: Literal["auto", "permutation", "mcnemar"] = "auto",
    correction: Literal["holm", "bh"] = "holm",
    family: Literal["auto", "one"] = "auto",
    allow_setup: Sequence[str] = (),
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
    _check_choice("baseline", baseline, (None, "expected", "oracle"))
    _check_choice("test", test, ("auto", "permutation", "mcnemar"))
    _check_choice("correction", correction, ("holm", "bh"))
    _check_choice("family", family, ("auto", "one"))
    for name in allow_setup:
        _check_choice("allow_setup", name, ("num_fewshot",))
    _check_number("alpha", alpha, 0.0001, 0.5)
    _check_number("resamples", resamples, 100, 1_000_000)
    _check_number("seed", seed, 0, float("inf"))

    from fusion_eval.argument_values import names_in
    from fusion_eval.comparison.compare import compare as compare_runs
    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.report.comparison_view import ComparisonView
    from fusion_eval.runs.comparison import write_comparison

    loaded = _load(runs, allow_partial)
    if baseline:
        loaded = _with_pool_baseline(loaded, baseline, include_path)
    _check_enough(loaded)
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
        allow_setup=tuple(allow_setup),
    )
    comparison = compare_runs(loaded, options)
    if output is not None:
        write_comparison(comparison, Path(output))
    return ComparisonView(comparison)


def judge(
    *runs: Run | str | Path,
    judge: str,
    judge_base_url: str | None = None,
    judge_args: Mapping[str, object] | None = None,
    judge_prompt: str = "helpfulness",
    swap: Literal["both", "random"] = "both",
    scale: Literal[3, 5] = 3,
    structured: bool = False,
    repeats: int = 1,
    opponent: str | Path | None = None,
    every_pair: bool = False,
    sequential: bool = False,
    gold: str | Path | None = None,
    alpha: float = 0.05,
    allow_partial: bool = False,
    output: str | Path | None = None,
    report: Callable[[str], None] = print,
) -> ComparisonView:
    """Let an LLM compare the answers of every run with those of the first.

    Args:
        runs: Runs, or their folders; the baseline first.
        judge: The judge's model; `a|b|c` is a panel of three.
        judge_base_url: The judge's OpenAI-compatible endpoint.
        judge_args: Further model arguments of the judge, such as `{"budget": 5}`.
        judge_prompt: "helpfulness", "translation", "reasoning", or a Jinja2 file.
        swap: Show each pair in both orders, or in a random one.
        scale: Verdicts in three steps (better, tie, worse), or in five.
        structured: Request JSON by the endpoint's `response_format`.
        repeats: How often each judge is asked about a pair.
        opponent: JSON lines with answers of a system to judge every run against.
        every_pair: Judge every two runs, not only each against the first.
        sequential: Stop as soon as the test decides at level `alpha`.
        gold: Verdicts of humans, in the form of verdicts.jsonl.
        alpha: Level of tests and intervals.
        allow_partial: Judge the items that all runs have, and note the others, instead of raising an error.
        output: Folder to write verdicts.jsonl and comparison.json to.
        report: Is called with each line of progress.

    Returns:
        The comparison of win rates.
    """
    _check_choice("swap", swap, ("both", "random"))
    _check_choice("scale", scale, (3, 5))
    _check_number("repeats", repeats, 1, float("inf"))
    _check_number("alpha", alpha, 0.0001, 0.5)

    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import judge as judge_job
    from fusion_eval.judging.options import JudgeOptions
    from fusion_eval.report.comparison_view import ComparisonView

    job = Job(
        runs=tuple(_load(runs, allow_partial)),
        statistics=ComparisonOptions(alpha=alpha, allow_partial=allow_partial),
        opponent=None if opponent is None else Path(opponent),
        every_pair=every_pair,
        sequential=sequential,
    )
    options = JudgeOptions(
        judge, judge_base_url, judge_args or {}, judge_prompt, swap, scale, structured, repeats
    )
    folder, labels = (None if path is None else Path(path) for path in (output, gold))
    return ComparisonView(judge_job(job, options, output=folder, gold=labels, report=report))


def _load(runs: Sequence[Run | str | Path], allow_partial: bool) -> list[Run]:
    """Read those of `runs` that are paths; keep the order, and give all of them names that differ."""
    from fusion_eval.runs.reading import Run, with_unique_names

    paths = [run for run in runs if not isinstance(run, Run)]
    read = iter(read_runs(*paths, allow_partial=allow_partial))
    loaded = [run if isinstance(run, Run) else next(read) for run in runs]
    return with_unique_names(loaded, [run.name for run in loaded])


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


def _check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    from fusion_eval.errors import ConfigError

    if value not in choices:
        raise ConfigError(f"{name}={value!r} should be one of {', '.join(map(repr, choices))}")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    from fusion_eval.errors import ConfigError

    if not least <= value <= most:
        upper = "" if most == float("inf") else f" to {most:g}"
        raise ConfigError(f"{name}={value!r} should be a number from {least:g}{upper}")
