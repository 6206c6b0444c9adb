"""The text form of strategies and scorers: `fusion`, `bon(scorer=chrf)`, `bon(scorer=judge(temperature=0.5))`.

    spec   = name [ ":" word ] [ "(" option { "," option } ")" ]
    option = key "=" value
    value  = word | quoted text | spec

This module knows the grammar; which names and options exist is known where strategies are loaded.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from fusion_eval.errors import ConfigError

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[(),=]|[^\s(),="]+|")')
_NAME = re.compile(r"[^\W\d][\w.-]*")
_NAME_AND_WORD = re.compile(rf"{_NAME.pattern}(?::.*)?")


@dataclass(frozen=True, slots=True)
class Quoted:
    """A value in quotes: a text that may hold any character."""

    text: str


@dataclass(frozen=True, slots=True)
class Spec:
    """A name with its options as they are written. A plain word is a spec without options."""

    name: str
    options: tuple[tuple[str, Spec | Quoted], ...] = ()


def spec_name(text: str) -> str:
    """Return the name in a spec, without its options: `bon` of `bon(scorer=chrf)`."""
    return text.partition("(")[0].strip()


def split_list(text: str) -> list[str]:
    """Split a list at the commas that stand outside parentheses and quotes.

    If parentheses do not match, every comma splits, so that a mistake in one part does not swallow the others.

    >>> split_list("single,rank_fusion(k=2,by=chrf)")
    ['single', 'rank_fusion(k=2,by=chrf)']
    """
    parts, depth, start = [], 0, 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[(),]', text):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth < 0:
            break
        if token[0] == "," and depth == 0:
            parts.append(text[start : token.start()])
            start = token.end()
    parts = [*parts, text[start:]] if depth == 0 else text.split(",")
    return [part.strip() for part in parts]


def parse_spec(text: str) -> Spec:
    """Read one spec.

    Raises:
        ConfigError: The text does not follow the grammar; the message says where.
    """
    return _Parser(text).parse()


def format_word(text: str) -> str:
    """Write a text value, in quotes where it would not be read back as one word."""
    plain = re.fullmatch(r'[^\s(),="]+', text) is not None and text != "none"
    return text if plain else json.dumps(text, ensure_ascii=False)


class _Parser:
    """Reads the tokens of one spec from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [(match[1], match.start(1)) for match in _TOKEN.finditer(text)]
        self._next = 0

    def parse(self) -> Spec:
        spec = self._spec()
        rest, place = self._peek()
        if rest == ")":
            raise self._error(f"closes a parenthesis at character {place} that nothing opened; remove it")
        if rest:
            raise self._error(f"goes on with '{rest}' at character {place} after its end; remove it")
        return spec

    def _spec(self) -> Spec:
        name, place = self._take()
        if not _NAME_AND_WORD.fullmatch(name):
            raise self._error(f"needs a name at character {place}, such as fusion or bon(scorer=chrf)")
        return self._with_options(name)

    def _with_options(self, name: str) -> Spec:
        if self._peek()[0] != "(":
            return Spec(name)
        _, opened = self._take()
        options: dict[str, Spec | Quoted] = {}
        while self._peek()[0] != ")":
            key, value = self._option(name, opened)
            if key in options:
                raise self._error(f"gives {key}= twice; leave one")
            options[key] = value
            separator, place = self._peek()
            if separator == ",":
                self._take()
            elif separator != ")":
                raise (
                    self._unclosed(opened)
                    if not separator
                    else self._error(
                        f"has '{separator}' at character {place}, where a comma or a closing parenthesis should be"
                    )
                )
        self._take()
        return Spec(name, tuple(options.items()))

    def _option(self, name: str, opened: int) -> tuple[str, Spec | Quoted]:
        key, place = self._take()
        if not key:
            raise self._unclosed(opened)
        if not _NAME.fullmatch(key) or self._peek()[0] != "=":
            raise self._error(f"should give an option as {name}(option=value) at character {place}")
        self._take()
        value, place = self._take()
        if value.startswith('"'):
            return key, Quoted(self._unquoted(value, place))
        if not value or value in "(),=":
            raise self._error(f"gives no value for {key}=; write {key}=VALUE")
        return key, self._with_options(value) if _NAME_AND_WORD.fullmatch(value) else Spec(value)

    def _unquoted(self, token: str, place: int) -> str:
        try:
            return str(json.loads(token, strict=False))
        except ValueError as error:
            raise self._error(f"has a quote at character {place} that is not closed or read") from error

    def _peek(self) -> tuple[str, int]:
        """Return the next token and its place, counted from 1; at the end, an empty one."""
        if self._next == len(self._tokens):
            return "", len(self._text) + 1
        token, place = self._tokens[self._next]
        return token, place + 1

    def _take(self) -> tuple[str, int]:
        taken = self._peek()
        self._next = min(self._next + 1, len(self._tokens))
        return taken

    def _unclosed(self, opened: int) -> ConfigError:
        return self._error(f"opens a parenthesis at character {opened} and never closes it; add )")

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"'{self._text}' {what}")
