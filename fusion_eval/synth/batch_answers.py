"""Read the results of an OpenAI batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.text.parse_errors import why_unreadable


class _Response(msgspec.Struct):
    status_code: int = 0
    body: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: Any = None


@dataclass(slots=True)
class Answers:
    """The replies of a batch, by the request's id. The file stays on disk; memory holds a place for each line.

    Raises:
        ConfigError: The file cannot be read, or a line is no reply.
    """

    path: Path
    places: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    """Requests that the batch did not answer."""
    used: int = 0

    def __post_init__(self) -> None:
        try:
            with self.path.open("rb") as file:
                self._index(file)
        except OSError as error:
            raise ConfigError(f"--batch_in {self.path} cannot be read: {error.strerror}") from error

    def _index(self, file: BinaryIO) -> None:
        place = 0
        for number, line in enumerate(file, start=1):
            if line.strip():
                reply = self._decode(line, number)
                if reply.error is None and reply.response is not None and reply.response.status_code == 200:
                    self.places[reply.custom_id] = place
                else:
                    self.failed += 1
            place += len(line)

    def _decode(self, line: bytes, number: int) -> _Line:
        try:
            return msgspec.json.decode(line, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(
                f"--batch_in {self.path}, line {number} is no reply of a batch: {why_unreadable(error, line)}"
            ) from error

    def body(self, custom_id: str) -> bytes | None:
        """Return the body of the reply to a request; None if there is none."""
        place = self.places.get(custom_id)
        if place is None:
            return None
        with self.path.open("rb") as file:
            file.seek(place)
            response = self._decode(file.readline(), 0).response
        self.used += 1
        return bytes(response.body) if response else None
