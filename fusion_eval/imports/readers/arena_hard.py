"""Arena-Hard's files: `question.jsonl`, `model_answer/*.jsonl` and `model_judgment/*/*.jsonl`, of versions 0.1 and 2.0.

Questions have `question_id` (or `uid`) and `turns` (or `prompt`). Answers have `choices[0].turns[0].content` (or `messages`) and
`model_id` (or `model`). Judgements have `model`, `judge` and two `games` with a `score` such as `A>>B`: in the first game A is the
baseline, in the second the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, ImportedTask, SystemAnswer, user_prompt
from fusion_eval.imports.source import Source

METRIC = "win_rate"
_FOR_A = {"A>>B": 1.0, "A>B": 1.0, "A=B": 0.5, "B>A": 0.0, "B>>A": 0.0}


def matches(source: Source) -> bool:
    """Return whether a file holds answers or judgements."""
    heads = [file.first() for file in source.files]
    return any(
        _id(head) and (_answer(head) is not None or isinstance(head.get("games"), list)) for head in heads
    )


def read(source: Source) -> Imported:
    """Read all files: a run for each model, with its win rate against the baseline where there are judgements."""
    imported = Imported()
    task = imported.task("arena_hard", "en")
    records = [(where, row) for file in source.files for where, row in file.records()]
    prompts = {_id(row): prompt for _, row in records if (prompt := _prompt(row)) is not None}
    asked: dict[str, str] = {}
    answers: dict[tuple[str, str], tuple[str, str]] = {}
    values: dict[tuple[str, str], tuple[str, dict[str, float]]] = {}
    for where, row in records:
        key, model = _id(row), str(row.get("model_id") or row.get("model") or "")
        text = _answer(row)
        if not key:
            raise ConfigError(f"{where}: there is no question_id and no uid")
        if text is not None:
            answers[key, model] = where, text
            asked.setdefault(key, _asked(row))
        elif isinstance(row.get("games"), list):
            values[key, model] = where, _values(row["games"], where)
            task.metrics[METRIC] = True
    for key, model in dict.fromkeys((*answers, *values)):
        where, text = answers.get((key, model), ("", ""))
        judged_at, own = values.get((key, model), (where, {}))
        where = where or judged_at
        if prompts and key not in prompts:
            raise ConfigError(f"{where}: the answer is to question '{key}', which is not among the questions")
        _add(task, key, prompts.get(key) or asked.get(key, ""), where, {model: SystemAnswer(text, own)})
    return imported


def _add(task: ImportedTask, key: str, prompt: str, where: str, answers: Mapping[str, SystemAnswer]) -> None:
    task.merge(ImportedItem(key, user_prompt(prompt), where), answers)


def _id(row: Mapping[str, Any]) -> str:
    return str(row.get("question_id") or row.get("uid") or "")


def _prompt(row: Mapping[str, Any]) -> str | None:
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


def _asked(row: Mapping[str, Any]) -> str:
    """Return the prompt that an answer repeats; empty if it repeats none."""
    match row:
        case {"messages": [{"role": "user", "content": str() as text}, *_]}:
            return text
    return ""


def _values(games: list[Any], where: str) -> dict[str, float]:
    """Return the model's win rate over both games; nothing without a verdict."""
    wins = []
    for number, game in enumerate(games):
        score = game.get("score") if isinstance(game, dict) else None
        if score is None:
            continue
        if not isinstance(score, str) or score not in _FOR_A:
            raise ConfigError(f"{where}: the score {str(score)[:40]!r} is none of {', '.join(_FOR_A)}")
        wins.append(_FOR_A[score] if number % 2 else 1 - _FOR_A[score])
    return {METRIC: sum(wins) / len(wins)} if wins else {}


reader = Reader(matches, read)
