"""The functions, constants and letters that an expression may name, and powers of bounded size."""

from __future__ import annotations

from typing import Any

import sympy

from fusion_eval.answers.tokens import UnreadableError

MAX_BITS = 200_000
"""Size of the integers that powers and factorials may reach."""

FUNCTIONS: dict[str, Any] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "tg": sympy.tan, "cot": sympy.cot, "ctg": sympy.cot, "sec": sympy.sec, "csc": sympy.csc,
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "arctg": sympy.atan, "arccot": sympy.acot, "arcctg": sympy.acot,
    "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log,
    "log": sympy.log, "lg": lambda value: sympy.log(value, 10), "exp": sympy.exp, "sqrt": sympy.sqrt, "cbrt": sympy.cbrt, "abs": sympy.Abs,
    "floor": sympy.floor, "ceil": sympy.ceiling, "gcd": sympy.gcd, "lcm": sympy.lcm, "max": sympy.Max, "min": sympy.Min,
}  # fmt: skip
INVERSE = {"sin": sympy.asin, "cos": sympy.acos, "tan": sympy.atan, "cot": sympy.acot}
CONSTANTS = {"pi": sympy.pi, "infty": sympy.oo, "infinity": sympy.oo, "inf": sympy.oo, "e": sympy.E, "i": sympy.I}  # fmt: skip
GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "ell",
    ]
)


def bounded_power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """Return a power, unless its numbers are too large to compute."""
    if base.is_Rational and exponent.is_Rational and abs(exponent) > 1 and base not in (0, 1, -1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(exponent) > MAX_BITS:
            raise UnreadableError("a power is too large")
    return base**exponent


def bounded_factorial(value: sympy.Expr) -> sympy.Expr:
    """Return a factorial, unless it is too large to compute."""
    if value.is_Integer and value > 10_000:
        raise UnreadableError("a factorial is too large")
    return sympy.factorial(value)


def bounded_binomial(top: sympy.Expr, bottom: sympy.Expr) -> sympy.Expr:
    """Return a binomial coefficient, unless it is too large to compute."""
    if top.is_Integer and top > 5000:
        raise UnreadableError("a binomial coefficient is too large")
    return sympy.binomial(top, bottom)
