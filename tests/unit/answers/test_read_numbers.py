"""Numbers are read as 14 languages write them. Formatters of the tests write them first."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from growth import grows_less_than
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.answers.read_numbers import read_bare_number, read_number

CONVENTIONS = [  # language, separator of thousands, decimal sign, digit zero
    ("en", ",", ".", "0"), ("ja", ",", ".", "0"), ("ko", ",", ".", "0"), ("zh", ",", ".", "0"), ("sw", ",", ".", "0"),
    ("th", ",", ".", "0"), ("th", ",", ".", "๐"), ("ja", "，", "．", "０"), ("zh", "，", "．", "０"),
    ("de", ".", ",", "0"), ("es", ".", ",", "0"), ("it", ".", ",", "0"), ("pt", ".", ",", "0"),
    ("de", "’", ".", "0"), ("it", "'", ".", "0"),
    ("fr", " ", ",", "0"), ("fr", "\u202f", ",", "0"), ("ru", "\u00a0", ",", "0"), ("pt", " ", ",", "0"),
    ("es", "\u2009", ",", "0"), ("ar", ",", ".", "0"), ("ar", "٬", "٫", "٠"), ("ar", "٬", "٫", "۰"), ("hi", ",", ".", "०"),
]  # fmt: skip
MINUS = ("-", "−", "–", "－", "﹣")  # fmt: skip
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar", "hi", "sw", "th")


def format_number(value: Decimal, thousands: str, point: str, zero: str) -> str:
    """Format the absolute value with digits in groups of three, without exponent."""
    whole, _, decimals = format(abs(value), "f").partition(".")
    groups = []
    while whole:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    text = "".join(
        chr(ord(zero) + int(char)) if char.isdigit() else char for char in "|".join(groups) + "^" + decimals
    )
    return text.replace("|", thousands).replace("^", point if decimals else "")


DECIMALS = st.decimals(min_value=-(10**12), max_value=10**12, places=2) | st.integers(-(10**12), 10**12).map(
    Decimal
)


@settings(max_examples=300)
@given(DECIMALS, st.sampled_from(CONVENTIONS), st.sampled_from(MINUS))
def test_a_number_in_a_languages_convention_is_read_back(value, convention, minus):
    language, thousands, point, zero = convention
    text = (minus if value < 0 else "") + format_number(value, thousands, point, zero)
    assert read_number(text, language) == Fraction(value)


@given(
    DECIMALS,
    st.sampled_from(CONVENTIONS),
    st.sampled_from(
        ["{} €", "€{}", "US$ {}", "{} USD", "**{}**", "{}.", "({})", "{}%", "${}$", "≈ {}", "\\text{{{}}}"]
    ),
)
def test_signs_and_codes_around_a_number_are_ignored(value, convention, around):
    language, thousands, point, zero = convention
    number = format_number(value, thousands, point, zero)
    is_pair = (
        around == "({})"
        and (number.count(",") + number.count("，")) == 1
        and not re.search(r"[^\d,，]", number)
    )
    expected = None if is_pair else Fraction(abs(value))  # (1,234) is a pair in any language
    assert read_number(around.format(number), language) == expected


@settings(max_examples=200)
@given(DECIMALS, st.sampled_from(LANGUAGES[:13]))
def test_numbers_that_babel_formats_are_read_back(value, language):
    numbers = pytest.importorskip("babel.numbers")
    assert read_number(numbers.format_decimal(value, locale=language), language) == Fraction(value)


CHINESE = ("零一二三四五六七八九", "十百千", "万亿", True)
JAPANESE = ("〇一二三四五六七八九", "十百千", "万億", False)
KOREAN = ("영일이삼사오육칠팔구", "십백천", "만억", False)


def numeral(value: int, digits: str, small: str, big: str, zeros: bool) -> str:
    """Write a number below 10^12 in CJK numerals. With `zeros`, 零 marks skipped units."""
    if value == 0:
        return digits[0]
    text, gap = "", False
    for power in range(11, -1, -1):
        digit = value // 10**power % 10
        if digit:
            text += digits[0] if gap and text and zeros else ""
            gap = False
            unit = small[power % 4 - 1] if power % 4 else ""
            text += ("" if digit == 1 and unit and not zeros else digits[digit]) + unit
        else:
            gap = True
        if power in (4, 8) and value // 10**power % 10**4:
            text += big[power // 4 - 1]
    return text


@settings(max_examples=300)
@given(st.integers(0, 10**12 - 1) | st.integers(0, 20_000), st.booleans())
def test_cjk_numerals_are_read_back(value, negative):
    sign = -1 if negative else 1
    assert read_number(("负" if negative else "") + numeral(value, *CHINESE) + "元", "zh") == sign * value
    assert (
        read_number(("マイナス" if negative else "") + numeral(value, *JAPANESE) + "円", "ja") == sign * value
    )
    assert (
        read_number(("마이너스 " if negative else "") + numeral(value, *KOREAN) + "원", "ko") == sign * value
    )


@given(
    st.integers(1, 9999),
    st.integers(0, 9999),
    st.sampled_from([("ja", "億", "万"), ("ko", "억 ", "만"), ("zh", "亿", "万")]),
)
def test_digits_with_cjk_units_are_read_back(high, low, units):
    language, hundred_millions, ten_thousands = units
    text = f"{high:,}{hundred_millions}" + (f"{low:,}{ten_thousands}" if low else "")
    assert read_number(text, language) == high * 10**8 + low * 10**4


@given(st.integers(0, 999), st.integers(1, 999), st.sampled_from(LANGUAGES))
def test_fractions_are_read_back(top, bottom, language):
    for form in ("{}/{}", "{} ⁄ {}", r"\frac{{{}}}{{{}}}", r"$\dfrac{{{}}}{{{}}}$"):
        assert read_number(form.format(top, bottom), language) == Fraction(top, bottom)
    if 0 < top < bottom:
        assert read_number(f"-2 {top}/{bottom}", language) == -2 - Fraction(top, bottom)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        # the language decides, then the digits after the separator
        ("1,234", "en", "1234"), ("1,234", "de", "1.234"), ("1.234", "de", "1234"), ("1.234", "en", "1.234"),
        ("1.234", "fr", "1234"), ("1.234", "ru", "1.234"), ("12.5", "de", "12.5"), ("0.650", "de", "0.65"),
        ("1234.567", "de", "1234.567"), ("1,23", "en", "1.23"), ("0,125", "en", "0.125"),
        # not ambiguous in any language
        ("1.234.567", "en", "1234567"), ("1,234.5", "de", "1234.5"), ("1.234,5", "en", "1234.5"), ("1 234,567", "en", "1234.567"),
        ("1,23,456", "hi", "123456"), ("1,00,000", "en", "100000"), ("٣،٥", "ar", "3.5"), (".5", "en", "0.5"),
        # words
        ("18 dollars per day", "en", "18"), ("2024年", "ja", "2024"), ("18일", "ko", "18"), ("80 km/h", "de", "80"),
        ("-18,5 °C", "ru", "-18.5"), ("Janet makes $18 every day.", "en", "18"), ("5 m²", "it", "5"), ("٢٥٪", "ar", "25"),
        ("1,5 Mio. Euro", "de", "1500000"), ("70 тысяч рублей", "ru", "70000"), ("3 mil", "es", "3000"),
        ("$-5", "en", "-5"), ("-$5", "en", "-5"), ("- R$ 5", "pt", "-5"), ("moins 5", "fr", "-5"), ("\u200f-5", "ar", "-5"),
        ("Covid-19", "en", "19"), ("Total - 18", "en", "18"),
        # powers of ten
        ("1.5e6", "en", "1500000"), ("1,5·10⁶", "de", "1500000"), (r"1.5\times 10^{-3}", "en", "0.0015"), ("10^3", "en", "1000"),
        # CJK
        ("三百二十", "zh", "320"), ("1万2千", "ja", "12000"), ("삼백이십", "ko", "320"), ("二百五", "zh", "250"), ("二百五", "ja", "205"),
        ("二〇二四年", "zh", "2024"), ("3.5万", "zh", "35000"), ("百分之二十五", "zh", "25"), ("三点一四", "zh", "3.14"),
        ("4分の3", "ja", "0.75"), ("四分之三", "zh", "0.75"), ("4분의 3", "ko", "0.75"), ("1½", "en", "1.5"), ("壹佰", "zh", "100"),
    ],
)  # fmt: skip
def test_a_number_is_read_in_any_form(text, language, value):
    assert read_number(text, language) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    ["", " ", "none", "3x", "x2", "3 x", "2ab", r"2\pi", "2π", r"\sqrt{5}", "√5", "5!", "2^5", "f(3)", "x < 5", "[2,3)",
     "3–5", "18, 24", "12.05.2024", "1.2.3", "2:3", "14:30", "1/0", "5+", "18 or 24", "18 24", "9" * 301],
)  # fmt: skip
def test_a_text_that_is_not_exactly_one_number_is_none(text):
    assert read_number(text, "en") is None


@pytest.mark.parametrize("text", ["사과", "만약", "일요일", "이유"])
def test_a_korean_word_made_of_numeral_syllables_is_no_number(text):
    assert read_number(text, "ko") is None


def test_a_bare_number_has_no_words_next_to_it():
    assert read_bare_number(r"$-\frac{2}{3}$") == Fraction(-2, 3)
    assert read_bare_number("70000") == 70000
    assert read_bare_number("3 km") is None


def test_a_language_without_conventions_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="'tlh'"):
        read_number("1", "tlh")


PIECES = st.sampled_from(["1", "0", ",", ".", " ", "-", "/", "^", "{", "}", "\\frac", "万", "千", "억", "½", "⁵", "点", "分之", "%", "x", "٫", "e", "10"])  # fmt: skip


@settings(max_examples=500)
@given(st.text() | st.lists(PIECES, max_size=30).map("".join), st.sampled_from(LANGUAGES))
def test_any_text_gives_a_number_or_none(text, language):
    assert isinstance(read_number(text, language), Fraction | None)


@pytest.mark.parametrize(
    "piece", ["1,", "1 000", "1/", "\\frac{", "千", "1万", "-", "(", " ", "1e9", "a ", "10^", "½", "\ufdfa"]
)
def test_time_does_not_explode_with_the_length_of_hostile_text(piece):
    def texts(length: int) -> list[str]:  # of different lengths, because readings are cached
        return [(piece * length)[: length - i] for i in range(3)]

    def read(text: str) -> Fraction | None:
        return read_number(text, "zh")

    assert grows_less_than(64, read, texts(72), texts(290))  # the cube of 4
    assert grows_less_than(64, read, texts(72), texts(10**6))  # more than 300 characters are not read
