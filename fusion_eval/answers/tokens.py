"""Split a formula into tokens and groups of tokens between brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s+|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<command>\\(?:[A-Za-z]+|[{}|%]))|(?P<accented>[A-Za-z]*[\u00c0-\u024f][A-Za-z\u00c0-\u024f]*)|(?P<letters>[A-Za-z]+)"
    r"|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u0652\u0900-\u097f\u0e00-\u0e7f])*)|(?P<sign><=|>=|!=|\.\.\.|.)",
    re.DOTALL,
)
FUNCTION_NAMES = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "tg",
        "cot",
        "ctg",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "arctg",
        "arccot",
        "arcctg",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "ln",
        "log",
        "lg",
        "exp",
        "sqrt",
        "cbrt",
        "abs",
        "floor",
        "ceil",
        "gcd",
        "lcm",
        "max",
        "min",
    ]
)
"""Functions that may be written without a backslash."""
UNITS = {
    "m", "cm", "mm", "km", "dm", "kg", "mg", "ml", "cl", "dl", "hr", "hrs", "min", "am", "pm", "lb", "lbs", "ft", "oz", "yd", "mi", "sq", "rad", "deg", "mph", "kmh", "sec",
    "usd", "eur", "gbp", "rub", "mol", "hz", "kw", "kwh", "pts", "pcs", "руб", "см", "км", "мм", "кг", "м", "г", "ч", "мин", "сек", "шт", "л",
}  # fmt: skip
"""Abbreviations that are units where they follow a value."""
_OPENING = {
    "(": ")",
    "[": "]",
    "{": "}",
    "\\{": "\\}",
    "\\lfloor": "\\rfloor",
    "\\lceil": "\\rceil",
    "\\lvert": "\\rvert",
}
_CLOSING = {")", "]", "}", "\\}", "\\rfloor", "\\rceil", "\\rvert"}
_BEFORE_OPERAND = {
    None, "+", "-", "*", "/", "^", "_", "=", "<", ">", "<=", ">=", ",", ":", "\\cup", "\\cap", "\\in", "\\setminus", "\\times", "\\cdot", "\\lor", "\\land", "\\le", "\\ge",
    "\\ne", "\\pm", "\\mp", "\\sqrt",
}  # fmt: skip


class UnreadableError(ValueError):
    """The text is not mathematics that this package can read."""


@dataclass(frozen=True)
class Group:
    """Tokens between two brackets."""

    opening: str
    closing: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Word:
    """A word that is no part of an expression."""

    text: str


Token = str | Group | Word


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a formula, with what stands between brackets as groups.

    A square bracket opens or closes depending on what precedes it, so `]0, 1[` and `[0, 1[` are groups.

    Raises:
        UnreadableError: A bracket has no partner.
    """
    stack: list[tuple[str, list[Token]]] = [("", [])]
    for match in _TOKEN.finditer(text):
        if match[0].isspace():
            continue
        tokens = stack[-1][1]
        item = match[0]
        previous = tokens[-1] if tokens else None
        at_operand = previous is None or (isinstance(previous, str) and previous in _BEFORE_OPERAND)
        if (item == "]" and at_operand and (tokens or stack[-1][0] not in ("[", "]", "("))) or (
            item in _OPENING and not (item == "[" and not at_operand and stack[-1][0] in ("[", "]", "("))
        ):
            stack.append((item, []))
        elif item in _CLOSING or item == "[":
            opening, inner = stack.pop()
            if not stack or not _may_close(opening, item):
                raise UnreadableError("a bracket has no partner")
            stack[-1][1].append(Group(opening, item, tuple(inner)))
        elif match["letters"]:
            tokens.extend(
                _split_letters(
                    item, stack[-1][0] == "{" and len(stack) > 1 and _is_after_underscore(stack[-2][1])
                )
            )
        elif match["word"] or match["accented"]:
            tokens.append(Word(item))
        else:
            tokens.append(item)
    if len(stack) != 1:
        raise UnreadableError("a bracket is not closed")
    return stack[0][1]


def _is_after_underscore(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1] == "_"


def _may_close(opening: str, closing: str) -> bool:
    return _OPENING.get(opening) == closing or (opening in ("(", "[", "]") and closing in (")", "]", "["))


def _split_letters(letters: str, is_subscript: bool) -> list[Token]:
    """Split a run of letters into functions, constants and variables; a long run is a word."""
    if is_subscript or len(letters) == 1:
        return [letters]
    if letters.lower() in ("not", "if"):
        return [Word(letters)]
    if letters in FUNCTION_NAMES or letters in ("pi", "infty", "infinity", "inf"):
        return [f"\\{letters}"]
    for name in sorted(FUNCTION_NAMES, key=len, reverse=True):
        if letters.startswith(name) and len(letters) == len(name) + 1:  # sinx
            return [f"\\{name}", letters[-1]]
    if letters.endswith("pi") and len(letters) == 3:
        return [letters[0], "\\pi"]
    return [Word(letters)] if len(letters) > 3 or letters.lower() in UNITS else list(letters)


def split_at(tokens: list[Token], *separators: str) -> list[list[Token]]:
    """Split tokens at separators outside of groups."""
    parts: list[list[Token]] = [[]]
    for item in tokens:
        if isinstance(item, str) and item in separators:
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def text_of(item: Token) -> str:
    """Return the text of a token, without its brackets."""
    if isinstance(item, Group):
        return "".join(map(text_of, item.tokens))
    return item.text if isinstance(item, Word) else item
