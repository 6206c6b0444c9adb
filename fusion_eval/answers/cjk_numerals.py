"""Convert Chinese, Japanese and Korean numerals to digits: 三百二十, 1万2千, 삼백이십, 三分之一."""

from __future__ import annotations

import re
from fractions import Fraction

from fusion_eval.answers.decimals import DECIMAL_PATTERN, parse_decimal

_DIGITS = {char: value for value, chars in enumerate(
    ("〇零영공", "一壹일", "二贰貳两兩이", "三叁參삼", "四肆사", "五伍오", "六陆陸육륙", "七柒칠", "八捌팔", "九玖구")
) for char in chars}  # fmt: skip
_SMALL = {"十": 10, "拾": 10, "십": 10, "百": 100, "佰": 100, "백": 100, "千": 1000, "仟": 1000, "천": 1000}
_TENS = str.maketrans({"廿": "二十", "卅": "三十", "卌": "四十"})
_BIG = {
    "万": 10**4, "萬": 10**4, "만": 10**4, "亿": 10**8, "億": 10**8, "억": 10**8,
    "兆": 10**12, "조": 10**12,
}  # fmt: skip


def _class(chars: str) -> str:
    return f"[{''.join(sorted(set(chars)))}]"


_HANGUL = "영공일이삼사오육륙칠팔구십백천만억조"
# Scale characters also begin units and words, where they scale nothing: 千克 (kg), 조각 (piece), 百分点.
_NO_SCALE = (
    "(?!千(?:克|米|瓦|卡|焦|赫|帕|伏|欧|字节|比特)|兆(?:字节|赫|瓦|帕|比特|欧|焦|位)|[百千]分(?:点|點|率|比|位)|백분(?:율|위|률)|"
    "만큼|조각|조건|조합)"
)
_UNIT = _NO_SCALE + _class("".join((*_SMALL, *_BIG)))
_HAN_DIGIT = _class("".join(char for char in _DIGITS if char not in _HANGUL))
_HAN = _NO_SCALE + _class("".join(char for char in (*_DIGITS, *_SMALL, *_BIG) if char not in _HANGUL))
_COUNTED = "개|원|명|달러|마리|살|년|월|일|시간|분|초|번|권|장|미터|킬로|퍼센트"
FIRST_CHARACTER = f"{_HAN}|[{_HANGUL}]"
"""Pattern of the first character of a numeral."""

_WITH_UNITS = re.compile(rf"{DECIMAL_PATTERN} ?{_UNIT}(?: ?{DECIMAL_PATTERN}|{_UNIT})*")
_HANGUL_PARTS = re.compile(
    rf"(?<![가-힣])([{_HANGUL}]+|\d+) ?분의 ?([{_HANGUL}]+?|\d+)(?=[^\w가-힣]|$|이다|입니|이에|이야|{_COUNTED})"
)
_HAN_PARTS = re.compile(rf"(?<=\d)( ?[又と] ?)((?:{_HAN})+)(?:分之|分の)((?:{_HAN})+)")
_HAN_POINT = re.compile(rf"((?:{_HAN})+)[点點]({_HAN_DIGIT}+)")
_HAN_RUN = re.compile(rf"(?:{_HAN})+")
_HANGUL_RUN = re.compile(
    rf"^([- ]*)((?=[{_HANGUL} ]*[십백천만억조])[{_HANGUL}]+(?: [{_HANGUL}]+)*|[{_HANGUL}])"
    rf"(?: ?점 ?([영공일이삼사오육륙칠팔구]+))?(?=\W|$|{_COUNTED})"
)
_TOKENS = re.compile(rf"{DECIMAL_PATTERN}|[^\d\s]")
_PARTS = re.compile(rf"({DECIMAL_PATTERN}) ?(?:分之|分の|분의) ?({DECIMAL_PATTERN})")


def with_ascii_numerals(text: str, language: str) -> str:
    """Return the text with its CJK numerals written in ASCII digits.

    If the text holds digits already, only numerals that begin with a digit are converted, such as 1万2千. In such a
    text, a character like 一 is more often part of a word than a number.

    Args:
        text: The text, in any language.
        language: ISO code of the text's language. In Chinese, 二百五 is 250; in Japanese, it is 205.
    """
    if text.isascii():
        return text
    text = text.translate(_TENS)
    text = _HAN_PARTS.sub(
        lambda match: f"{match[1]}{_numeral(match[3], language)}/{_numeral(match[2], language)}", text
    )
    text = _HANGUL_PARTS.sub(
        lambda match: f"{_numeral(match[2], language)}/{_numeral(match[1], language)}", text
    )
    if re.search(r"\d", text):
        text = _WITH_UNITS.sub(lambda match: _numeral(match[0], language), text)
    else:
        text = _HAN_POINT.sub(
            lambda match: f"{_numeral(match[1], language)}.{_digit_by_digit(match[2])}", text
        )
        text = _HAN_RUN.sub(lambda match: _numeral(match[0], language), text)
        text = _HANGUL_RUN.sub(
            lambda match: (
                match[1]
                + _numeral(match[2], language)
                + ("." + _digit_by_digit(match[3]) if match[3] else "")
            ),
            text,
        )
    text = _PARTS.sub(lambda match: match[2] if match[1] == "100" else f"{match[2]}/{match[1]}", text)
    return re.sub(r"(?<=\d) ?[又と과와] ?(?=\d+/\d)", " ", text)


def _digit_by_digit(chars: str) -> str:
    return "".join(str(_DIGITS[char]) for char in chars)


def _numeral(run: str, language: str) -> str:
    """Return a run of numerals in digits, or unchanged if its units are in no valid order."""
    tokens = _TOKENS.findall(run)
    if len(tokens) == 2 and 0 < _DIGITS.get(tokens[0], 0) == _DIGITS.get(tokens[1], 0) - 1:
        return run  # 三四个 means three or four
    if all(token in _DIGITS for token in tokens):
        return _digit_by_digit("".join(tokens))
    value = _units_value(tokens, language)
    if value is None:
        return run
    return str(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _units_value(tokens: list[str], language: str) -> Fraction | None:
    """Return the value of digits and units in falling order, or None if they are in no valid order."""
    total = section = Fraction(0)
    current: Fraction | None = None
    small, big, zero = 10**4, 10**16, False
    for token in tokens:
        if token in _SMALL:
            if _SMALL[token] >= small:
                return None
            small, zero = _SMALL[token], False
            section, current = section + (1 if current is None else current) * small, None
        elif token in _BIG:
            if _BIG[token] >= big:
                return None
            section += current or 0
            small, big, zero = 10**4, _BIG[token], False
            total, section, current = total + (section or 1) * big, Fraction(0), None
        elif token in _DIGITS and _DIGITS[token] == 0:
            zero = True
        elif current is not None:
            return None
        else:
            current = Fraction(_DIGITS[token]) if token in _DIGITS else parse_decimal(token, language)
            if current is None:
                return None
    lowest = small if small < 10**4 else big
    if language == "zh" and current is not None and current < 10 and lowest >= 100 and not zero:
        current *= lowest // 10  # 二百五 is 250 in Chinese; 205 is 二百零五
    return total + section + (current or 0)
