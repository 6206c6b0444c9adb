"""`fusion-eval judge`: verdicts of LLM judges on pairs of answers, and the comparison that they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from fusion_eval.errors import ConfigError
from fusion_eval.judging.human_labels import human_labels
from fusion_eval.judging.job import Job, Outcome, Prepared, judge_everything, prepared
from fusion_eval.judging.panel import at_work
from fusion_eval.judging.protocol import REPLY_TOKENS, Protocol, Swap, load_protocol_template
from fusion_eval.judging.summary import compared
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.runs.comparison import Comparison, write_comparison
from fusion_eval.runs.writing import check_folder
from fusion_eval.types import to_json

VERDICTS = "verdicts.jsonl"
_NAMED_OTHERWISE = ("model", "base_url", "n", "top_p", "trace_dir")
ADJUSTED_APART = "p adj of the metrics' rows is over these alone, and that of the judge's rows likewise"
_VARIED = 0.7
"""Temperature of repeats where none is asked for: at 0 a judge would only repeat itself."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Who judges, and how; `judge` is a model's name, or several joined by `|`."""

    judge: str
    judge_base_url: str | None = None
    judge_args: Mapping[str, object] = field(default_factory=dict)
    judge_prompt: str = "helpfulness"
    swap: Swap = "both"
    scale: Literal[3, 5] = 3
    structured: bool = False
    repeats: int = 1

    @property
    def settings(self) -> ModelArguments:
        """The judges as models are opened. Raises `ConfigError` for arguments that cannot be."""
        for name in self.judge_args:
            if name in _NAMED_OTHERWISE or name.startswith(("fusor", "scorer")):
                raise ConfigError(
                    f"--judge_args {name}= has no use here: --judge and --judge_base_url name who judges, and judges draw no candidates"
                )
        names = self.judge.split("|")
        if not all(name.strip() for name in names):
            raise ConfigError(
                f"--judge {self.judge} names nobody; it looks like gpt-4o, or a|b|c for a panel"
            )
        if len(set(names)) < len(names):
            raise ConfigError(f"--judge {self.judge} names one model twice, which would have two votes")
        temperature = 0.0 if self.repeats == 1 else _VARIED
        given: dict[str, object] = {"temperature": temperature, **self.judge_args}
        return parse({"model": self.judge, "base_url": self.judge_base_url, "n": len(names), **given})

    def protocol(self, settings: ModelArguments, *, again: bool = True) -> Protocol:
        """How each pair is asked about."""
        if len(settings.temperature or ()) > 1:
            raise ConfigError("--judge_args temperature= takes one value: a judge draws no candidates")
        if self.repeats > 1 and settings.temperature == (0.0,):
            raise ConfigError("--judge_repeats needs a temperature above 0, or a judge only repeats itself")
        return Protocol(
            template=load_protocol_template(self.judge_prompt),
            swap=self.swap,
            steps=self.scale,
            structured=self.structured,
            repeats=self.repeats,
            max_tokens=settings.max_tokens or REPLY_TOKENS,
            temperature=(settings.temperature or (0.0,))[0],
            seed=settings.seed,
            again=again,
        )


def judge(
    job: Job, who: Panel, output: Path | None, gold: Path | None, say: Callable[[str], None]
) -> Comparison:
    """Judge the job's pairs; `verdicts.jsonl` and `comparison.json` land in `output`, where there is one."""
    settings = who.settings
    protocol = who.protocol(settings)
    if output:
        check_folder(output)
    ready = prepared(job)
    pairs = [pair for match in ready.matches.values() for pair in match]
    labels = human_labels(gold, pairs) if gold else {}
    with open_store(settings) as store:
        opener = Opener(settings, store)
        outcome = asked(job, ready, protocol, opener, quiet=False)
        if settings.budget is not None:
            say(f"budget: {opener.budget.describe()}")
    if output:
        _write_verdicts(outcome, output)
    comparison = compared(job, ready, outcome, protocol, labels)
    if output:
        write_comparison(comparison, output)
    return comparison


def added(comparison: Comparison, judged: Comparison) -> Comparison:
    """A comparison by metrics with the judge's rows beside them: two families of tests, each adjusted by itself."""
    return replace(
        comparison,
        rows=(*comparison.rows, *judged.rows),
        ranks=(*comparison.ranks, *judged.ranks),
        notes=tuple(dict.fromkeys((*comparison.notes, *judged.notes, ADJUSTED_APART))),
        judging=judged.judging,
        by_judge=judged.by_judge,
    )


def asked(job: Job, ready: Prepared, protocol: Protocol, opener: Opener, *, quiet: bool) -> Outcome:
    """All that the judges say, with a bar that shows how far they are."""
    return at_work(
        opener, protocol, ready.pairs, lambda bench: judge_everything(job, bench, ready), quiet=quiet
    )


def _write_verdicts(outcome: Outcome, folder: Path) -> None:
    """A line for each pair and judge, and one more for the panel where several judged."""
    path = folder / VERDICTS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for one in outcome.judged:
                for verdict in [*one.single, *([one.verdict] if len(one.single) > 1 else [])]:
                    file.write(to_json(verdict) + b"\n")
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror}; name another folder with --output"
        ) from error
