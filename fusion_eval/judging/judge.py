"""Judge the answers of runs in pairs: the whole of `fusion-eval judge` as one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from fusion_eval.errors import ConfigError
from fusion_eval.judging.human_labels import read_human_labels
from fusion_eval.judging.job import Job, JobResult, judge_planned, plan_pairs
from fusion_eval.judging.panel import run_panel
from fusion_eval.judging.protocol import REPLY_TOKENS, Protocol, Swap, load_judge_template
from fusion_eval.judging.summary import build_comparison
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.runs.comparison import Comparison, write_comparison
from fusion_eval.runs.verdicts import Verdict, write_verdicts
from fusion_eval.runs.writing import check_folder

ADJUSTED_SEPARATELY = "p adj is computed for the metrics' rows and for the judge's rows separately"
_UNUSABLE_ARGUMENTS = ("model", "base_url", "n", "top_p", "trace_dir")
_REPEAT_TEMPERATURE = 0.7
"""The default temperature of repeats. At 0 a judge would only repeat itself."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Who judges, and how. The defaults are those of `fusion-eval judge`."""

    judge: str
    """A model's name, or several names joined by `|` for a panel."""
    judge_base_url: str | None = None
    judge_args: Mapping[str, object] = field(default_factory=dict)
    """Further model arguments, such as `concurrency` or `budget`."""
    judge_prompt: str = "helpfulness"
    swap: Swap = "both"
    scale: Literal[3, 5] = 3
    structured: bool = False
    repeats: int = 1

    def model_arguments(self) -> ModelArguments:
        """Return the arguments that the judges' models are opened with.

        Raises:
            ConfigError: An argument is unknown or has no use for a judge, or a judge is named twice or not at all.
        """
        for name in self.judge_args:
            if name in _UNUSABLE_ARGUMENTS or name.startswith(("fusor", "scorer")):
                raise ConfigError(
                    f"--judge_args {name}= has no use here: --judge and --judge_base_url name who judges, and judges draw no candidates"
                )
        names = self.judge.split("|")
        if not all(name.strip() for name in names):
            raise ConfigError(
                f"--judge {self.judge} names no model; it looks like gpt-4o, or a|b|c for a panel"
            )
        if len(set(names)) < len(names):
            raise ConfigError(f"--judge {self.judge} names one model twice, which would have two votes")
        temperature = 0.0 if self.repeats == 1 else _REPEAT_TEMPERATURE
        arguments: dict[str, object] = {"temperature": temperature, **self.judge_args}
        return parse({"model": self.judge, "base_url": self.judge_base_url, "n": len(names), **arguments})

    def protocol(self, arguments: ModelArguments, *, retry_unreadable: bool = True) -> Protocol:
        """Return how the judges are asked.

        Args:
            arguments: The result of `model_arguments`.
            retry_unreadable: Ask once more after a reply that cannot be read.

        Raises:
            ConfigError: The temperature or the template cannot be used.
        """
        if len(arguments.temperature or ()) > 1:
            raise ConfigError("--judge_args temperature= takes one value: a judge draws no candidates")
        if self.repeats > 1 and arguments.temperature == (0.0,):
            raise ConfigError("--judge_repeats needs a temperature above 0, or a judge only repeats itself")
        return Protocol(
            template=load_judge_template(self.judge_prompt),
            swap=self.swap,
            steps=self.scale,
            structured=self.structured,
            repeats=self.repeats,
            max_tokens=arguments.max_tokens or REPLY_TOKENS,
            temperature=(arguments.temperature or (0.0,))[0],
            seed=arguments.seed,
            retry_unreadable=retry_unreadable,
        )


def judge(
    job: Job,
    options: JudgeOptions,
    *,
    output: Path | None = None,
    gold: Path | None = None,
    report: Callable[[str], None] | None = None,
    quiet: bool = False,
) -> Comparison:
    """Have LLM judges judge a job's pairs, and compare its runs by the verdicts.

    A reply that is in the store costs nothing again.

    Args:
        job: Which pairs to judge, and how to compare.
        options: Who judges, and how.
        output: A folder for `verdicts.jsonl` and `comparison.json`.
        gold: A file of human verdicts.
        report: Receives a sentence about the budget, if there is one.
        quiet: Show no progress bar.

    Returns:
        A comparison whose rows have the metric `judge:<template>`. Its `judging` says how reliable the judges are.

    Raises:
        ConfigError: The job or the options cannot be used, or no pair has a verdict.
    """
    arguments = options.model_arguments()
    protocol = options.protocol(arguments)
    if output:
        check_folder(output)
    planned = plan_pairs(job)
    pairs = [pair for pairs in planned.by_systems.values() for pair in pairs]
    labels = read_human_labels(gold, pairs) if gold else {}
    with open_store(arguments) as store:
        opener = Opener(arguments, store)
        result = run_panel(
            opener, protocol, planned.total, lambda panel: judge_planned(job, panel, planned), quiet=quiet
        )
        if report and arguments.budget is not None:
            report(f"budget: {opener.budget.describe()}")
    if output:
        write_verdicts(_verdicts(result), output)
    comparison = build_comparison(job, planned, result, protocol, labels)
    if output:
        write_comparison(comparison, output)
    return comparison


def add_judged_rows(comparison: Comparison, judged: Comparison) -> Comparison:
    """Add a judge's rows to a comparison by metrics. Each family of tests stays adjusted by itself."""
    return replace(
        comparison,
        rows=(*comparison.rows, *judged.rows),
        ranks=(*comparison.ranks, *judged.ranks),
        notes=tuple(dict.fromkeys((*comparison.notes, *judged.notes, ADJUSTED_SEPARATELY))),
        judging=judged.judging,
        by_judge=judged.by_judge,
    )


def _verdicts(result: JobResult) -> Iterator[Verdict]:
    """Yield the verdict of each judge on each pair, and the panel's after them if there are several judges."""
    for one in result.judged:
        yield from one.votes
        if len(one.votes) > 1:
            yield one.verdict
