"""Say in plain words why a content cannot be read, for the errors that parsers of JSON, text and gzip raise."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable

import msgspec

_JSON_FAULTS = {
    "expecting value": "a value is missing",
    "expecting property name enclosed in double quotes": "the name of a field in double quotes is missing",
    "object keys must be strings": "the name of a field in double quotes is missing",
    "expecting ',' delimiter": "a comma is missing",
    "expected ',' or ']'": "a comma or the end of a list is missing",
    "expected ',' or '}'": "a comma or the end of an object is missing",
    "expecting ':' delimiter": "a colon is missing",
    "expected ':'": "a colon is missing",
    "expected '\"'": "a quotation mark is missing",
    "extra data": "more follows after its end",
    "trailing characters": "more follows after its end",
    "trailing comma in array": "a list ends with a comma",
    "trailing comma in object": "an object ends with a comma",
    "invalid character": "no value begins like this",
    "invalid number": "this is no number",
    "invalid control character at": "a text holds a line break or another control character",
    "invalid \\escape": "no character is written like this after a backslash",
    "invalid escaped character": "no character is written like this after a backslash",
    "unterminated string starting at": "a text begins and does not end",
}
"""What is wrong, by the words of `json` and of msgspec in small letters."""
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_MALFORMED = re.compile(r"JSON is malformed: (?P<fault>.*) \(byte (?P<byte>\d+)\)", re.DOTALL)
_PLACE = r"(?: - at (?P<place>`.*`))?"
_INVALID: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern + _PLACE, re.DOTALL), clause)
    for pattern, clause in (
        (
            r"Expected `(?P<expected>[^`]*)`, got `(?P<actual>[^`]*)`",
            lambda found: f"it has {_typed(found['actual'])} where {_typed(found['expected'])} belongs",
        ),
        (
            r"Expected `(?P<expected>[^`]*)`(?P<limit> .*?|)",
            lambda found: f"it should have {_typed(found['expected'])}{found['limit']}",
        ),
        (
            r"Object missing required field (?P<field>`[^`]*`)",
            lambda found: f"the field {found['field']} is missing",
        ),
        (
            r"Object contains unknown field (?P<field>`.*?`)",
            lambda found: f"it has the unknown field {found['field']}",
        ),
        (r"Invalid (?:enum )?value (?P<value>.*?)", lambda found: f"it has the unknown value {found['value']}"),
        (r"(?:Number|Integer value) out of range", lambda _: "it has a number that is too large"),
    )
)  # fmt: skip
"""The forms of msgspec's messages on values of another type, each with its clause. The place is added to each."""


def why_unreadable(error: Exception, content: bytes | None = None) -> str:
    """Return why a content cannot be read, as a clause that follows a colon: "it is cut off".

    The words of an error that is not a parser's are returned as they are.

    Args:
        error: What the parser raised.
        content: What was parsed, if it is known. It gives the line and the column where the error does not know them.
    """
    if isinstance(error, json.JSONDecodeError):
        content = error.doc.encode(errors="replace")
    if content is not None and not content.strip():
        return "it is empty"
    match error:
        case UnicodeDecodeError():
            return f"it is not UTF-8 at byte {_first_wrong_byte(content) if content else error.start}"
        case json.JSONDecodeError() if error.pos >= len(error.doc.rstrip()):
            return "it is cut off"
        case json.JSONDecodeError():
            return _not_json(error.msg, content or b"", error.lineno, error.colno)
        case RecursionError():
            return "it is nested too deeply"
        case msgspec.ValidationError():
            return _invalid(str(error))
        case msgspec.DecodeError():
            return _malformed(str(error), content or b"")
        case ValueError() if "integer string conversion" in str(error):
            return "it has a number of too many digits"
        case EOFError():
            return "it is cut off"
        case zlib.error():
            return "its compressed data are damaged"
        case gzip.BadGzipFile() if "Not a gzipped file" in str(error):
            return "it is not compressed by gzip"
        case OSError() if error.strerror:
            return error.strerror
    return " ".join(str(error).split())


def _first_wrong_byte(content: bytes) -> int:
    """Return the place of the first byte that is not UTF-8. msgspec counts from the beginning of a text in the JSON."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _malformed(message: str, content: bytes) -> str:
    if message == "Input data was truncated":
        return "it is cut off"
    if message == "Invalid UTF-8 encoded string":  # before msgspec 0.23 it was a UnicodeDecodeError
        return f"it is not UTF-8 at byte {_first_wrong_byte(content)}" if content else "it is not UTF-8"
    found = _MALFORMED.fullmatch(message)
    if found is None:
        return message
    byte = int(found["byte"]) - (found["fault"] == "trailing characters")  # there msgspec is one byte further
    before = content[:byte].decode(errors="replace")
    column = len(before) - before.rfind("\n") if content else byte + 1
    return _not_json(found["fault"], content, before.count("\n") + 1, column)


def _not_json(fault: str, content: bytes, line: int, column: int) -> str:
    fault = _JSON_FAULTS.get(fault.lower(), fault.lower())
    in_line = f"line {line}, " if b"\n" in content.rstrip() else ""
    return f"it is not JSON at {in_line}column {column}: {fault}"


def _invalid(message: str) -> str:
    for pattern, clause in _INVALID:
        if found := pattern.fullmatch(message):
            place = f" at {found['place']}" if found["place"] else ""
            return clause(found) + place.replace("`key` in", "a key of")
    return message


def _typed(names: str) -> str:
    return " or ".join(_TYPES.get(name, f"a value of type {name}") for name in names.split(" | "))
