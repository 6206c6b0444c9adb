"""Decide whether two statements say the same: values exactly, lists in any order, sets by their ends."""

from __future__ import annotations

import sympy

from fusion_eval.answers.exact import is_equal
from fusion_eval.answers.statement_types import Items, Point, Region, Relation, Statement, Value
from fusion_eval.answers.statements import REVERSED, as_items, as_set, read_statement
from fusion_eval.answers.tokens import UnreadableError, tokenize


def is_same_statement(answer: str, reference: str) -> bool:
    """Return whether two formulas, as `formulas.normalize_formula` writes them, state the same."""
    try:
        return _is_same(read_statement(tokenize(answer)), read_statement(tokenize(reference)))
    except UnreadableError:
        return False


def _is_same(answer: Statement, reference: Statement) -> bool:
    if isinstance(reference, Value):
        return _is_same_value(answer, reference)
    if isinstance(reference, Items):
        items = as_items(answer).items if isinstance(answer, Items) else _items_of_equation(answer)
        return _are_same_items(items, reference.items)
    if isinstance(reference, Point):
        return _is_same_point(answer, reference)
    if isinstance(reference, Region):
        if isinstance(answer, Region) and _differ(answer.name, reference.name):
            return False
        return _is_same_set(as_set(answer), reference.numbers)
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
    """Return whether an equation ends in the reference. What precedes it is a name, or has the same value.

    A name may stand at the end, too: `18 = x`.
    """
    *before, last = answer.parts
    if len(before) == 1 and isinstance(last, Value) and last.expression.is_Symbol:
        before, last = [last], before[0]
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
        return _is_same_set(answer.numbers, as_set(reference))
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
    return pieces if len(pieces) == 1 else sorted(pieces, key=lambda piece: float(piece[0]))


def _is_same_relation(answer: Statement, reference: Relation) -> bool:
    name = reference.parts[0]
    is_definition = reference.signs == ("=",) and isinstance(name, Value) and name.expression.is_Symbol
    if is_definition and not isinstance(answer, Relation):
        return _is_same(answer, reference.parts[1])
    if not isinstance(answer, Relation) or len(answer.parts) != len(reference.parts):
        return False
    for parts, signs in (
        (answer.parts, answer.signs),
        (answer.parts[::-1], tuple(REVERSED[sign] for sign in answer.signs[::-1])),
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
    sign = answer.signs[0] if factor.is_positive else REVERSED[answer.signs[0]]
    return factor != 0 and sign == reference.signs[0] and is_equal(one, factor * other)


def _is_linear(expression: sympy.Expr) -> bool:
    """Return whether the expression is a multiple of one variable, or differs from it by a number."""
    (name,) = expression.free_symbols
    if expression == name or not expression.is_polynomial(name):
        return False
    return int(sympy.Poly(expression, name).degree()) == 1
