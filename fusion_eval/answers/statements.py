"""Read an answer as a statement (values, lists, points, sets, relations), and compare two statements."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import sympy

from fusion_eval.answers.exact import is_equal
from fusion_eval.answers.expressions import (
    UNITS,
    Group,
    Token,
    UnreadableError,
    Word,
    read_expression,
    split_at,
    tokenize,
)

_RELATIONS = ("=", "<", ">", "<=", ">=", "\\ne", "\\in")
_REVERSED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "\\ne": "\\ne"}
_MOST_ITEMS = 12
NOT_UNITS = {
    "even",
    "odd",
    "prime",
    "composite",
    "true",
    "false",
    "none",
    "mod",
    "not",
    "all",
    "integer",
    "integers",
}
"""Words that change what they follow."""


@dataclass(frozen=True)
class Value:
    """One expression, and the words behind it that are no unit."""

    expression: sympy.Expr
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Items:
    """Several answers in any order; `is_either` if they are joined by "or"."""

    items: tuple[Statement, ...]
    is_either: bool = False


@dataclass(frozen=True)
class Point:
    """Values in order between brackets, such as a point or an interval."""

    items: tuple[Statement, ...]
    brackets: str


@dataclass(frozen=True)
class Region:
    """A set of numbers, and what is said to lie in it."""

    numbers: sympy.Set
    name: sympy.Expr | None = None


@dataclass(frozen=True)
class Relation:
    """Expressions with relations between them, such as `c < a < b`; the first part of an equation may be a name."""

    parts: tuple[Statement, ...]
    signs: tuple[str, ...]


Statement = Value | Items | Point | Region | Relation


def is_same_statement(answer: str, reference: str) -> bool:
    """Return whether two formulas, as `formulas.normalize_formula` writes them, state the same."""
    try:
        return _is_same(read_statement(tokenize(answer)), read_statement(tokenize(reference)))
    except UnreadableError:
        return False


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
    if "\\pm" in tokens or "\\mp" in tokens:
        return Items(tuple(read_statement(version) for version in _both_signs(tokens)))
    if len(tokens) == 1:
        if tokens[0] == "\\emptyset":
            return Region(sympy.S.EmptySet)
        if tokens[0] == "\\mathbbR":
            return Region(sympy.S.Reals)
        if isinstance(group := tokens[0], Group):
            inner = list(group.tokens)
            several = len(split_at(inner, ",", "\\lor", "\\land")) > 1
            if group.opening in ("{", "\\{"):
                return _as_items(read_statement(inner)) if inner else Region(sympy.S.EmptySet)
            if several and group.opening in ("(", "[", "]"):
                return Point(
                    tuple(read_statement(part) for part in split_at(inner, ",")),
                    group.opening + group.closing,
                )
            if group.opening == "(":
                return read_statement(inner)
    return _read_value(tokens)


def _flat(statement: Statement) -> tuple[Statement, ...]:
    return statement.items if isinstance(statement, Items) else (statement,)


def _as_items(statement: Statement) -> Items:
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
    tokens = list(tokens)
    words: list[str] = []
    while tokens and isinstance(tokens[-1], Word) and len(words) < 4:
        words.insert(0, tokens.pop().text.casefold())  # type: ignore[union-attr]
    while len(tokens) > 2 and tokens[-2] == "^" and isinstance(tokens[-3], Word):  # cm^2
        tokens = tokens[:-3]
    while len(tokens) > 1 and isinstance(tokens[-1], Word):
        tokens.pop()
    if words and all(word in UNITS or (word not in NOT_UNITS and len(word) <= 14) for word in words):
        words = []
    return Value(read_expression(tokens), tuple(words))


def _both_signs(tokens: list[Token]) -> list[list[Token]]:
    """Return the versions of an expression with `±`: `∓` has the other sign of the `±` before it."""
    places = [place for place, token in enumerate(tokens) if token in ("\\pm", "\\mp")]
    if len(places) > 3:
        raise UnreadableError("too many signs ±")
    coupled = "\\mp" in tokens
    choices = (
        [("+",) * len(places), ("-",) * len(places)]
        if coupled
        else itertools.product("+-", repeat=len(places))
    )
    versions = []
    for choice in choices:
        version = list(tokens)
        for place, sign in zip(places, choice, strict=True):
            version[place] = sign if tokens[place] == "\\pm" else {"+": "-", "-": "+"}[sign]
        versions.append(version)
    return versions


def _read_relation(tokens: list[Token], signs: list[str]) -> Statement:
    parts = split_at(tokens, *_RELATIONS)
    if not all(parts):
        raise UnreadableError("a relation lacks a side")
    if signs == ["\\in"]:
        numbers = _read_set(parts[1])
        return Region(numbers, _read_value(parts[0]).expression)
    if all(sign in ("<", "<=", ">", ">=", "\\ne") for sign in signs):
        values = [_read_value(part).expression for part in parts]
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
            bound, sign = values[place], _REVERSED[sign]
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
    return _as_set(read_statement(tokens))


def _as_set(statement: Statement) -> sympy.Set:
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


def _is_same(answer: Statement, reference: Statement) -> bool:
    if isinstance(reference, Value):
        return _is_same_value(answer, reference)
    if isinstance(reference, Items):
        items = _as_items(answer).items if isinstance(answer, Items) else _items_of_equation(answer)
        return _are_same_items(items, reference.items)
    if isinstance(reference, Point):
        return _is_same_point(answer, reference)
    if isinstance(reference, Region):
        if isinstance(answer, Region) and _differ(answer.name, reference.name):
            return False
        return _is_same_set(_as_set(answer), reference.numbers)
    return _is_same_relation(answer, reference)


def _differ(one: sympy.Expr | None, other: sympy.Expr | None) -> bool:
    return one is not None and other is not None and not is_equal(one, other)


def _is_same_value(answer: Statement, reference: Value) -> bool:
    if isinstance(answer, Relation) and set(answer.signs) == {"="}:
        return _is_equation_of(answer, reference)
    if isinstance(answer, Items) and len(answer.items) == 1:
        answer = answer.items[0]
    if not isinstance(answer, Value) or (answer.words and answer.words != reference.words):
        return False
    return is_equal(answer.expression, reference.expression)


def _is_equation_of(answer: Relation, reference: Value) -> bool:
    """Return whether an equation ends in the reference. What precedes it is a name, or has the same value."""
    *before, last = answer.parts
    if not isinstance(last, Value) or not _is_same_value(last, reference):
        return False
    for part in before:
        if not isinstance(part, Value):
            return False
        names = part.expression.free_symbols
        if names and not reference.expression.free_symbols:
            # 2x = 18 states no x
            if len(names) == 1 and _is_linear(part.expression):
                return False
        elif not names and not is_equal(part.expression, last.expression):
            return False
    return True


def _items_of_equation(statement: Statement) -> tuple[Statement, ...]:
    """Return the members of `x = 1, 2` or `x ∈ {1, 2}`, or the statement itself."""
    if (
        isinstance(statement, Relation)
        and len(statement.parts) == 2
        and isinstance(statement.parts[1], Items)
    ):
        return statement.parts[1].items
    if isinstance(statement, Region) and isinstance(statement.numbers, sympy.FiniteSet):
        return tuple(Value(value) for value in statement.numbers.args)
    return (statement,)


def _are_same_items(answers: tuple[Statement, ...], references: tuple[Statement, ...]) -> bool:
    """Return whether there is one answer for each reference, in any order. `x = 1, 2` is `x = 1, x = 2`."""
    answers = tuple(item for answer in answers for item in _items_of_equation(answer))
    if len(answers) != len(references):
        return False
    left = list(answers)
    for reference in references:
        same = next((place for place, answer in enumerate(left) if _is_same(answer, reference)), None)
        if same is None:
            return False
        del left[same]
    return True


def _is_same_point(answer: Statement, reference: Point) -> bool:
    if isinstance(answer, Relation) and answer.signs == ("=",):  # (x, y) = (1, 2)
        answer = answer.parts[1]
    if isinstance(answer, Region):
        return _is_same_set(answer.numbers, _as_set(reference))
    if isinstance(answer, Items) and (values := _named_values(answer)) is not None:
        answer = Point(values, "()")
    if not isinstance(answer, Point) or len(answer.items) != len(reference.items):
        return False
    spellings = [
        brackets.replace("][", "()") for brackets in (_round(answer.brackets), _round(reference.brackets))
    ]
    return spellings[0] == spellings[1] and all(map(_is_same, answer.items, reference.items))


def _round(brackets: str) -> str:
    """Return the brackets with round ones for open ends."""
    return ("(" if brackets[0] in "(]" else "[") + (")" if brackets[1] in ")[" else "]")


def _named_values(answer: Items) -> tuple[Statement, ...] | None:
    """Return the values of `y = 2, x = 1` by the order of their names, or None if it is something else."""
    values: dict[str, Statement] = {}
    for item in answer.items:
        if not (isinstance(item, Relation) and item.signs == ("=",) and isinstance(item.parts[0], Value)):
            return None
        name = item.parts[0].expression
        if not name.is_Symbol or str(name) in values:
            return None
        values[str(name)] = item.parts[1]
    return tuple(values[name] for name in sorted(values))


def _is_same_set(one: sympy.Set, other: sympy.Set) -> bool:
    pieces = [_pieces(numbers) for numbers in (one, other)]
    return len(pieces[0]) == len(pieces[1]) and all(
        first[1:3] == second[1:3] and is_equal(first[0], second[0]) and is_equal(first[3], second[3])
        for first, second in zip(*pieces, strict=True)
    )


def _pieces(numbers: sympy.Set) -> list[tuple[sympy.Expr, bool, bool, sympy.Expr]]:
    """Return the intervals and points of a set from left to right: start, whether its ends are open, end."""
    pieces: list[tuple[sympy.Expr, bool, bool, sympy.Expr]] = []
    for part in numbers.args if isinstance(numbers, sympy.Union) else (numbers,):
        if isinstance(part, sympy.FiniteSet):
            pieces += [(value, False, False, value) for value in part.args]
        elif part == sympy.S.Reals:
            pieces.append((-sympy.oo, True, True, sympy.oo))
        elif isinstance(part, sympy.Interval):
            pieces.append((part.start, bool(part.left_open), bool(part.right_open), part.end))
        elif part is not sympy.S.EmptySet:
            raise UnreadableError("a set of another kind")
    key: Callable[[tuple[sympy.Expr, bool, bool, sympy.Expr]], float] = lambda piece: (
        float(piece[0]) if len(pieces) > 1 else 0.0
    )  # noqa: E731
    return sorted(pieces, key=key)


def _is_same_relation(answer: Statement, reference: Relation) -> bool:
    name = reference.parts[0]
    is_definition = reference.signs == ("=",) and isinstance(name, Value) and name.expression.is_Symbol
    if is_definition and not isinstance(answer, Relation):
        return _is_same(answer, reference.parts[1])
    if not isinstance(answer, Relation) or len(answer.parts) != len(reference.parts):
        return False
    for parts, signs in (
        (answer.parts, answer.signs),
        (answer.parts[::-1], tuple(_REVERSED[sign] for sign in answer.signs[::-1])),
    ):
        if signs == reference.signs and all(map(_is_same, parts, reference.parts)):
            return True
    return len(answer.parts) == 2 and _is_multiple(answer, reference)


def _is_multiple(answer: Relation, reference: Relation) -> bool:
    """Return whether two relations are the same up to a factor: `2x < 2y` is `x < y` is `y > x`."""
    sides = [part.expression for part in (*answer.parts, *reference.parts) if isinstance(part, Value)]
    if len(sides) < 4:
        return False
    one, other = sides[0] - sides[1], sides[2] - sides[3]
    symbols = sorted(other.free_symbols, key=str)
    if one.free_symbols != other.free_symbols or not symbols:
        return False
    point = {symbol: sympy.Rational(7 * place + 5, 3 + place) for place, symbol in enumerate(symbols)}
    if (below := other.subs(point)) == 0:
        return False
    factor = sympy.nsimplify(one.subs(point) / below)
    sign = answer.signs[0] if factor.is_positive else _REVERSED[answer.signs[0]]
    return factor != 0 and sign == reference.signs[0] and is_equal(one, factor * other)


def _is_linear(expression: sympy.Expr) -> bool:
    """Return whether the expression is a multiple of one variable, or differs from it by a number."""
    (name,) = expression.free_symbols
    return (
        expression != name and expression.is_polynomial(name) and sympy.Poly(expression, name).degree() == 1
    )
