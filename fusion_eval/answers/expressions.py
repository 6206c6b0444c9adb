"""Parse one mathematical expression, in LaTeX or plain text, into sympy without evaluating any text as code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import sympy

MAX_BITS = 200_000
"""Size of the integers that powers and factorials may reach."""

_TOKEN = re.compile(
    r"\s+|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<command>\\(?:[A-Za-z]+|[{}|%]))|(?P<letters>[A-Za-z]+)"
    r"|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u0652\u0900-\u097f\u0e00-\u0e7f])*)|(?P<sign><=|>=|!=|\.\.\.|.)",
    re.DOTALL,
)
FUNCTIONS: dict[str, Any] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "tg": sympy.tan, "cot": sympy.cot, "ctg": sympy.cot, "sec": sympy.sec, "csc": sympy.csc,
    "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "arctg": sympy.atan, "arccot": sympy.acot, "arcctg": sympy.acot,
    "asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "ln": sympy.log,
    "log": sympy.log, "lg": lambda value: sympy.log(value, 10), "exp": sympy.exp, "sqrt": sympy.sqrt, "cbrt": sympy.cbrt, "abs": sympy.Abs,
    "floor": sympy.floor, "ceil": sympy.ceiling, "gcd": sympy.gcd, "lcm": sympy.lcm, "max": sympy.Max, "min": sympy.Min,
}  # fmt: skip
_INVERSE = {"sin": sympy.asin, "cos": sympy.acos, "tan": sympy.atan, "cot": sympy.acot}
_CONSTANTS = {
    "pi": sympy.pi,
    "infty": sympy.oo,
    "infinity": sympy.oo,
    "inf": sympy.oo,
    "e": sympy.E,
    "i": sympy.I,
}
_GREEK = set(
    (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
        "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
    ).split()
)
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
        token = match[0]
        previous = tokens[-1] if tokens else None
        at_operand = previous is None or (isinstance(previous, str) and previous in _BEFORE_OPERAND)
        if (token == "]" and at_operand and (tokens or stack[-1][0] not in ("[", "]", "("))) or (
            token in _OPENING and not (token == "[" and not at_operand and stack[-1][0] in ("[", "]", "("))
        ):
            stack.append((token, []))
        elif token in _CLOSING or token == "[":
            opening, inner = stack.pop()
            if not stack or not _may_close(opening, token):
                raise UnreadableError("a bracket has no partner")
            stack[-1][1].append(Group(opening, token, tuple(inner)))
        elif match["letters"]:
            tokens.extend(
                _split_letters(
                    token, stack[-1][0] == "{" and len(stack) > 1 and _is_after_underscore(stack[-2][1])
                )
            )
        elif match["word"]:
            tokens.append(Word(token))
        else:
            tokens.append(token)
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
    if letters in FUNCTIONS or letters in ("pi", "infty", "infinity", "inf"):
        return [f"\\{letters}"]
    for name in sorted(FUNCTIONS, key=len, reverse=True):
        if letters.startswith(name) and len(letters) == len(name) + 1:  # sinx
            return [f"\\{name}", letters[-1]]
    if letters.endswith("pi") and len(letters) == 3:
        return [letters[0], "\\pi"]
    return [Word(letters)] if len(letters) > 3 or letters.lower() in UNITS else list(letters)


def read_expression(tokens: list[Token]) -> sympy.Expr:
    """Return the value of an expression.

    Raises:
        UnreadableError: The tokens are no expression, or an integer in it is too large.
    """
    parser = _Parser(tokens)
    value = parser.sum()
    if parser.place != len(tokens):
        raise UnreadableError("there is something behind the expression")
    return value


@dataclass
class _Parser:
    """A recursive descent: sums of products of powers."""

    tokens: list[Token]
    place: int = field(default=0)

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise UnreadableError("the expression ends too early")
        self.place += 1
        return token

    def sum(self) -> sympy.Expr:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.take() == "-" else 1
        value = sign * self.product()
        while self.peek() in ("+", "-"):
            sign = -1 if self.take() == "-" else 1
            value += sign * self.product()
        return value

    def product(self) -> sympy.Expr:
        value = self.factor()
        while True:
            token = self.peek()
            if token in ("*", "\\cdot", "\\times"):
                self.take()
                value *= self.signed_factor()
            elif token in ("/", "\\div", ":"):
                self.take()
                divisor = self.signed_factor()
                if divisor == 0:
                    raise UnreadableError("a division by zero")
                value /= divisor
            elif self._starts_factor(token):
                value *= self.factor()
            else:
                return value

    def signed_factor(self) -> sympy.Expr:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.take() == "-" else 1
        return sign * self.factor()

    def _starts_factor(self, token: Token | None) -> bool:
        if isinstance(token, Group):
            return True
        if not isinstance(token, str) or token[0].isdigit() or token[0] == ".":
            return False  # a number right after a factor is ambiguous
        return token.isalpha() or (token[0] == "\\" and token[1:] in _FACTOR_COMMANDS)

    def factor(self) -> sympy.Expr:
        base = self.atom()
        while True:
            token = self.peek()
            if token == "!":
                self.take()
                if self.peek() == "!":
                    raise UnreadableError("double factorials are not read")
                base = _factorial(base)
            elif token == "^":
                self.take()
                base = _power(base, self.exponent())
            else:
                return base

    def exponent(self) -> sympy.Expr:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.take() == "-" else 1
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = _power(value, self.exponent())
        return sign * value

    def atom(self) -> sympy.Expr:
        token = self.take()
        if isinstance(token, Word):
            raise UnreadableError(f"a word within an expression: {token.text}")
        if isinstance(token, Group):
            return self._group(token)
        if token[0].isdigit() or token[0] == ".":
            return self._number(token)
        if token == "|":
            return self._absolute()
        if token.isalpha():
            return self._symbol(token)
        name = token[1:]
        if token[0] != "\\":
            raise UnreadableError(f"{token} is no operand")
        if name == "frac":
            top, bottom = self.argument(), self.argument()
            if bottom == 0:
                raise UnreadableError("a division by zero")
            return top / bottom
        if name == "binom":
            top, bottom = self.argument(), self.argument()
            if top.is_Integer and top > 5000:
                raise UnreadableError("a binomial coefficient is too large")
            return sympy.binomial(top, bottom)
        if name == "sqrt":
            degree = sympy.Integer(2)
            if isinstance(self.peek(), Group) and self.peek().opening == "[":  # type: ignore[union-attr]
                degree = read_expression(list(self.take().tokens))  # type: ignore[union-attr]
            return sympy.root(self.argument(), degree)
        if name in FUNCTIONS:
            return self._function(name)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in _GREEK:
            return self._symbol(name)
        raise UnreadableError(f"{token} is unknown")

    def _number(self, token: str) -> sympy.Expr:
        value = sympy.Rational(token)
        following = self.tokens[self.place : self.place + 3]
        if value.is_Integer and len(following) == 3 and following[0] == "\\frac":  # a mixed number
            top, bottom = (_digits(part) for part in following[1:])
            if top is not None and bottom is not None and top < bottom:
                self.place += 3
                return value + sympy.Rational(top, bottom)
        return value

    def _symbol(self, name: str) -> sympy.Expr:
        if self.peek() == "_":
            self.take()
            name += f"_{_text_of(self.take())}"
        while self.peek() == "'":
            self.take()
            name += "'"
        return _CONSTANTS[name] if name in ("e", "i") else sympy.Symbol(name, real=True)

    def _group(self, group: Group) -> sympy.Expr:
        value = read_expression(list(group.tokens))
        pair = group.opening + group.closing
        if pair in ("()", "{}", "[]"):
            return value
        functions = {
            "\\lfloor\\rfloor": sympy.floor,
            "\\lceil\\rceil": sympy.ceiling,
            "\\lvert\\rvert": sympy.Abs,
        }
        if pair not in functions:
            raise UnreadableError(f"{pair} is no value")
        return functions[pair](value)

    def _absolute(self) -> sympy.Expr:
        rest = self.tokens[self.place :]
        if "|" not in rest:
            raise UnreadableError("a bar has no partner")
        end = rest.index("|")
        self.place += end + 1
        return sympy.Abs(read_expression(rest[:end]))

    def argument(self) -> sympy.Expr:
        """Return the argument of a LaTeX command: a group, one digit or one symbol."""
        token = self.peek()
        if isinstance(token, str) and token.isdigit() and len(token) > 1 and self.place:
            self.tokens[self.place : self.place + 1] = list(token)  # \frac12
        return self.atom()

    def _function(self, name: str) -> sympy.Expr:
        base: sympy.Expr | None = None
        power: sympy.Expr | None = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                token = self.peek()
                base = (
                    self.argument()
                    if isinstance(token, str) and token.isdigit() and name != "log"
                    else self.atom()
                )
            else:
                power = self.exponent()
        function = FUNCTIONS[name]
        token = self.peek()
        if isinstance(token, Group) and token.opening in ("(", "[", "{"):
            self.take()
            values = [read_expression(part) for part in split_at(list(token.tokens), ",")]
            if token.opening != "{" and self.peek() == "^":  # sin(x)^2
                self.take()
                power = self.exponent()
        else:
            values = [self._bare_argument()]
        if power == -1 and name in _INVERSE:
            function, power = _INVERSE[name], None
        value = sympy.log(values[0], base) if base is not None and name == "log" else function(*values)
        return value if power is None else _power(value, power)

    def _bare_argument(self) -> sympy.Expr:
        """Return the argument of a function without brackets: `2x` in `sin 2x cos x`."""
        value = self.signed_factor()
        while self._starts_factor(token := self.peek()) and not (
            isinstance(token, str) and token[1:] in FUNCTIONS and token != "\\sqrt"
        ):
            value *= self.factor()
        return value


_FACTOR_COMMANDS = {"frac", "binom", "sqrt", *FUNCTIONS, *_CONSTANTS, *_GREEK}


def split_at(tokens: list[Token], *separators: str) -> list[list[Token]]:
    """Split tokens at separators outside of groups."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, str) and token in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _digits(token: Token) -> int | None:
    if isinstance(token, Group) and len(token.tokens) == 1:
        token = token.tokens[0]
    return int(token) if isinstance(token, str) and token.isdigit() else None


def _text_of(token: Token) -> str:
    if isinstance(token, Group):
        return "".join(map(_text_of, token.tokens))
    return token.text if isinstance(token, Word) else token


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if base.is_Rational and exponent.is_Rational and abs(exponent) > 1 and base not in (0, 1, -1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(exponent) > MAX_BITS:
            raise UnreadableError("a power is too large")
    return base**exponent


def _factorial(value: sympy.Expr) -> sympy.Expr:
    if value.is_Integer and value > 10_000:
        raise UnreadableError("a factorial is too large")
    return sympy.factorial(value)
