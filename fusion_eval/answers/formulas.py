"""Rewrite formulas of people and models in one plain form of LaTeX, which `statements` can read."""

from __future__ import annotations

import re
import unicodedata

from fusion_eval.answers.conjunctions import AND, OR, conjunctions
from fusion_eval.answers.decimals import DECIMAL_SIGNS
from fusion_eval.answers.read_numbers import plain_characters

_SYMBOLS = {
    "π": r"\pi ", "∞": r"\infty ", "≤": "<=", "≦": "<=", "⩽": "<=", "≥": ">=", "≧": ">=", "⩾": ">=", "≠": r"\ne ", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/",
    "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ", "∓": r"\mp ", "∅": r"\emptyset ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ",
    "⌉": r"\rceil ", "∖": r"\setminus ", "∨": r"\lor ", "∧": r"\land ", "ℝ": r"\mathbbR ", "√": r"\sqrt ", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]", "°": "", "%": "",
    "∗": "*", "₊": "+",
}  # fmt: skip
_GREEK = {
    chr(code): f"\\{unicodedata.name(chr(code)).rpartition(' ')[2].lower().replace('lamda', 'lambda')} "
    for code in range(0x3B1, 0x3CA)
    if code not in (0x3C0, 0x3C2)
}
_GREEK |= {
    char: f"\\{name} "
    for char, name in {
        "Δ": "Delta",
        "Γ": "Gamma",
        "Θ": "Theta",
        "Λ": "Lambda",
        "Σ": "Sigma",
        "Φ": "Phi",
        "Ψ": "Psi",
        "Ω": "Omega",
    }.items()
}
_COMMANDS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (
            r"\\(?:left|right|displaystyle|textstyle|limits|bigl|bigr|Bigl|Bigr|big|Big|bigg|Bigg)(?![A-Za-z])\.?",
            "",
        ),
        (r"\\[,;:!> ]|\\q?quad(?![A-Za-z])|~", " "),
        (r"\\[()\[\]]", " "),
        (r"\\[$€£#&]|[$€£¥₽₹₩￥]|\*\*|`", ""),
        (r"(?<=\d)\{,\}(?=\d{3}(?!\d))", ""),
        (r"(?<=\d)\{([.,])\}(?=\d)", r"\1"),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\\[dt]binom(?![A-Za-z])", r"\\binom"),
        (r"\{\s*([^{}]+?)\s*\\choose\s*([^{}]+?)\s*\}", r"\\binom{\1}{\2}"),
        (r"^\s*(\w+)\s*\\choose\s*(\w+)\s*$", r"\\binom{\1}{\2}"),
        (r"\^\s*\{?\s*\\(?:circ|degree)(?![A-Za-z])\s*\}?|\\%|\\degree(?![A-Za-z])", ""),
        (r"\\(?:mathbb|mathbf|Bbb)\s*\{?R\}?|\\R(?![A-Za-z])|\\Reals(?![A-Za-z])", r"\\mathbbR "),
        (r"\\leq?(?:slant)?(?![A-Za-z])|\\leqq", "<="),
        (r"\\geq?(?:slant)?(?![A-Za-z])|\\geqq", ">="),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\neq(?![A-Za-z])|!=|\\not\s*=", r"\\ne "),
        (r"\\(?:times|cdot|ast)(?![A-Za-z])", "*"),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\\(?:backslash|smallsetminus)(?![A-Za-z])", r"\\setminus "),
        (r"\\(?:vee)(?![A-Za-z])", r"\\lor "),
        (r"\\(?:wedge)(?![A-Za-z])", r"\\land "),
        (r"\\varnothing(?![A-Za-z])", r"\\emptyset "),
        (r"\\ldots|\\dots|\\cdots", " ... "),
        (r"\\mid(?![A-Za-z])|\\vert(?![A-Za-z])|\\lvert(?![A-Za-z])|\\rvert(?![A-Za-z])", "|"),
        (r"\\l?brace(?![A-Za-z])", r"\\{"),
        (r"\\rbrace(?![A-Za-z])", r"\\}"),
        (r"\\(?:mathrm|operatorname\*?|mathit|mathsf|rm)\s*\{\s*([A-Za-z]{1,8})\s*\}", r" \1 "),
        (r"\\(?:text|textrm|mbox|mathrm|operatorname|boldsymbol|mathbf|textnormal)\s*\{([^{}]*)\}", r" \1 "),
        (r"<\s?=|=\s?<", "<="),
        (r">\s?=", ">="),
        (r"(?<=[)\]\[}])\s*U\s*(?=[(\]\[{\\])", r" \\cup "),
        (r"⟨|\\langle(?![A-Za-z])", "("),
        (r"⟩|\\rangle(?![A-Za-z])", ")"),
        (r"(?<![A-Za-z\\])log_?(2|10)(?=\s*\()", r"\\log_{\1}"),
        (
            r"^\s*\\?\{\s*[A-Za-z]\w?\s*(?:\\in\s*\\mathbbR\s*)?[|:]\s*([^{}|:]*(?:[<>]|\\ne|\\in)[^{}|:]*?)\s*\\?\}\s*$",
            r"\1",
        ),  # the set of all x that satisfy an inequality
    )
]
_BOLD = re.compile(r"(?<![^\s=(:])\*\*(?=\S)|\*\*\s*$")
_POWER = re.compile(r"(?<=[\w)}])(?:\*\*| \*\* )(?=[\w({-])", re.ASCII)
_RAISED_OR_LOWERED = re.compile(
    r"(?P<root>[⁰¹²³⁴-⁹]+)√|(?P<raised>[⁰¹²³⁴-⁹⁺⁻⁽⁾ⁿⁱᵃ-ᵿˣʸᶻ]+)|(?P<lowered>[₀-₉₊₋₍₎ₐ-ₜᵢ-ᵥⱼ]+)"
)
_ROOT = re.compile(r"\\sqrt(\[\d\])?\s*(\d+(?:\.\d+)?)")
_PERIODIC = re.compile(r"(?<![\d.])(\d+)\.(\d*)(?:\\overline\s*\{(\d+)\}|\((\d+)\))")
_WORD = {language: (conjunctions(OR, language), conjunctions(AND, language)) for language in DECIMAL_SIGNS}
_IS_IN = re.compile(r"(?<=[A-Za-z] )(?:is in|in|belongs to|appartient à|∊|є)(?=\s*[\[(\]])")
_ENGLISH = conjunctions(OR, "en"), conjunctions(AND, "en")


def with_carets(text: str) -> str:
    """Return an answer whose powers are written `x^2`, not `x**2`. Bold text of Markdown stays as it is."""
    return text if _BOLD.search(text) else _POWER.sub("^", text)


def normalize_formula(text: str, language: str) -> str:
    r"""Return an answer in the plain LaTeX that `same_statement.is_same_statement` reads.

    Sizes, spaces, styles, currencies, degrees and percent signs are gone. `or` is `\lor`; `and` and semicolons are
    commas. Numbers have decimal points and no separators of thousands.

    Args:
        text: The answer.
        language: ISO code of the language whose conventions for numbers and words apply.
    """
    text = _RAISED_OR_LOWERED.sub(_in_ascii, "".join(map(_without_vulgar_fraction, text)))
    for char, name in _GREEK.items():
        text = text.replace(char, name)
    for sign, command in _SYMBOLS.items():
        text = text.replace(sign, command)
    text = plain_characters(text).translate({ord(sign): command for sign, command in _SYMBOLS.items()})
    for pattern, replacement in _COMMANDS:
        text = pattern.sub(replacement, text)
    text = _with_decimal_points(text.strip(" .。"), language)
    text = _IS_IN.sub(r"\\in ", text)
    for either, both in (_WORD[language], _ENGLISH):
        text = re.sub(rf"(?<![\\A-Za-z]){either}(?![\\(])", r" \\lor ", text)
        text = re.sub(rf"(?<![\\A-Za-z]){both}(?![\\(])", " , ", text)
    text = _ROOT.sub(lambda match: rf"\sqrt{match[1] or ''}{{{match[2]}}}", text)
    text = re.sub(r",\s*(?=\\lor|,)|(?<=\\lor )\s*,", " ", text)
    return _PERIODIC.sub(_periodic_to_fraction, text).strip(" .。")


def _in_ascii(match: re.Match[str]) -> str:
    if match["root"]:
        return rf"\sqrt[{unicodedata.normalize('NFKC', match['root'])}]"
    text = unicodedata.normalize("NFKC", match[0]).replace("−", "-")
    return f"^{{{text}}}" if match["raised"] else f"_{{{text}}}"


def _without_vulgar_fraction(char: str) -> str:
    if char.isascii():
        return char
    top, slash, bottom = unicodedata.normalize("NFKC", char).partition("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}" if slash and bottom else char


def _with_decimal_points(text: str, language: str) -> str:
    """Return the text with commas between members and points within decimals.

    A comma between two digits is a decimal comma only in the languages that have one, and only where no brackets or
    semicolons make it the separator of a list.
    """
    text = re.sub(r"(?<=\d)[٬](?=\d{3})", "", text.replace("٫", "."))
    text = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", text)
    if DECIMAL_SIGNS[language] != ".":
        if ";" in text or not re.search(r"[(\[\]{]\s*[-+]?\d+,\d", text):
            text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    elif not re.search(r"[(\[\]{]", text):
        text = re.sub(
            r"(?<![\d,.])(\d{1,3})((?:,\d{3})+)(?![\d,])", lambda match: match[0].replace(",", ""), text
        )
    return re.sub(r"[;、]", ",", text)


def _periodic_to_fraction(match: re.Match[str]) -> str:
    whole, fixed, period = match[1], match[2], match[3] or match[4]
    bottom = (10 ** len(period) - 1) * 10 ** len(fixed)
    return rf"\frac{{{int(whole + fixed + period) - int(whole + fixed)}}}{{{bottom}}}"
