"""Find the reader of a source by its name or by the source's content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.imports.pools import Imported
from fusion_eval.imports.source import Source

GROUP = "fusion_eval.importers"
"""The entry points of readers."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of source.

    Args:
        matches: Whether a source is of this kind, by its first records.
        read: Reads the whole source.
    """

    matches: Callable[[Source], bool]
    read: Callable[[Source], Imported]


def reader_names() -> list[str]:
    """Return the names of all kinds, sorted."""
    return sorted(_points())


def find_reader(source: Source, name: str | None = None) -> tuple[str, Reader]:
    """Return the kind of a source and its reader.

    Args:
        source: The source.
        name: The kind as the user named it; None looks at the content.

    Raises:
        ConfigError: There is no such kind, or the content fits none of them, or several.
    """
    points = _points()
    known = ", ".join(sorted(points))
    if name is None and source.columns:
        name = "jsonl"
    if name is not None:
        if name not in points:
            raise ConfigError(f"There is no kind of source '{name}'.{nearest(name, points)} Known: {known}")
        return name, points[name].load()
    fitting = fitting_readers(source)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        kinds = " or ".join(kind for kind, _ in fitting)
        raise ConfigError(f"{source.name} may be {kinds}; name one with --from")
    fields = ", ".join(_first_record(source)) or "no fields"
    raise ConfigError(
        f"{source.name} is none of the known kinds ({known}): its first record has {fields}. Name its columns: "
        "--columns prompt=COLUMN,answer=COLUMN"
    )


def fitting_readers(source: Source) -> list[tuple[str, Reader]]:
    """Return the kinds whose readers take a source for theirs, by its content."""
    points = _points()
    return [(kind, reader) for kind in sorted(points) if (reader := points[kind].load()).matches(source)]


def _first_record(source: Source) -> list[str]:
    """Return the first fields of the first record.

    Raises:
        ConfigError: There is none, or it is no JSON object.
    """
    file = source.files[0]
    for _, record in file.records():
        return list(record)[:12]
    raise ConfigError(f"{file.path} is empty")


def _points() -> dict[str, EntryPoint]:
    ordered = sorted(entry_points(group=GROUP), key=lambda point: point.value.startswith("fusion_eval."))
    return {point.name: point for point in ordered}
