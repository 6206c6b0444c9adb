"""A results file's numbers, computed again from the samples: values, standard errors, groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev

from fusion_eval.compare.cells import segment_statistics
from fusion_eval.compare.metrics import corpus_name
from fusion_eval.export.bundle.findings import Findings, same
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.results_file import load_results, section
from fusion_eval.runs.samples import Segment
from fusion_eval.runs.task_setup import group_members, task_setups
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric

_MEANS = ("mean", "nanmean", "win_rate")
_UNNAMED = {"perplexity": "perplexity"}
"""What the harness makes of numbers where a task names no aggregation; of all others the mean."""


def verify_results(run: Run, findings: Findings) -> None:
    """Every number of the run's results files."""
    numbers = reported_scores(run)
    how = task_setups(run)
    for one in numbers:
        if one.group:
            _group(one, run, numbers, findings)
        else:
            named = how[one.task].aggregations.get(one.metric)
            _single(one, run, named or _UNNAMED.get(one.metric, "mean"), findings)
    _without_samples(run, findings)


def _single(one: ReportedScore, run: Run, aggregation: str, findings: Findings) -> None:
    part = run.tasks[one.task]
    samples = [sample for sample in part.samples if sample.filter == one.filter]
    where = f"{run.name}: {one.metric},{one.filter} of {one.task}"
    if one.n is not None:
        findings.compare(f"{run.name}: the number of items of {one.task}", one.n, len(samples))
    values = [sample.values.get(one.metric) for sample in samples]
    pairs = [value for value in values if isinstance(value, Segment)]
    if pairs:
        _corpus(one, where, pairs, part, findings)
        return
    known = [value for value in values if isinstance(value, float)]
    if not known:
        findings.leave(f"{where} has no values in the samples, and is not computed again")
        return
    mean = fmean(known)
    if aggregation not in _MEANS and not same(one.value, mean):
        findings.leave(f"{where} is no mean of its items, and is not computed again")
        return
    findings.compare(where, one.value, mean)
    if one.stderr is None:
        return
    if aggregation == "mean" and len(known) == len(values):
        error = stdev(known) / math.sqrt(len(known)) if len(known) > 1 else 0.0
        findings.compare(f"{where}: its standard error", one.stderr, error)
    else:
        _drawn_error(where, findings)


def _drawn_error(where: str, findings: Findings) -> None:
    """Of anything but a plain mean the harness draws it."""
    findings.leave(f"{where}: its standard error is drawn at random, and is not computed again")


def _corpus(
    one: ReportedScore, where: str, pairs: Sequence[Segment], part: TaskRun, findings: Findings
) -> None:
    """BLEU as the language's tokenizer counts it, or as sacrebleu does unasked: tasks differ in that."""
    name = corpus_name(one.metric)
    scores = list(_scores(name, pairs, (part.language, None))) if name else []
    agreeing = [score for score in scores if same(one.value, score)]
    if scores and (agreeing or name != "bleu"):
        findings.compare(where, one.value, (agreeing or scores)[0])
    else:
        findings.leave(f"{where} is not counted by a tokenizer that is known here, and is not computed again")
    if one.stderr is not None:
        _drawn_error(where, findings)


def _scores(name: str, pairs: Sequence[Segment], languages: Iterable[str | None]) -> Iterable[float]:
    for language in dict.fromkeys(languages):
        try:
            corpus = corpus_metric(name, language)
        except MissingTokenizerError:
            continue
        yield float(corpus.score(segment_statistics(corpus, pairs).sum(axis=0)))


def _group(one: ReportedScore, run: Run, numbers: Sequence[ReportedScore], findings: Findings) -> None:
    """As the harness does: the mean over tasks, weighted by their items or not, and the pooled standard error."""
    leaves = group_members(run).get(one.task, frozenset())
    parts = [n for n in numbers if n.task in leaves and (n.metric, n.filter) == (one.metric, one.filter)]
    parts = [part for part in parts if not part.group]
    where = f"{run.name}: {one.metric},{one.filter} of the group {one.task}"
    if not parts or not all(part.n for part in parts):
        findings.leave(f"{where} names no tasks whose items are told, and is not computed again")
        return
    sizes = [part.n or 0 for part in parts]
    weighted = sum(part.value * size for part, size in zip(parts, sizes, strict=True)) / sum(sizes)
    plain = fmean(part.value for part in parts)
    findings.compare(where, one.value, plain if same(one.value, plain) else weighted)
    errors = [part.stderr for part in parts if part.stderr is not None]
    if one.stderr is not None and len(errors) == len(parts):
        pooled, simple = _pooled(errors, sizes), math.sqrt(sum(error**2 for error in errors)) / len(errors)
        findings.compare(
            f"{where}: its standard error", one.stderr, simple if same(one.stderr, simple) else pooled
        )
    elif one.stderr is not None:
        findings.leave(
            f"{where}: not all of its tasks have a standard error, and its own is not computed again"
        )


def _pooled(errors: Sequence[float], sizes: Sequence[int]) -> float | None:
    freedom = sum(sizes) - len(sizes)
    if freedom <= 0:
        return None
    variance = sum((size - 1) * error**2 * size for error, size in zip(errors, sizes, strict=True)) / freedom
    return math.sqrt(variance / sum(sizes))


def _without_samples(run: Run, findings: Findings) -> None:
    """Numbers that stand beside those of tasks: of groups once more, and of tasks that left no samples."""
    for path in dict.fromkeys(file.results for file in run.files.samples if file.results):
        results = load_results(path)
        groups = section(results, "groups")
        for name, values in section(results, "results").items():
            numbers = {key: value for key, value in _numbers(values).items() if name not in run.tasks}
            if name in groups:
                again = _numbers(groups[name])
                for key, value in numbers.items():
                    findings.compare(f"{run.name}: {key} of {name}, among the tasks", value, again.get(key))
            elif numbers:
                findings.leave(
                    f"{run.name}: {name} has no samples here, and is not computed again", len(numbers)
                )


def _numbers(values: object) -> dict[str, float]:
    known = values.items() if isinstance(values, Mapping) else ()
    return {key: value for key, value in known if "," in key and isinstance(value, int | float)}
