"""Read an answer as a statement: a value, a list, a point, a set or a relation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import sympy

from fusion_eval.answers.expressions import read_expression
from fusion_eval.answers.number_words import follows_as_unit
from fusion_eval.answers.statement_types import Items, Point, Region, Relation, Statement, Value
from fusion_eval.answers.tokens import UNITS, Group, Token, UnreadableError, Word, split_at

_RELATIONS = ("=", "<", ">", "<=", ">=", "\\ne", "\\in")
REVERSED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "\\ne": "\\ne"}
"""Each relation, read from right to left."""
_MOST_ITEMS = 12
NOT_UNITS = frozenset(
    ["even", "odd", "prime", "composite", "true", "false", "none", "mod", "not", "all", "integer", "integers"]
)
"""Words that change what they follow."""


def read_statement(tokens: list[Token]) -> Statement:
    """Return what the tokens state.

    Raises:
        UnreadableError: It is no mathematics that this package can read.
    """
    for separator in ("\\lor", ","):
        parts = split_at(tokens, separator, *(("\\land",) if separator == "," else ()))
        parts = [part for part in parts if part]
        if len(parts) > 1:
            items = [item for part in parts for item in _flat(read_statement(part))]
            return _joined(items, is_either=separator == "\\lor")
    signs = [token for token in tokens if isinstance(token, str) and token in _RELATIONS]
    if signs:
        return _read_relation(tokens, signs)
    if any(isinstance(token, str) and token in ("\\cup", "\\cap", "\\setminus") for token in tokens):
        return Region(_read_set(tokens))
    if len(tokens) == 1:
        if tokens[0] == "\\emptyset":
            return Region(sympy.S.EmptySet)
        if tokens[0] == "\\mathbbR":
            return Region(sympy.S.Reals)
        if isinstance(group := tokens[0], Group):
            inner = list(group.tokens)
            several = len(split_at(inner, ",", "\\lor", "\\land")) > 1
            if group.opening in ("{", "\\{"):
                return as_items(read_statement(inner)) if inner else Region(sympy.S.EmptySet)
            if several and group.opening in ("(", "[", "]"):
                return Point(
                    tuple(read_statement(part) for part in split_at(inner, ",")),
                    group.opening + group.closing,
                )
            if group.opening == "(":
                return read_statement(inner)
    if _count_signs(tokens):
        return Items(tuple(read_statement(version) for version in _both_signs(tokens)))
    return _read_value(tokens)


def _flat(statement: Statement) -> tuple[Statement, ...]:
    return statement.items if isinstance(statement, Items) else (statement,)


def as_items(statement: Statement) -> Items:
    """Return a list of answers, of one member if the statement is no list."""
    return Items(_flat(statement))


def _joined(items: list[Statement], is_either: bool) -> Statement:
    """Return regions as one region, else the items."""
    if len(items) > _MOST_ITEMS:
        raise UnreadableError("the list is too long")
    regions = [item for item in items if isinstance(item, Region)]
    if not regions:
        return Items(tuple(items), is_either)
    if len(regions) < len(items):
        raise UnreadableError("a list of sets and values")
    if not is_either:
        common = sympy.Intersection(*(region.numbers for region in regions))
        if common is not sympy.S.EmptySet:
            return Region(common, regions[0].name)
    return Region(sympy.Union(*(region.numbers for region in regions)), regions[0].name)


def _read_value(tokens: list[Token]) -> Value:
    """Return a value without its unit. Words that change the value, such as `squared`, stay beside it."""
    tokens = list(tokens)
    words: list[str] = []
    while tokens:
        if isinstance(word := tokens[-1], Word):
            words.insert(0, word.text.casefold())
            tokens.pop()
        elif len(tokens) > 3 and tokens[-2] == "^" and isinstance(tokens[-3], Word):  # cm^2
            tokens = tokens[:-2]
        else:
            break
    if all(word in UNITS or (word not in NOT_UNITS and len(word) <= 14) for word in words[-4:]) and (
        follows_as_unit([word for word in words if word not in UNITS])
    ):
        words = []
    return Value(read_expression(tokens), tuple(words))


def _count_signs(tokens: Sequence[Token]) -> int:
    return sum(
        _count_signs(token.tokens) if isinstance(token, Group) else token in ("\\pm", "\\mp")
        for token in tokens
    )


def _both_signs(tokens: list[Token]) -> list[list[Token]]:
    """Return the versions of an expression with `±`, of which each is + or -. With `∓`, all change together."""
    count = _count_signs(tokens)
    if count > 3:
        raise UnreadableError("too many signs ±")
    if "\\mp" in tokens:
        choices = [("+",) * count, ("-",) * count]
    else:
        choices = list(itertools.product("+-", repeat=count))
    return [_with_signs(tokens, iter(choice)) for choice in choices]


def _with_signs(tokens: Sequence[Token], choice: Iterator[str]) -> list[Token]:
    version: list[Token] = []
    for item in tokens:
        if isinstance(item, Group):
            version.append(Group(item.opening, item.closing, tuple(_with_signs(item.tokens, choice))))
        elif item in ("\\pm", "\\mp"):
            sign = next(choice)
            version.append(sign if item == "\\pm" else {"+": "-", "-": "+"}[sign])
        else:
            version.append(item)
    return version


def _read_relation(tokens: list[Token], signs: list[str]) -> Statement:
    parts = split_at(tokens, *_RELATIONS)
    if not all(parts):
        raise UnreadableError("a relation lacks a side")
    if signs == ["\\in"]:
        numbers = _read_set(parts[1])
        return Region(numbers, _read_value(parts[0]).expression)
    if all(sign in ("<", "<=", ">", ">=", "\\ne") for sign in signs):
        sides = [_read_value(part) for part in parts]
        if any(side.words for side in sides):
            raise UnreadableError("a bound with words that change it")
        values = [side.expression for side in sides]
        subjects = [value for value in values if value.free_symbols]
        if len(subjects) == 1 and len(values) <= 3:
            return Region(_solutions(values, signs, values.index(subjects[0])), subjects[0])
        return Relation(tuple(map(Value, values)), tuple(signs))
    if any(sign != "=" for sign in signs):
        raise UnreadableError("an equation and an inequality in one chain")
    return Relation(tuple(_read_side(part) for part in parts), tuple(signs))


def _read_side(tokens: list[Token]) -> Statement:
    """Return one side of an equation. A side of words is a name."""
    if all(isinstance(token, Word) for token in tokens):
        return Value(
            sympy.Symbol(" ".join(token.text for token in tokens if isinstance(token, Word)), real=True)
        )
    return read_statement(tokens)


def _solutions(values: list[sympy.Expr], signs: list[str], subject: int) -> sympy.Set:
    numbers = sympy.S.Reals
    for place, sign in enumerate(signs):
        if subject == place + 1:
            bound, sign = values[place], REVERSED[sign]
        elif subject == place:
            bound = values[place + 1]
        else:
            raise UnreadableError("an inequality between two numbers")
        numbers = (
            numbers
            & {
                "<": sympy.Interval.open(-sympy.oo, bound),
                "<=": sympy.Interval(-sympy.oo, bound),
                ">": sympy.Interval.open(bound, sympy.oo),
                ">=": sympy.Interval(bound, sympy.oo),
                "\\ne": sympy.Union(
                    sympy.Interval.open(-sympy.oo, bound), sympy.Interval.open(bound, sympy.oo)
                ),
            }[sign]
        )
    return numbers


def _read_set(tokens: list[Token]) -> sympy.Set:
    parts = split_at(tokens, "\\cup")
    if len(parts) > _MOST_ITEMS:
        raise UnreadableError("the union is too long")
    if len(parts) > 1:
        return sympy.Union(*map(_read_set, parts))
    for separator, combine in (("\\cap", sympy.Intersection), ("\\setminus", sympy.Complement)):
        parts = split_at(tokens, separator)
        if len(parts) == 2:
            return combine(*map(_read_set, parts))
    return as_set(read_statement(tokens))


def as_set(statement: Statement) -> sympy.Set:
    """Return the numbers of a statement.

    Raises:
        UnreadableError: It states no set of numbers.
    """
    if isinstance(statement, Region):
        return statement.numbers
    if isinstance(statement, Items):
        return sympy.FiniteSet(*(_single(item) for item in statement.items))
    if isinstance(statement, Value):
        return sympy.FiniteSet(statement.expression)
    if isinstance(statement, Point) and len(statement.items) == 2:
        start, end = (_single(item) for item in statement.items)
        is_open = statement.brackets[0] in "(]", statement.brackets[1] in ")["
        if (end - start).is_negative:
            raise UnreadableError("an interval whose end precedes its start")
        return sympy.Interval(start, end, *is_open)
    raise UnreadableError("no set of numbers")


def _single(statement: Statement) -> sympy.Expr:
    if not isinstance(statement, Value) or statement.words:
        raise UnreadableError("no value")
    return statement.expression
