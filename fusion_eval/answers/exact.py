"""Decide whether two expressions are equal: their difference is 0, not merely small."""

from __future__ import annotations

import itertools

import sympy

_DIGITS = 60
"""Digits to which two values have to agree, beside those that the numbers within them take."""
_MOST_DIGITS = 20_000
_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
_POINTS = 6
"""Points at which two functions are compared."""


def is_equal(one: sympy.Expr, other: sympy.Expr) -> bool:
    """Return whether two expressions have the same value, wherever both are defined.

    Rational numbers are compared exactly, and a decimal is a rational number. Other constants are compared to more
    digits than the numbers in them could tell apart. Functions are compared in that way at several points.
    """
    if one == other:
        return True
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols:
        return _is_same_number(one, other)
    if len(symbols) > len(_PRIMES):
        return False
    whole = any(
        expression.has(sympy.floor, sympy.ceiling) or _has_alternating_sign(expression)
        for expression in (one, other)
    )
    results = [
        result
        for point in itertools.islice(_points(len(symbols), whole), _POINTS)
        if (result := _is_same_at(one, other, dict(zip(symbols, point, strict=True)))) is not None
    ]
    return len(results) >= 2 and all(results)


def _has_alternating_sign(expression: sympy.Expr) -> bool:
    return any(power.base.is_negative and power.exp.free_symbols for power in expression.atoms(sympy.Pow))


def _points(count: int, whole: bool) -> itertools.chain[list[sympy.Rational]]:
    """Yield points, positive ones first: of whole numbers if `whole`, else of fractions."""

    def point(number: int) -> list[sympy.Rational]:
        if whole:
            return [sympy.Integer(_PRIMES[(place * 5 + number) % 12] + number) for place in range(count)]
        sign = -1 if number % 3 == 2 else 1
        return [
            sympy.Rational(
                sign**place * (-1 if number == 4 else 1) * (_PRIMES[(place + number) % 12] * 7 + number),
                23 + 6 * place + number,
            )
            for place in range(count)
        ]

    return itertools.chain(map(point, range(4 * _POINTS)))


def _is_same_at(one: sympy.Expr, other: sympy.Expr, point: dict[sympy.Symbol, sympy.Rational]) -> bool | None:
    """Return whether two functions agree at a point, or None if one of them is not defined there."""
    values = one.subs(point), other.subs(point)
    if any(value.has(sympy.nan, sympy.zoo, sympy.oo) for value in values):
        return None
    real = [abs(sympy.im(value.evalf(20))) < 1e-15 for value in values]
    return None if real[0] != real[1] else _is_same_number(*values)


def _is_same_number(one: sympy.Expr, other: sympy.Expr) -> bool:
    if one.is_Rational and other.is_Rational:
        return bool(one == other)
    if not (one.is_finite and other.is_finite):
        return bool(one == other)
    atoms = one.atoms(sympy.Rational) | other.atoms(sympy.Rational)
    digits = _DIGITS + 2 * sum(len(str(abs(number.p))) + len(str(number.q)) for number in atoms)
    if digits > _MOST_DIGITS:
        return False
    for precision in (_DIGITS, digits):  # most pairs differ in the first digits
        first, second = one.evalf(precision), other.evalf(precision)
        scale = max(abs(first), abs(second), sympy.Rational(1, 10**digits))
        if not abs(first - second) < scale * sympy.Float(10, precision) ** (12 - precision):
            return False
    return True
