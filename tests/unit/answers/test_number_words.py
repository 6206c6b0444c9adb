"""Words next to a number scale it, name its unit, or change its value, so that it is not read."""

from __future__ import annotations

from fractions import Fraction

import pytest

from fusion_eval.answers.read_numbers import read_number

VALUES = {
    "en": {
        "ln 5": None, "log 5": None, "sin 5": None, "arcsin 5": None, "sqrt 5": None, "square root of 5": None, "5 squared": None, "5 cubed": None,
        "5 and a half": None, "2 thirds": None, "3 quarters": None, "1.5 bn": 1_500_000_000, "5 mln": 5_000_000, "2 hundred": 200, "3 dozen": 36,
        "3 hundred thousand": 300_000, "2 score": None, "5 pairs": None, "3 Billionen": None, "5 miles": 5, "not 5": None, "less than 5": None,
        "at least 5": None, "no more than 5": None, "more than 5": None, "5 or more": None, "5 more eggs": 5, "5!": None, "5 !": None, "5 m2": 5, "5㎡": 5,
        "№5": 5, "$5K": 5000, "2K": 2000, "5M": 5_000_000, "5am": 5, "5lb": 5, "5in": 5, "1_000": 1000, "5 square metres": 5, "3 sec": 3, "twice 5": None,
    },
    "fr": {
        "racine de 3": None, "5 au carré": None, "3 heures et demie": None, "1 million et demi": None, "3 quarts": None, "2 tiers": None, "2 centaines": 200,
        "moins de 5": None, "au moins 5": None, "plus de 5": None, "pas 5": None, "5e": 5, "1er": 1, "5 mètres carrés": 5, "3 milliards d'euros": 3_000_000_000,
    },
    "de": {
        "Wurzel aus 3": None, "5 hoch 2": None, "5 im Quadrat": None, "2 Drittel": None, "3 Viertel": None, "3 Billionen": 3 * 10**12, "2 Dutzend": 24,
        "5 Hundert": 500, "mindestens 5": None, "höchstens 5": None, "weniger als 5": None, "nicht 5": None, "5 Quadratmeter": 5, "2 und eine halbe": None,
    },
    "es": {
        "raíz cuadrada de 3": None, "raíz de 3": None, "5 al cuadrado": None, "5 y medio": None, "5 medios": None, "2 tercios": None, "2 mil millones": 2 * 10**9, "no 5": None,
        "al menos 5": None, "menos de 5": None, "más de 5": None, "5º": 5, "5ª": 5, "5 metros cuadrados": 5, "2 docenas": 24,
    },
    "it": {
        "radice di 5": None, "5 al quadrato": None, "5 e mezzo": None, "2 terzi": None, "2 bilioni": 2 * 10**12, "5 mln": 5_000_000, "almeno 5": None,
        "più di 5": None, "non 5": None, "5º": 5,
    },
    "pt": {
        "raiz de 5": None, "5 ao quadrado": None, "5 e meio": None, "2 terços": None, "pelo menos 5": None, "menos de 5": None, "não 5": None, "5 R$": 5,
        "R$ 5": 5, "2 bilhões": 2 * 10**9, "5ª": 5,
    },
    "ru": {
        "корень из 3": None, "5 в квадрате": None, "5 с половиной": None, "3 четверти": None, "2 трети": None, "5 трлн": 5 * 10**12, "5 сотен": 500,
        "не 5": None, "менее 5": None, "не менее 5": None, "больше 5": None, "5 квадратных метров": 5, "на 5 больше": 5,
    },
    "ja": {
        "ルート5": None, "5の二乗": None, "3時間半": None, "5未満": None, "5以上": None, "5以下": None, "2ダース": None, "2と3分の1": "7/3", "半径は5": 5, "5千キロ": 5000,
    },
    "ko": {
        "루트 5": None, "5의 제곱": None, "3시간 반": None, "삼분의 일": "1/3", "사분의 삼": "3/4", "사분의 삼입니다": "3/4", "6조각": 6, "5만큼": 5, "10 백분율": 10,
        "5 이상": None, "5 미만": None, "최소 5": None, "2다스": None, "5제곱미터": 5, "5만": 50000, "5만 원": 50000, "최소공배수는 5": 5,
    },
    "zh": {
        "根号5": None, "5的平方": None, "5的二次方": None, "三个半小时": None, "一半": None, "一个半": None, "十几": None, "几百": None, "三四个": None, "七八个": None,
        "点五": None, "八五折": None, "85折": None, "5千克": 5, "五千克": 5, "5千米": 5, "2千瓦时": 2, "3千卡": 3, "5千焦": 5, "5百分点": 5, "100兆字节": 100,
        "二百五十千克": 250, "5千": 5000, "五千元": 5000, "至少5": None, "不到5": None, "不是5": None, "5以上": None, "2又1/3": "7/3", "二又三分之一": "7/3", "5平方米": 5,
    },
    "ar": {"جذر 5": None, "5 ونصف": None, "5 مئات": 500, "أقل من 5": None, "ليس 5": None, "على الأقل 5": None, "5 متر مربع": 5},
    "hi": {"साढ़े 5": None, "कम से कम 5": None, "5 से कम": None, "5 लाख": 500_000, "5 नहीं": None},
    "sw": {"elfu 5": 5000, "5 na nusu": None, "2 bilioni": 2 * 10**9, "angalau 5": None, "zaidi ya 5": None},
    "th": {"5 ครึ่ง": None, "3ล้านบาท": 3_000_000, "ไม่เกิน 5": None, "รากที่สองของ 5": None},
}  # fmt: skip
"""Texts and their values, by language. The value is None if the text is not read as a number."""


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [(text, language, value) for language, rows in VALUES.items() for text, value in rows.items()],
)
def test_words_next_to_a_number_scale_it_or_change_it(text, language, value):
    assert read_number(text, language) == (None if value is None else Fraction(value))
    if value is None:  # English must not read it either, since answers are read by both conventions
        assert read_number(text, "en") is None
