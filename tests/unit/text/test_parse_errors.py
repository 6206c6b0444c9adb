"""Messages on broken files say in plain words what is wrong, and keep a parser's own words out."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from fusion_eval.text.parse_errors import why_unreadable


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """A value with a field of each kind that a message may be on."""

    number: int
    share: float | None = None
    names: list[str] = []
    kind: Literal["a", "b"] = "a"
    by_id: dict[int, float] = {}
    pair: tuple[int, str] = (1, "a")
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    parts: list[Part] = []


def why(content: bytes, kind: Any = Part) -> str:
    with pytest.raises((ValueError, RecursionError)) as error:
        msgspec.json.decode(content, type=kind)
    return why_unreadable(error.value, content)


def why_not_json(text: str) -> str:
    with pytest.raises((ValueError, RecursionError)) as error:
        json.loads(text)
    return why_unreadable(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"number": "x"}', "it has a text where a whole number belongs at `$.number`"),
        (b'{"number": 1.5}', "it has a number where a whole number belongs at `$.number`"),
        (b"[]", "it has a list where an object belongs"),
        (b'{"number": 1, "share": []}', "it has a list where a number or null belongs at `$.share`"),
        (b'{"number": 1, "names": [true]}', "it has true or false where a text belongs at `$.names[0]`"),
        (
            b'{"number": 1, "by_id": {"q": 1}}',
            "it has a text where a whole number belongs at a key of `$.by_id`",
        ),
        (b'{"number": 1, "pair": [1]}', "it should have a list of length 2 at `$.pair`"),
        (b'{"number": 1, "count": -1}', "it should have a whole number >= 0 at `$.count`"),
        (b"{}", "the field `number` is missing"),
        (b'{"number": 1, "parts": [{}]}', "the field `number` is missing at `$.parts[0]`"),
        (b'{"number": 1, "other": 1}', "it has the unknown field `other`"),
        (b'{"number": 1, "kind": "z"}', "it has the unknown value 'z' at `$.kind`"),
        (b'{"number": 1e999}', "it has a number that is too large at `$.number`"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_place(content: bytes, expected: str) -> None:
    assert why(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"number": 1', "it is cut off"),
        (b" ", "it is empty"),
        (b'{"number" 1}', "it is not JSON at column 11: a colon is missing"),
        (b'{"number": 1} x', "it is not JSON at column 15: more follows after its end"),
        (b'{"number": NaN}', "it is not JSON at column 12: no value begins like this"),
        (b'{\n "names": [],\n "number" 1}\n', "it is not JSON at line 3, column 11: a colon is missing"),
        ('{"ä": 1, "number" 1}'.encode(), "it is not JSON at column 19: a colon is missing"),
        (b'{"names": ["ab\xff"]}', "it is not UTF-8 at byte 14"),
    ],
)
def test_what_is_not_json_is_named_with_its_line_and_column(content: bytes, expected: str) -> None:
    kind = dict[str, Any] if content.startswith(b'{"\xc3') else Part
    assert why(content, kind) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": ,', "it is not JSON at column 7: a value is missing"),
        ('{"a":', "it is cut off"),
        ('{"a": [1,\n 2 \n', "it is cut off"),
        ("{a: 1}", "it is not JSON at column 2: the name of a field in double quotes is missing"),
        ('{"a":\n [1 2]}', "it is not JSON at line 2, column 5: a comma is missing"),
        ("{} x", "it is not JSON at column 4: more follows after its end"),
        ('"abc', "it is not JSON at column 1: a text begins and does not end"),
        ("", "it is empty"),
        ("[" * 100_000, "it is nested too deeply"),
        ("1" * 5000, "it has a number of too many digits"),
    ],
)
def test_the_errors_of_pythons_own_parser_have_the_same_words(text: str, expected: str) -> None:
    assert why_not_json(text) == expected


def test_an_error_that_is_no_parsers_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(OSError) as missing:
        (tmp_path / "none").read_bytes()
    assert why_unreadable(missing.value) == "No such file or directory"
    assert why_unreadable(ValueError("the columns have\n two lengths")) == "the columns have two lengths"
    assert why_unreadable(msgspec.ValidationError("a text of its own")) == "a text of its own"


def test_a_place_in_a_text_file_is_the_byte_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(UnicodeDecodeError) as error:
        (tmp_path / "latin").read_text(encoding="utf-8")
    assert why_unreadable(error.value) == "it is not UTF-8 at byte 3"


def test_without_the_content_a_place_is_the_column_that_the_parser_tells() -> None:
    with pytest.raises(msgspec.DecodeError) as error:
        msgspec.json.decode(b'{"number" 1}')
    assert why_unreadable(error.value) == "it is not JSON at column 11: a colon is missing"
    with pytest.raises(msgspec.DecodeError) as error:
        msgspec.json.decode(b'{"number": 1')
    assert why_unreadable(error.value) == "it is cut off"


def test_damaged_archives_have_plain_words() -> None:
    archive = gzip.compress(b"text" * 99)
    for content, expected in (
        (archive[:-9], "it is cut off"),
        (archive[:10] + b"\xff" * 30, "its compressed data are damaged"),
        (b"text", "it is not compressed by gzip"),
    ):
        with pytest.raises((OSError, EOFError, zlib.error)) as error:
            gzip.decompress(content)
        assert why_unreadable(error.value) == expected
