"""From runs to pairs of answers, matched by what the documents are, never by their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion_eval.compare.items import Item
from fusion_eval.compare.matching import MatchedTask, match_runs
from fusion_eval.errors import ConfigError
from fusion_eval.judging.verdicts import Pair
from fusion_eval.runs.answered import GeneratedAnswer, read_generated
from fusion_eval.runs.reading import Run

Texts = Mapping[tuple[str, int], GeneratedAnswer]


@dataclass(frozen=True, slots=True)
class Answers:
    """What several systems answered to the same documents: by item, a text per system."""

    item: Item
    language: str | None
    texts: Mapping[str, GeneratedAnswer]


def answers_of(runs: Sequence[Run], allow_partial: bool) -> tuple[list[Answers], list[str]]:
    """The documents that all runs have answered, in the baseline's order, and notes on what fell out.

    Raises `ConfigError` where the runs cannot be compared, or hold no texts.
    """
    matched, notes = match_runs(runs, allow_partial, ignore_metrics=True)
    texts = [read_generated(run) for run in runs]
    found = [
        answers
        for part in matched
        for place, item in enumerate(part.items)
        if (answers := _answers(runs, texts, part, item, place)) is not None
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
        notes.append("of several answers to one document the first is judged")
    return found, notes


def _answers(
    runs: Sequence[Run], texts: Sequence[Texts], part: MatchedTask, item: Item, place: int
) -> Answers | None:
    by_run = {}
    for run, known, entries in zip(runs, texts, part.entries, strict=True):
        text = known.get((part.task, entries[item.key].item.doc_id))
        if text is None:
            return None
        by_run[run.name] = text
    return Answers(item, part.language, by_run)


def pair_of(answers: Answers, baseline: str, candidate: str, *, against_opponent: bool = False) -> Pair:
    """Two systems' answers to one document."""
    one, other = answers.texts[baseline], answers.texts[candidate]
    # Where prompts differ, the one that is shown must not depend on which of the two is the baseline.
    asked = answers.texts[min(baseline, candidate)]
    source = answers.item.doc.get("source")
    return Pair(
        task=answers.item.task,
        language=answers.language,
        doc_id=answers.item.doc_id,
        item=answers.item.key,
        baseline=baseline,
        candidate=candidate,
        prompt=asked.prompt,
        answers=(one.answer, other.answer),
        reference=asked.target,
        source=source if isinstance(source, str) else "",
        against_opponent=against_opponent,
    )
