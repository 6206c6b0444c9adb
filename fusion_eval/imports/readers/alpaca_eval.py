"""AlpacaEval's files: `model_outputs.json` and `annotations.json`.

Outputs have `instruction`, `output`, `generator`. Annotations have `instruction`, `output_1`, `output_2`, `generator_1`,
`generator_2`, `annotator` and `preference`: 1 is for the first output, 2 for the second, 1.5 for neither, and null is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, SystemAnswer, user_prompt
from fusion_eval.imports.source import Source, required

METRIC = "win_rate"
_OUTPUT, _ANNOTATION = (
    {"instruction", "output", "generator"},
    {"instruction", "output_1", "output_2", "preference"},
)


def matches(source: Source) -> bool:
    """Return whether the records are outputs or annotations."""
    first = source.files[0].first().keys()
    return first >= _OUTPUT or first >= _ANNOTATION


def read(source: Source) -> Imported:
    """Read all files: a run for each generator. The baseline's win rate against itself is one half."""
    imported = Imported()
    task = imported.task("alpaca_eval", "en")
    answers: dict[str, dict[str, SystemAnswer]] = {}
    places: dict[str, str] = {}
    for file in source.files:
        for where, row in file.records():
            instruction = required(row, "instruction", str, where)
            places.setdefault(instruction, where)
            own = answers.setdefault(instruction, {})
            if "output_2" in row:
                task.metrics[METRIC] = True
                for generator, answer in _annotated(row, where).items():
                    if not (generator in own and own[generator].values):
                        own[generator] = answer
            else:
                output, generator = (required(row, name, str, where) for name in ("output", "generator"))
                own.setdefault(generator, SystemAnswer(output))
    for instruction, own in answers.items():
        task.add(ImportedItem(instruction, user_prompt(instruction), places[instruction]), own)
    return imported


def _annotated(row: Mapping[str, Any], where: str) -> dict[str, SystemAnswer]:
    preference, values = row.get("preference"), {}
    if preference is not None:
        number = isinstance(preference, int | float) and not isinstance(preference, bool)
        if not number or not (preference == 0 or 1 <= preference <= 2):
            raise ConfigError(f"{where}: the preference {str(preference)[:40]!r} is no number from 1 to 2")
        # Some annotators write 0 for a draw.
        values = {METRIC: 0.5 if preference == 0 else float(preference) - 1}
    first, second = (required(row, f"output_{number}", str, where) for number in (1, 2))
    return {
        str(row.get("generator_1") or "baseline"): SystemAnswer(first, {METRIC: 0.5}),
        str(row.get("generator_2") or "model"): SystemAnswer(second, values),
    }


reader = Reader(matches, read)
