"""Parse one mathematical expression, in LaTeX or plain text, into sympy without evaluating any text as code."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from fusion_eval.answers.functions import (
    CONSTANTS,
    FUNCTIONS,
    GREEK,
    INVERSE,
    bounded_binomial,
    bounded_factorial,
    bounded_power,
)
from fusion_eval.answers.tokens import Group, Token, UnreadableError, Word, split_at, text_of


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
        item = self.peek()
        if item is None:
            raise UnreadableError("the expression ends too early")
        self.place += 1
        return item

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
            item = self.peek()
            if item in ("*", "\\cdot", "\\times"):
                self.take()
                value *= self.signed_factor()
            elif item in ("/", "\\div", ":"):
                self.take()
                divisor = self.signed_factor()
                if divisor == 0:
                    raise UnreadableError("a division by zero")
                value /= divisor
            elif self._starts_factor(item):
                value *= self.factor()
            else:
                return value

    def signed_factor(self) -> sympy.Expr:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.take() == "-" else 1
        return sign * self.factor()

    def _starts_factor(self, item: Token | None) -> bool:
        if isinstance(item, Group):
            return True
        if not isinstance(item, str) or item[0].isdigit() or item[0] == ".":
            return False  # a number right after a factor is ambiguous
        return item.isalpha() or (item[0] == "\\" and item[1:] in _FACTOR_COMMANDS)

    def factor(self) -> sympy.Expr:
        base = self.atom()
        while True:
            item = self.peek()
            if item == "!":
                self.take()
                if self.peek() == "!":
                    raise UnreadableError("double factorials are not read")
                base = bounded_factorial(base)
            elif item == "^":
                self.take()
                base = bounded_power(base, self.exponent())
            else:
                return base

    def exponent(self) -> sympy.Expr:
        sign = 1
        while self.peek() in ("+", "-"):
            sign *= -1 if self.take() == "-" else 1
        value = self.atom()
        if self.peek() == "^":
            self.take()
            value = bounded_power(value, self.exponent())
        return sign * value

    def atom(self) -> sympy.Expr:
        item = self.take()
        if isinstance(item, Word):
            raise UnreadableError(f"a word within an expression: {item.text}")
        if isinstance(item, Group):
            return self._group(item)
        if item[0].isdigit() or item[0] == ".":
            return self._number(item)
        if item == "|":
            return self._absolute()
        if item.isalpha():
            return self._symbol(item)
        name = item[1:]
        if item[0] != "\\":
            raise UnreadableError(f"{item} is no operand")
        if name == "frac":
            top, bottom = self.argument(), self.argument()
            if bottom == 0:
                raise UnreadableError("a division by zero")
            return top / bottom
        if name == "binom":
            return bounded_binomial(self.argument(), self.argument())
        if name == "sqrt":
            degree = sympy.Integer(2)
            if isinstance(self.peek(), Group) and self.peek().opening == "[":  # type: ignore[union-attr]
                degree = read_expression(list(self.take().tokens))  # type: ignore[union-attr]
            return sympy.root(self.argument(), degree)
        if name in FUNCTIONS:
            return self._function(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in GREEK:
            return self._symbol(name)
        raise UnreadableError(f"{item} is unknown")

    def _number(self, item: str) -> sympy.Expr:
        value = sympy.Rational(item)
        following = self.tokens[self.place : self.place + 3]
        if value.is_Integer and len(following) == 3 and following[0] == "\\frac":  # a mixed number
            top, bottom = (_digits(part) for part in following[1:])
            if top is not None and bottom is not None and top < bottom:
                self.place += 3
                return value + sympy.Rational(top, bottom)
        return value

    def _symbol(self, name: str) -> sympy.Expr:
        if name == "C" and isinstance(group := self.peek(), Group) and group.opening == "(":
            parts = split_at(list(group.tokens), ",")
            if len(parts) == 2:  # C(10, 3)
                self.take()
                return bounded_binomial(*map(read_expression, parts))
        if self.peek() == "_":
            self.take()
            name += f"_{text_of(self.take())}"
        while self.peek() == "'":
            self.take()
            name += "'"
        return CONSTANTS[name] if name in ("e", "i") else sympy.Symbol(name, real=True)

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
        item = self.peek()
        if isinstance(item, str) and item.isdigit() and len(item) > 1 and self.place:
            self.tokens[self.place : self.place + 1] = list(item)  # \frac12
        return self.atom()

    def _function(self, name: str) -> sympy.Expr:
        base: sympy.Expr | None = None
        power: sympy.Expr | None = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                item = self.peek()
                base = (
                    self.argument()
                    if isinstance(item, str) and item.isdigit() and name != "log"
                    else self.atom()
                )
            else:
                power = self.exponent()
        function = FUNCTIONS[name]
        item = self.peek()
        if isinstance(item, Group) and item.opening in ("(", "[", "{"):
            self.take()
            values = [read_expression(part) for part in split_at(list(item.tokens), ",")]
            if item.opening != "{" and self.peek() == "^":  # sin(x)^2
                self.take()
                power = self.exponent()
        else:
            values = [self._bare_argument()]
        if power == -1 and name in INVERSE:
            function, power = INVERSE[name], None
        value = sympy.log(values[0], base) if base is not None and name == "log" else function(*values)
        return value if power is None else bounded_power(value, power)

    def _bare_argument(self) -> sympy.Expr:
        """Return the argument of a function without brackets: `2x` in `sin 2x cos x`."""
        value = self.signed_factor()
        while self._starts_factor(item := self.peek()) and not (
            isinstance(item, str) and item[1:] in FUNCTIONS and item != "\\sqrt"
        ):
            value *= self.factor()
        return value


_FACTOR_COMMANDS = {"frac", "binom", "sqrt", *FUNCTIONS, *CONSTANTS, *GREEK}


def _digits(item: Token) -> int | None:
    if isinstance(item, Group) and len(item.tokens) == 1:
        item = item.tokens[0]
    return int(item) if isinstance(item, str) and item.isdigit() else None
