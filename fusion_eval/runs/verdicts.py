"""Write and read `verdicts.jsonl`: one line for each judge and pair of answers, with the judge's replies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.runs.records import read_records
from fusion_eval.runs.writing import whole_file
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.types import from_json, to_json

FILE_NAME = "verdicts.jsonl"
ShownFirst = Literal["baseline", "candidate"]
VerdictLabel = Literal["win", "tie", "loss", "invalid"]
HUMAN_SCORES: Mapping[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}
"""The candidate's score for each verdict of a human."""
PAIR_FIELDS = ("task", "doc_id", "baseline", "candidate")
"""The fields of a line that say which pair it is on."""
HUMAN_FORM = 'lines look like {"task": …, "doc_id": …, "baseline": …, "candidate": …, "verdict": "win"}'


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's reply to one pair in one order. `score` is 1 if the candidate is better, 0 if it is worse.

    `score` and `mark` are None if the reply cannot be read.
    """

    first: ShownFirst
    verdict: VerdictLabel
    reply: str
    score: float | None = None
    mark: str | None = None
    repeat: int = 0
    asked: int = 1
    """How many times the judge was asked. An unreadable reply is asked for once more."""
    error: str | None = None
    """Why the call failed. None if there is a reply."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars for all times that the judge was asked. None without a known price."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of `verdicts.jsonl`: the verdict of one judge, or of a panel, on one pair.

    A panel is named `a|b|c` and has no `orders` of its own. `orders` has one judgement for each order and repeat.
    """

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    judge: str
    verdict: VerdictLabel
    score: float | None
    """From 0 (the candidate is worse) to 1 (it is better). None if the verdict is invalid."""
    orders: tuple[Judgement, ...] = ()
    against_opponent: bool = False


def write_verdicts(verdicts: Iterable[Verdict], folder: Path) -> Path:
    """Write `verdicts.jsonl` to a folder, and return its path.

    Raises:
        ConfigError: The file cannot be written.
    """
    path = folder / FILE_NAME
    with whole_file(path) as partial, partial.open("wb") as file:
        for verdict in verdicts:
            file.write(to_json(verdict) + b"\n")
    return path


def read_verdicts(path: Path) -> list[Verdict]:
    """Read a file that `write_verdicts` wrote.

    Raises:
        ConfigError: A line is no verdict. The message names the line.
    """
    verdicts = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            verdicts.append(from_json(line, Verdict))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path.name}, line {number} is no verdict: {why_unreadable(error, line)}"
            ) from error
    return verdicts


def read_human_verdicts(path: Path) -> Iterator[tuple[str, Mapping[str, Any], float]]:
    """Yield the lines of a file of human verdicts: where each stands, its fields, and the candidate's score.

    Such a line needs a verdict and one of the fields that say which pair it is on.

    Raises:
        ConfigError: A line is no verdict of a human. The message names the line.
    """
    for where, line in read_records(path):
        if not isinstance(line, dict) or not set(PAIR_FIELDS) & line.keys():
            raise ConfigError(f"{path}, {where} is not a human verdict; {HUMAN_FORM}")
        verdict = line.get("verdict")
        if not isinstance(verdict, str) or verdict not in HUMAN_SCORES:
            raise ConfigError(
                f"{path}, {where}: verdict '{verdict}' is none of win, tie, loss (of the candidate)."
                f"{nearest(str(verdict), HUMAN_SCORES)}"
            )
        yield where, line, HUMAN_SCORES[verdict]
