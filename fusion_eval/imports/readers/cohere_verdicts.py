"""The verdicts that CohereLabs released with the FusioN paper: `fusion-pairwise-evals-test-time-scaling` and `-finetuned`.

A row has `question_id`, `prompt`, `language_code`, `judge_model_name`, and for each system (`BoN`, `Fusion`) the verdict against the
opponent: `win`, `loss` or `tie`. The answers stand in `bon_completion`, `fusion_completion` and `gemini_2_5_pro_completion` (or
`…_flash_…`), the opponent's. Question ids are the same across languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, SystemAnswer, messages_of
from fusion_eval.imports.source import Source, required

METRIC = "win_rate"
VERDICTS = {"win": 1.0, "tie": 0.5, "loss": 0.0}
"""A win counts 1 and a tie one half, as in the paper's win rates."""
_NOT_SYSTEMS = ("question_id", "prompt", "language_code", "judge_model_name")


def matches(source: Source) -> bool:
    """Return whether the rows have a judge and verdicts."""
    first = source.files[0].first()
    return "judge_model_name" in first and "question_id" in first and bool(_systems(first))


def read(source: Source) -> Imported:
    """Read all rows: a task for each language (and judge, if there are several), a run for each system."""
    imported = Imported()
    rows = [(where, row) for file in source.files for where, row in file.records()]
    judges = sorted({str(row.get("judge_model_name")) for _, row in rows})
    systems = _systems(rows[0][1]) if rows else []
    for where, row in rows:
        language, judge = required(row, "language_code", str, where), str(row.get("judge_model_name"))
        name = f"{source.stem}_{language}" + (f"_{judge}" if len(judges) > 1 else "")
        task = imported.task(name, language, {METRIC: True})
        answers = {
            system: SystemAnswer(_completion(row, system), {METRIC: _value(row, system, where)})
            for system in systems
        }
        fields = {"judge": judge, "opponent": _opponent(row, systems)}
        key, prompt = (
            str(required(row, "question_id", (str, int), where)),
            messages_of(row.get("prompt"), where),
        )
        task.add(ImportedItem(key, prompt, where, fields=fields), answers)
    imported.notes.append(
        f"win_rate is the rate against the opponent, as {', '.join(judges)} judged; a tie is one half"
    )
    return imported


def _systems(row: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, value in row.items()
        if name not in _NOT_SYSTEMS and isinstance(value, str) and value.lower() in VERDICTS
    ]


def _value(row: Mapping[str, Any], system: str, where: str) -> float:
    verdict = required(row, system, str, where).lower()
    if verdict not in VERDICTS:
        raise ConfigError(
            f"{where}: the verdict of {system} is '{verdict[:40]}'.{nearest(verdict, VERDICTS)} It is win, tie or loss"
        )
    return VERDICTS[verdict]


def _completion(row: Mapping[str, Any], system: str) -> str:
    return str(row.get(f"{system.lower()}_completion") or "")


def _opponent(row: Mapping[str, Any], systems: Sequence[str]) -> dict[str, str]:
    """Return the opponent's answer by its name; empty if the row has none."""
    own = {f"{system.lower()}_completion" for system in systems}
    others = {name: text for name, text in row.items() if name.endswith("_completion") and name not in own}
    return {name.removesuffix("_completion"): str(text) for name, text in others.items()}


reader = Reader(matches, read)
