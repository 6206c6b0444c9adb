"""Make pairs of answers from runs. Answers are matched by their documents, never by their position in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion_eval.comparison.items import Item
from fusion_eval.comparison.matching import MatchedTask, match_runs
from fusion_eval.errors import ConfigError
from fusion_eval.judging.pair_verdicts import AnswerPair
from fusion_eval.runs.answered import GeneratedAnswer, read_generated
from fusion_eval.runs.reading import Run

_AnswersOfRun = Mapping[tuple[str, int], GeneratedAnswer]
"""By task and doc_id."""


@dataclass(frozen=True, slots=True)
class ItemAnswers:
    """The answers of several systems to one item, by the name of the system."""

    item: Item
    language: str | None
    texts: Mapping[str, GeneratedAnswer]


def common_answers(runs: Sequence[Run], allow_partial: bool) -> tuple[list[ItemAnswers], list[str]]:
    """Read the answers to the items that all runs have answered.

    Returns:
        The answers, in the order of the first run, and notes on what is left out.

    Raises:
        ConfigError: The runs cannot be compared, or have no generated answers.
    """
    matched, notes = match_runs(runs, allow_partial, ignore_metrics=True)
    texts = [read_generated(run) for run in runs]
    found = [
        answers
        for part in matched
        for item in part.items
        if (answers := _answers(runs, texts, part, item)) is not None
    ]
    if not found:
        raise ConfigError(
            f"{' and '.join(run.name for run in runs)} hold no generated answers to judge; "
            "tasks of type generate_until have them, logged with --log_samples"
        )
    lost = sum(len(part.items) for part in matched) - len(found)
    if lost:
        notes.append(f"{lost} items without a generated answer in each run are not judged")
    if any(text.n_answers > 1 for answers in found for text in answers.texts.values()):
        notes.append("where a document has several answers, only the first is judged")
    return found, notes


def _answers(
    runs: Sequence[Run], texts: Sequence[_AnswersOfRun], part: MatchedTask, item: Item
) -> ItemAnswers | None:
    by_run = {}
    for run, answers, entries in zip(runs, texts, part.entries, strict=True):
        text = answers.get((part.task, entries[item.key].item.doc_id))
        if text is None:
            return None
        by_run[run.name] = text
    return ItemAnswers(item, part.language, by_run)


def make_pair(
    answers: ItemAnswers, baseline: str, candidate: str, *, against_opponent: bool = False
) -> AnswerPair:
    """Pair the answers of two systems to one item."""
    one, other = answers.texts[baseline], answers.texts[candidate]
    # If the prompts differ, the one that is shown must not depend on which system is the baseline.
    shown = answers.texts[min(baseline, candidate)]
    source = answers.item.doc.get("source")
    return AnswerPair(
        task=answers.item.task,
        language=answers.language,
        doc_id=answers.item.doc_id,
        item=answers.item.key,
        baseline=baseline,
        candidate=candidate,
        prompt=shown.prompt,
        answers=(one.answer, other.answer),
        reference=shown.target,
        source=source if isinstance(source, str) else "",
        against_opponent=against_opponent,
    )
