"""Let an LLM compare runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.api.argument_types import checks_types
from fusion_eval.api.loading import load_runs

if TYPE_CHECKING:
    from fusion_eval.report.comparison_view import ComparisonView
    from fusion_eval.runs.reading import Run


@checks_types
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
    test: Literal["auto", "permutation", "mcnemar"] = "auto",
    correction: Literal["holm", "bh"] = "holm",
    family: Literal["auto", "one"] = "auto",
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
    cluster: str = "auto",
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
        test: "auto" is McNemar's test for independent 0/1 items, else the permutation test.
        correction: Adjustment of p-values: Holm, or Benjamini-Hochberg ("bh").
        family: "auto" adjusts p-values within families of rows; "one" adjusts them over all rows.
        alpha: Level of tests and intervals.
        resamples: Number of resamples for tests and intervals.
        seed: Seed of the resampling.
        cluster: Document field whose equal values mark dependent items, "auto", or "none".
        allow_partial: Judge the items that all runs have, and note the others, instead of raising an error.
        output: Folder to write verdicts.jsonl and comparison.json to.
        report: Is called with each line of progress.

    Returns:
        The comparison of win rates.
    """
    from fusion_eval.argument_values import check_choice, check_number
    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.errors import ConfigError

    check_choice("swap", swap, ("both", "random"))
    check_choice("scale", scale, (3, 5))
    check_number("repeats", repeats, 1)
    statistics = ComparisonOptions(
        alpha=alpha,
        test=test,
        correction=correction,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        allow_partial=allow_partial,
        family=family,
    )
    if sequential and test != "auto":
        raise ConfigError("sequential=True has its own test and intervals; leave test out")
    if every_pair and opponent is not None:
        raise ConfigError("every_pair=True and opponent exclude each other; choose one")

    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import judge as judge_job
    from fusion_eval.judging.options import JudgeOptions
    from fusion_eval.report.comparison_view import ComparisonView

    job = Job(
        runs=tuple(load_runs(runs, allow_partial)),
        statistics=statistics,
        opponent=None if opponent is None else Path(opponent),
        every_pair=every_pair,
        sequential=sequential,
    )
    options = JudgeOptions(
        judge, judge_base_url, judge_args or {}, judge_prompt, swap, scale, structured, repeats
    )
    folder, labels = (None if path is None else Path(path) for path in (output, gold))
    return ComparisonView(judge_job(job, options, output=folder, gold=labels, report=report))
