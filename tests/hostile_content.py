"""Damage the content of files as a stranger, a full disk or an attacker would."""

from __future__ import annotations

import copy
import gzip
import json
from random import Random
from typing import Any

_HOLE = "\x00hole\x00"
_FRAGMENTS = (
    *("null", "true", "false", "0", "-1", "1", "2", "-0.0", "0.5", "1e308", "-1e308", "5e-324", "1e400"),
    *("NaN", "Infinity", "-Infinity", "2147483648", "9" * 20, "9" * 400, "-" + "9" * 5_000, "1" * 40 + ".5"),
    *('""', '"a"', '"\\ud800"', '"\\u0000"', '"\\udfff\\ud800"', '"::error::##[x]\\u202e"', '"0.5"', '"NaN"'),
    *('"../../x"', '"/dev/zero"', '"none"', '"all"', '"2026-01-02T03-04-05"', json.dumps("x" * 50_000)),
    *(
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[1,2,3]",
        '["a","b"]',
        "[NaN,1e308]",
        '{"":{}}',
        '{"a":1,"a":2}',
        "[0,0,0,0]",
    ),
    *("[" * 200 + "]" * 200, "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[" * 100_000),
    *("{", '"', "'a'", "undefined", "01", "+1", ".5", "\ufeff1", "[1,]"),
)
"""JSON values, and text that is almost JSON, as it stands in a file."""
_BYTES = (b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n\n", b"{", b"PK\x03\x04")


def damaged(luck: Random, name: str, content: bytes) -> bytes:
    """Return the content of a file with one or two values replaced, moved, added or removed, or with damaged bytes."""
    if name.endswith(".gz"):
        changed = gzip.compress(damaged(luck, name.removesuffix(".gz"), gzip.decompress(content)), 1)
        return _damaged_bytes(luck, changed) if luck.random() < 0.1 else changed
    if luck.random() < 0.1 or not name.endswith((".json", ".jsonl")):
        return _damaged_bytes(luck, content)
    lines = content.decode().splitlines() if name.endswith(".jsonl") else [content.decode()]
    for _ in range(luck.randint(1, 2)):
        place = luck.randrange(len(lines))
        try:
            value = json.loads(lines[place])
        except (ValueError, RecursionError):  # an earlier change made it unreadable
            break
        lines[place] = _changed_json(luck, value)
    return "\n".join(lines).encode(errors="surrogatepass") + b"\n"


def _damaged_bytes(luck: Random, content: bytes) -> bytes:
    place = luck.randint(0, len(content))
    inserted = luck.choice([*_BYTES, luck.randbytes(luck.randint(1, 20))])
    kind = luck.choice(["cut", "cut", "insert", "replace", "repeat", "only"])
    if kind == "cut":
        return content[:place]
    if kind == "insert":
        return content[:place] + inserted + content[place:]
    if kind == "replace":
        return content[:place] + inserted + content[place + max(1, len(inserted)) :]
    return content[:place] + content if kind == "repeat" else inserted


def _changed_json(luck: Random, value: Any) -> str:
    """Return a JSON value as text, with one change at any depth."""
    spots = _spots(value)
    if not spots or luck.random() < 0.05:
        return _fragment(luck)
    container, key = luck.choice(spots)
    kind = luck.choice(["fragment", "fragment", "fragment", "other value", "remove", "add", "rename"])
    if kind == "other value":
        other_container, other_key = luck.choice(spots)
        container[key] = copy.deepcopy(other_container[other_key])
    elif kind == "remove":
        del container[key]
    elif kind == "add" and isinstance(container, list):
        container.insert(key, container[key])
    elif kind == "add":
        container["unknown"] = _HOLE
    elif kind == "rename" and isinstance(container, dict):
        container[luck.choice(["", "a", "\u202e", str(luck.choice(spots)[1])])] = container.pop(key)
    else:
        container[key] = _HOLE
    return json.dumps(value).replace(json.dumps(_HOLE), _fragment(luck))


def _fragment(luck: Random) -> str:
    return luck.choice(_FRAGMENTS) if luck.random() < 0.7 else json.dumps(_any_json(luck, depth=3))


def _any_json(luck: Random, depth: int) -> Any:
    kind = luck.randrange(8 if depth else 5)
    if kind > 4:
        items = [_any_json(luck, depth - 1) for _ in range(luck.randint(0, 3))]
        return (
            items
            if kind == 5
            else {luck.choice(["", "a", "id", "é"]) + str(n): one for n, one in enumerate(items)}
        )
    text = "".join(
        chr(luck.choice([luck.randrange(128), luck.randrange(0x110000)])) for _ in range(luck.randint(0, 5))
    )
    number = luck.choice([1, -1]) * luck.getrandbits(luck.choice([1, 8, 64, 2_000]))
    return [None, luck.random() < 0.5, number, luck.gauss(0, 1) * 10.0 ** luck.randint(-300, 300), text][kind]


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a value that can be replaced, as a container and a key."""
    spots = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict | list):
            keys = list(container) if isinstance(container, dict) else range(len(container))
            spots += [(container, key) for key in keys]
            waiting += [container[key] for key in keys]
    return spots
