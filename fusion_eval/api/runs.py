"""Make runs, check them against a baseline, and export them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.api.argument_types import checks_types
from fusion_eval.argument_values import DEFAULT_STRATEGIES, DEFAULT_TASK

if TYPE_CHECKING:
    from fusion_eval.exports.subject import ExportedFiles
    from fusion_eval.gate.result import CheckResult
    from fusion_eval.harness.run_result import RunResult
    from fusion_eval.strategies import Strategy


@checks_types
def run(
    output: str | Path,
    *,
    tasks: str | Sequence[str] = DEFAULT_TASK,
    strategies: str | Sequence[str | Strategy] = DEFAULT_STRATEGIES,
    model_args: Mapping[str, object] | None = None,
    limit: float | None = None,
    include_path: str | Path | None = None,
    apply_chat_template: bool = False,
    num_fewshot: int | None = None,
    generate_choices: bool | Literal["in_order", "permuted"] = False,
    arms: bool = False,
    report: Callable[[str], None] = print,
) -> RunResult | None:
    """Sample a pool for each prompt, aggregate it with every strategy, score in the harness, and compare.

    Args:
        output: Folder for results, samples, traces and comparison.json.
        tasks: Tasks or groups of the harness: `["gsm8k", "mgsm_direct_fr"]`, or "gsm8k,mgsm_direct_fr".
        strategies: Strategies as text or as values: "bon", "bon(scorer=chrf)".
        model_args: Model arguments, such as `{"model": "gpt-4o-mini", "n": 5}`; the embedded model by default.
        limit: The first items of each task (a whole number), or a share of them below 1.
        include_path: Folder with more task YAMLs.
        apply_chat_template: Send prompts as chat messages.
        num_fewshot: Few-shot examples, instead of the task's own number.
        generate_choices: Run multiple-choice tasks as generation. "permuted" puts their options in a random order,
            the same in each run; `True` is "in_order".
        arms: Run `single`, `self`, `multi` and `best_single` of several models instead of the strategies.
        report: Is called with each line of progress.

    Returns:
        The scores and their comparison. None on the ranks of a parallel run that do not write.
    """
    from fusion_eval.argument_values import names_in
    from fusion_eval.harness.choices import order_of
    from fusion_eval.harness.run import Plan
    from fusion_eval.harness.run_result import run_and_compare
    from fusion_eval.strategies.specs import read_strategies

    plan = Plan(
        output=Path(output),
        tasks=names_in(tasks),
        strategies=read_strategies(strategies),
        model_args=model_args,
        limit=limit,
        include_path=None if include_path is None else Path(include_path),
        apply_chat_template=apply_chat_template,
        num_fewshot=num_fewshot,
        generate_choices=order_of(generate_choices),
    )
    if arms:
        from fusion_eval.harness.arms import run_arms

        return run_arms(plan, report)
    return run_and_compare(plan, report)


@checks_types
def check(
    baseline: str | Path,
    candidate: str | Path,
    *,
    margin: float | str | Path | Mapping[str, float] = 0.01,
    alpha: float = 0.05,
    metrics: str | Sequence[str] = (),
    overall: bool = False,
    cluster: str = "auto",
    allow_partial: bool = False,
    inconclusive: Literal["tell", "pass", "fail"] = "tell",
    unchecked: Literal["tell", "warn", "fail"] = "tell",
) -> CheckResult:
    """Check whether a candidate is worse than a baseline by more than a margin.

    Args:
        baseline: A baseline file, or a run.
        candidate: A run, or a baseline file.
        margin: Largest loss to tolerate, as a share of a metric's range: 0.01 is one point. Or a mapping of metrics to
            margins in their own units, such as `{"rating": 0.2, "default": 0.01}`, or a YAML file of it.
        alpha: Level of the tests.
        metrics: Metrics to check; empty means all that can be compared.
        overall: Drop the rows of single languages where a row over all languages exists.
        cluster: Document field whose equal values mark dependent items, "auto", or "none".
        allow_partial: Check the items that both have, and note the others, instead of raising an error.
        inconclusive: What too few items to tell count as: "tell" (inconclusive), "pass" or "fail".
        unchecked: What a metric counts as that cannot be tested and got worse: "tell" (inconclusive), "warn" or "fail".

    Returns:
        The result: its verdict is "pass", "regression" or "inconclusive".

    Example:
        Best-of-N against a single sample, by the reference results in the repository:

        >>> import fusion_eval as fe
        >>> folder = "results/fusion_demo"
        >>> result = fe.check(
        ...     f"{folder}/single.baseline.json.gz", f"{folder}/bon.baseline.json.gz", metrics=["chrf"], overall=True
        ... )
        >>> result.verdict, round(result.rows[0].delta, 2)
        ('pass', 8.1)
    """
    from fusion_eval.gate.check import check_runs

    return check_runs(
        baseline,
        candidate,
        margin=margin,
        alpha=alpha,
        metrics=metrics,
        overall=overall,
        cluster=cluster,
        allow_partial=allow_partial,
        inconclusive=inconclusive,
        unchecked=unchecked,
    )


@checks_types
def export(
    run: str | Path, output: str | Path, *, format: str = "table", allow_partial: bool = False
) -> ExportedFiles:
    """Write a run in the form that a leaderboard, a paper or an archive uses.

    Args:
        run: A run, or the folder that `fusion-eval run` wrote; for a site also a folder of such folders.
        output: Folder to write to.
        format: "table", "card", "every-eval-ever", "hf", "bundle" or "site".
        allow_partial: Read runs whose sample files lack items, and note it.

    Returns:
        `paths`, the files that were written, and `notes` on what a reader should know.

    Example:
        >>> import fusion_eval as fe
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     written = fe.export("tests/data/harness_runs/0.4.12/strong", folder, format="table")
        >>> [path.name for path in written.paths]
        ['table.md', 'table.tex']
    """
    from fusion_eval.errors import ConfigError, nearest
    from fusion_eval.exports.formats import FORMATS, SITE, writer_of
    from fusion_eval.exports.subject import read_subject
    from fusion_eval.models.garbage import rare_collections
    from fusion_eval.runs.writing import check_folder

    known = (*FORMATS, SITE)
    if format not in known:
        raise ConfigError(f"There is no format '{format}'.{nearest(format, known)} Known: {', '.join(known)}")
    check_folder(Path(output))
    if format == SITE:
        from fusion_eval.exports.site import write_site

        return write_site(Path(run), Path(output), allow_partial)
    with rare_collections():
        return writer_of(format)(read_subject(Path(run), allow_partial), Path(output))
