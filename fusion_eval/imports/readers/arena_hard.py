"""Arena-Hard's files: `question.jsonl`, `model_answer/*.jsonl` and `model_judgment/*/*.jsonl`, of versions 0.1 and 2.0.

Questions have `question_id` (or `uid`) and `turns` (or `prompt`). Answers have `choices[0].turns[0].content` (or `messages`) and
`model_id` (or `model`). Judgements have `model`, `judge`, `baseline` (2.0) and two `games` with a `score` such as `A>>B`: in the
first game A is the baseline, in the second the model. A judge whose verdict cannot be read leaves a null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.judges import Verdict, Verdicts
from fusion_eval.imports.pools import (
    Imported,
    ImportedItem,
    SystemAnswer,
    check_same_item,
    user_prompt,
)
from fusion_eval.imports.source import Source

_FOR_A = {"A>>B": 1.0, "A>B": 1.0, "A=B": 0.5, "B>A": 0.0, "B>>A": 0.0}
_FOR_A |= {"B<<A": 1.0, "B<A": 1.0, "B=A": 0.5, "A<B": 0.0, "A<<B": 0.0}


def matches(source: Source) -> bool:
    """Return whether a file holds answers or judgements."""
    heads = [file.first() for file in source.files]
    return any(
        _id(head) and (_answer(head) is not None or isinstance(head.get("games"), list)) for head in heads
    )


def read(source: Source) -> Imported:
    """Read all files: a run for each model, with its win rate against the baseline where there are judgements."""
    imported, verdicts = Imported(), Verdicts()
    questions, items = set[str](), dict[str, ImportedItem]()
    answers: dict[tuple[str, str], tuple[str, str]] = {}
    without_text: list[str] = []
    for file in source.files:
        for where, row in file.records():
            key, model = _id(row), str(row.get("model_id") or row.get("model") or "")
            if not key:
                raise ConfigError(f"{where}: there is no question_id and no uid")
            if (question := _question(row)) is not None:
                questions.add(key)
                _remember(items, ImportedItem(key, user_prompt(question), where))
            elif isinstance(row.get("games"), list):
                verdict = Verdict(where, str(row.get("baseline") or ""), _win_rate(row["games"], where))
                verdicts.add(str(row.get("judge") or "judge"), key, model, verdict)
            elif (text := _answer(row)) is not None:
                _remember(items, ImportedItem(key, user_prompt(_repeated_prompt(row)), where))
                first = answers.setdefault((key, model), (where, text))
                if first[1] != text:
                    raise ConfigError(
                        f"{where}: {model} has another answer to '{key}' than in {first[0]}; keep one of the two files"
                    )
            elif "choices" in row or "messages" in row:
                without_text.append(where)
    task = imported.task("arena_hard", "en", dict.fromkeys(verdicts.metrics().values(), True))
    for (key, model), judged in {**dict.fromkeys(answers, ""), **verdicts.answers()}.items():
        where, text = answers.get((key, model), (judged, ""))
        if questions and key not in questions:
            raise ConfigError(f"{where}: the answer is to question '{key}', which is not among the questions")
        prompt = items[key].prompt if key in items else user_prompt("")
        answer = SystemAnswer(text, verdicts.values(key, model))
        task.merge(ImportedItem(key, prompt, where), {model: answer})
    if without_text:
        imported.notes.append(
            f"answers without a text, which are left out: {len(without_text):,}, the first in {without_text[0]}"
        )
    verdicts.note(imported)
    return imported


def _remember(items: dict[str, ImportedItem], item: ImportedItem) -> None:
    """Keep an item's prompt.

    Raises:
        ConfigError: The item has another prompt already.
    """
    known = items.setdefault(item.key, item)
    check_same_item(item, known)
    if not known.prompt[0].content:
        items[item.key] = item


def _id(row: Mapping[str, Any]) -> str:
    """Return the id of a question, which may be the number 0; empty if there is none."""
    ids = (row.get("question_id"), row.get("uid"))
    return next((str(one) for one in ids if one not in (None, "")), "")


def _question(row: Mapping[str, Any]) -> str | None:
    """Return the prompt of a question; None for other records."""
    match row:
        case {"games": _} | {"choices": _} | {"messages": _}:
            return None
        case {"turns": [{"content": str() as text}, *_]} | {"prompt": str() as text}:
            return text
    return None


def _answer(row: Mapping[str, Any]) -> str | None:
    """Return the text of an answer; None for other records. Version 2.0 writes `content: {"answer": …}`."""
    match row:
        case {"choices": [{"turns": [{"content": str() as text}, *_]}, *_]}:
            return text
        case {"messages": [*_, {"role": "assistant", "content": {"answer": str() as text}}]}:
            return text
        case {"messages": [*_, {"role": "assistant", "content": str() as text}]}:
            return text
    return None


def _repeated_prompt(row: Mapping[str, Any]) -> str:
    """Return the prompt that an answer repeats; empty if it repeats none."""
    match row:
        case {"messages": [{"role": "user", "content": str() as text}, *_]}:
            return text
    return ""


def _win_rate(games: Sequence[Any], where: str) -> float | None:
    """Return the model's win rate over the games; None unless each has a verdict, as Arena-Hard counts."""
    wins = []
    for number, game in enumerate(games):
        score = game.get("score") if isinstance(game, dict) else None
        if score is None:
            return None
        if not isinstance(score, str) or score not in _FOR_A:
            raise ConfigError(f"{where}: the score {str(score)[:40]!r} is none of {', '.join(_FOR_A)}")
        wins.append(_FOR_A[score] if number % 2 else 1 - _FOR_A[score])
    return sum(wins) / len(wins) if wins else None


reader = Reader(matches, read)
