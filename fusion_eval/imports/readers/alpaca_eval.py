"""AlpacaEval's files: `model_outputs.json` and `annotations.json`.

Outputs have `instruction`, `output`, `generator`. Annotations have `instruction`, `output_1`, `output_2`, `generator_1`,
`generator_2`, `annotator` and `preference`: 1 is for the first output, 2 for the second, 1.5 for neither, and null is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.judges import Verdict, Verdicts
from fusion_eval.imports.pools import Imported, ImportedItem, SystemAnswer, user_prompt
from fusion_eval.imports.source import Source, required

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
    imported, verdicts = Imported(), Verdicts()
    texts: dict[str, dict[str, tuple[str, str]]] = {}
    for file in source.files:
        for where, row in file.records():
            instruction = required(row, "instruction", str, where)
            for generator, text in _outputs(row, where).items():
                first = texts.setdefault(instruction, {}).setdefault(generator, (text, where))
                if first[0] != text:
                    raise ConfigError(
                        f"{where}: {generator} has another output for '{instruction[:60]}' than in {first[1]}; keep one of "
                        "the two files"
                    )
            if "output_2" in row:
                first_name, second_name = _generators(row)
                verdict = Verdict(where, first_name, _win_rate(row, where))
                verdicts.add(str(row.get("annotator") or "annotator"), instruction, second_name, verdict)
    verdicts.add_opponents()
    task = imported.task("alpaca_eval", "en", dict.fromkeys(verdicts.metrics().values(), True))
    for instruction, own in texts.items():
        answers = {
            generator: SystemAnswer(text, verdicts.values(instruction, generator))
            for generator, (text, _) in own.items()
        }
        where = next(where for _, where in own.values())
        task.add(ImportedItem(instruction, user_prompt(instruction), where), answers)
    verdicts.note(imported)
    return imported


def _generators(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row.get("generator_1") or "baseline"), str(row.get("generator_2") or "model")


def _outputs(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the outputs of a row by their generators."""
    if "output_2" not in row:
        return {required(row, "generator", str, where): required(row, "output", str, where)}
    texts = (required(row, f"output_{number}", str, where) for number in (1, 2))
    return dict(zip(_generators(row), texts, strict=True))


def _win_rate(row: Mapping[str, Any], where: str) -> float | None:
    preference = row.get("preference")
    if preference is None:
        return None
    number = isinstance(preference, int | float) and not isinstance(preference, bool)
    if not number or not (preference == 0 or 1 <= preference <= 2):
        raise ConfigError(f"{where}: the preference {str(preference)[:40]!r} is no number from 1 to 2")
    # Some annotators write 0 for a draw.
    return 0.5 if preference == 0 else float(preference) - 1


reader = Reader(matches, read)
