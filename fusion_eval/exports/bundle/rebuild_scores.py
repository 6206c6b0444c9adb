"""Compute the numbers of a results file again from its samples: values, standard errors, and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fusion_eval.comparison.cells import segment_statistics
from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.exports.bundle.differ import Differ, NotComputed, OneOf, same
from fusion_eval.runs.provenance import ReportedScore, reported_scores
from fusion_eval.runs.reading import Run
from fusion_eval.runs.records import read_records
from fusion_eval.runs.results_file import load_results, number_or_none, section
from fusion_eval.runs.task_setup import group_members, task_setups
from fusion_eval.runs.values import Segment
from fusion_eval.stats.corpus import MissingTokenizerError, corpus_metric

_MEANS = ("mean", "nanmean", "win_rate")
"""Aggregations whose value is the mean of the items."""
_DEFAULTS = {"perplexity": "perplexity"}
"""The harness's aggregation of a metric whose task names none, if it is not the mean."""
Expected = float | OneOf | NotComputed


def compare_scores(run: Run, differ: Differ) -> None:
    """Compare every number of a run's results files with the number that the run's samples give."""
    scores, setups, members = reported_scores(run), task_setups(run), group_members(run)
    of_tasks = [score for score in scores if not score.group]
    for score in scores:
        path = f"{run.name}: {score.metric},{score.filter} of {score.task}"
        if score.group:
            value, error = _group(path, score, members.get(score.task, frozenset()), of_tasks)
        else:
            samples = [sample for sample in run.tasks[score.task].samples if sample.filter == score.filter]
            if score.n is not None:
                differ.compare(f"{run.name}: items of {score.task}", score.n, len(samples))
            values: list[object] = [sample.values.get(score.metric) for sample in samples]
            if any(score.metric in sample.unusable for sample in samples):
                values = _stated_values(run, score)
            named = setups[score.task].aggregations.get(score.metric)
            aggregation = named or _DEFAULTS.get(score.metric, "mean")
            value, error = _single(path, score, values, aggregation, run.tasks[score.task].language)
        differ.compare(path, score.value, value)
        if score.stderr is not None and not isinstance(value, NotComputed):
            differ.compare(f"{path}: standard error", score.stderr, error)
    for file in dict.fromkeys(file.results for file in run.files.samples if file.results):
        _compare_other_names(run, load_results(file), differ)


def _stated_values(run: Run, score: ReportedScore) -> list[object]:
    """Return the values of a metric as the sample file has them, infinities too. A task may report an infinite mean."""
    path = next(file.path for file in run.files.samples if file.task == score.task)
    records = [record for _, record in read_records(path) if isinstance(record, dict)]
    values = [
        record.get(score.metric) for record in records if record.get("filter", score.filter) == score.filter
    ]
    if not all(isinstance(value, int | float) for value in values):
        return []
    return [number_or_none(value) for value in values]


def _single(
    path: str, score: ReportedScore, values: Sequence[object], aggregation: str, language: str | None
) -> tuple[Expected, Expected]:
    """Return a task's value and its standard error."""
    drawn = NotComputed(f"{path}: the harness draws its standard error at random")
    pairs = [value for value in values if isinstance(value, Segment)]
    if pairs:
        return _corpus(path, score, pairs, language), drawn
    known = [value for value in values if isinstance(value, float)]
    if not known:
        return NotComputed(f"{path} has no values in the samples"), drawn
    with np.errstate(invalid="ignore"):
        mean = float(np.mean(known))
        error = float(np.std(known, ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
    if aggregation not in _MEANS and not same(score.value, mean):
        return NotComputed(f"{path} is not the mean of its items"), drawn
    return mean, error if aggregation == "mean" and len(known) == len(values) else drawn


def _corpus(path: str, score: ReportedScore, pairs: Sequence[Segment], language: str | None) -> Expected:
    """Return the value of a corpus metric. Tasks may use the language's tokenizer, or sacrebleu's default."""
    name = corpus_name(score.metric)
    values = []
    for tokenizer_of in dict.fromkeys((language, None)) if name else ():
        try:
            corpus = corpus_metric(name or "", tokenizer_of)
        except MissingTokenizerError:
            continue
        values.append(float(corpus.score(segment_statistics(corpus, pairs).sum(axis=0))))
    if not values or (name == "bleu" and not any(same(score.value, value) for value in values)):
        return NotComputed(f"{path} was counted with a tokenizer that is not known here")
    return OneOf(values)


def _group(
    path: str, score: ReportedScore, members: frozenset[str], scores: Sequence[ReportedScore]
) -> tuple[Expected, Expected]:
    """Return a group's value and standard error; the harness weights tasks by their items, or equally."""
    metric = (score.metric, score.filter)
    parts = [one for one in scores if one.task in members and (one.metric, one.filter) == metric]
    if not parts or not all(one.n for one in parts):
        missing = NotComputed(f"{path}: the results file does not say how many items its tasks have")
        return missing, missing
    values, sizes = np.array([one.value for one in parts]), np.array([one.n for one in parts], dtype=float)
    value = OneOf([float(np.average(values, weights=sizes)), float(values.mean())])
    if any(one.stderr is None for one in parts):
        return value, NotComputed(f"{path}: not all of its tasks have a standard error")
    errors = np.array([one.stderr for one in parts], dtype=float)
    possible = [float(np.sqrt((errors**2).sum()) / len(errors))]
    if (freedom := sizes.sum() - len(sizes)) > 0:
        pooled = (sizes * (sizes - 1) * errors**2).sum() / freedom
        possible.insert(0, float(np.sqrt(pooled / sizes.sum())))
    return value, OneOf(possible)


def _compare_other_names(run: Run, results: Mapping[str, object], differ: Differ) -> None:
    """Compare the results of names that are no task of the run: groups, and tasks without samples."""
    groups = section(results, "groups")
    for name, values in section(results, "results").items():
        if name in run.tasks:
            continue
        numbers = _numbers(values)
        if name in groups:
            again = _numbers(groups[name])
            expected = {key: again.get(key) for key in numbers}
            differ.compare(f"{run.name}: results of the group {name}", numbers, expected)
        elif numbers:
            differ.skip(f"{run.name}: {name} has no samples here", len(numbers))


def _numbers(values: object) -> dict[str, float]:
    known = values.items() if isinstance(values, Mapping) else ()
    return {key: value for key, value in known if "," in key and isinstance(value, int | float)}
