"""Filters that look at one row alone. Each says why it drops a row, and the row is kept among the failures."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.synth.prompts import prompt_text
from fusion_eval.synth.rows import Row
from fusion_eval.text.specs import Spec, parse_spec, split_list

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+")
"""A word; of Chinese and Japanese, which do not separate words, a character."""
_COPIED_RUN = 5
"""Words in a row that count as copied."""


class RowFilter(Protocol):
    """Looks at one row alone, so that both engines can run it anywhere."""

    name: ClassVar[str]

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        ...


@dataclass(frozen=True, slots=True)
class WrongLanguage:
    """Drops an answer in another language than its prompt's, where that is known and one of the 11."""

    name: ClassVar[str] = "language"

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        from fusion_eval.answers.open_ended import LANGUAGES, identify_language
        from fusion_eval.text.language import language_of

        expected = language_of("", {"language": row.language}) if row.language else None
        if expected not in LANGUAGES:
            return None
        written = identify_language(row.completion)
        return None if written in (expected, None) else f"written in {written}, not in {expected}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Drops an answer that opens as a refusal in one of the 11 languages."""

    name: ClassVar[str] = "refusal"

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        from fusion_eval.strategies.refusal import is_refusal

        return "it opens as a refusal" if is_refusal(row.completion, ()) else None


@dataclass(frozen=True, slots=True)
class Length:
    """Drops an answer that a limit of tokens cut off, or that is too short or too long.

    Args:
        least: The fewest characters.
        most: The most characters; None is no limit.
    """

    name: ClassVar[str] = "length"
    least: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"most={self.most} is less than least={self.least}, so no answer would stay")

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        if row.finish_reason == "length":
            return "cut off by max_tokens"
        size = len(row.completion.strip())
        if size < self.least:
            return f"{size} characters, fewer than {self.least}"
        if self.most is not None and size > self.most:
            return f"{size} characters, more than {self.most}"
        return None


@dataclass(frozen=True, slots=True)
class LowScore:
    """Drops an answer whose score is below `least`, and one that has no score.

    A fused text has no score of its own; the best score of its pool counts.
    """

    name: ClassVar[str] = "score"
    least: float = 0.0

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        score = row.score
        if score is None:
            known = [one.score for one in row.candidates if one.score is not None]
            score = max(known) if known else None
        if score is None:
            return f"no score to compare with {self.least:g}"
        return f"score {score:g} is below {self.least:g}" if score < self.least else None


@dataclass(frozen=True, slots=True)
class Copy:
    """Drops an answer that repeats its prompt: at least `share` of its runs of five words stand there."""

    name: ClassVar[str] = "copy"
    share: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError("share should be above 0 and at most 1")

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        answer, prompt = words(row.completion), words(prompt_text(row.prompt))
        size = min(_COPIED_RUN, len(answer))
        if not size or (size < _COPIED_RUN and answer != prompt):
            return None
        runs, asked = runs_of(answer, size), set(runs_of(prompt, size))
        copied = sum(run in asked for run in runs) / len(runs)
        return f"{copied:.0%} of it stands in the prompt" if copied >= self.share else None


FILTERS: dict[str, type[RowFilter]] = {
    one.name: one for one in (WrongLanguage, Refusal, Length, LowScore, Copy)
}
DUPLICATES = "duplicates"
"""The filter that compares rows with each other; see `duplicates`."""
_WHOLE = {("length", "least"), ("length", "most")}
"""The options that are whole numbers; the others are numbers."""


def read_filters(text: str) -> tuple[str, ...]:
    """Return the filters of a list such as `language,length(most=4000)`, checked and in the order in which they run.

    Raises:
        ConfigError: A name or an option is unknown, or stands twice.
    """
    specs = [part for part in split_list(text) if part]
    names = [parse_spec(part).name for part in specs]
    for part, name in zip(specs, names, strict=True):
        if names.count(name) > 1:
            raise ConfigError(f"--filters names {name} more than once; keep one")
        make_filter(part)
    return tuple(specs)


def make_filter(text: str) -> object:
    """Return the filter that a text names, with its options."""
    from fusion_eval.synth.duplicates import NearDuplicates

    spec = parse_spec(text)
    known: dict[str, type] = {**FILTERS, DUPLICATES: NearDuplicates}
    if spec.name not in known:
        raise ConfigError(
            f"There is no filter '{spec.name}'.{nearest(spec.name, known)} Known: {', '.join(known)}"
        )
    options = {name: _number(spec, name, value) for name, value in spec.options}
    kind = known[spec.name]
    taken = [option.name for option in dataclasses.fields(kind) if option.init]
    for name in options:
        if name not in taken:
            has = f"It has {', '.join(taken)}" if taken else f"It has none; write {spec.name}"
            raise ConfigError(f"The filter {spec.name} has no option '{name}'.{nearest(name, taken)} {has}")
    try:
        return kind(**options)
    except ValueError as error:
        raise ConfigError(f"The filter {spec.name} cannot be made: {error}") from error


def row_filters(specs: Sequence[str]) -> tuple[RowFilter, ...]:
    """Return those of the filters that look at one row alone."""
    made = [make_filter(text) for text in specs if parse_spec(text).name in FILTERS]
    return tuple(cast(RowFilter, one) for one in made)


def first_objection(filters: Sequence[RowFilter], row: Row) -> tuple[str, str] | None:
    """Return the name of the first filter that drops the row, and why; None if all keep it."""
    for one in filters:
        if reason := one.objection(row):
            return one.name, reason
    return None


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return _WORD.findall(text.lower())


def runs_of(parts: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return all runs of `size` words."""
    return [tuple(parts[start : start + size]) for start in range(len(parts) - size + 1)]


def _number(spec: Spec, name: str, value: object) -> float | int:
    text = value.name if isinstance(value, Spec) and not value.options else str(getattr(value, "text", ""))
    kind: type[int] | type[float] = int if (spec.name, name) in _WHOLE else float
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"The filter {spec.name}({name}={text}): {name} should be a number") from None
