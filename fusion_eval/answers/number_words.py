"""Words next to a number that change its value: scale words by language; roots, halves and limits in any language."""

from __future__ import annotations

import re
from collections.abc import Sequence

_THOUSAND, _MILLION, _BILLION, _TRILLION = 10**3, 10**6, 10**9, 10**12

SCALES: dict[str, dict[str, int]] = {
    "en": {
        "hundred": 100, "hundreds": 100, "thousand": _THOUSAND, "thousands": _THOUSAND, "million": _MILLION,
        "millions": _MILLION, "mn": _MILLION, "mln": _MILLION, "billion": _BILLION, "billions": _BILLION,
        "bn": _BILLION, "trillion": _TRILLION, "trillions": _TRILLION, "tn": _TRILLION, "dozen": 12, "dozens": 12,
        "lakh": 10**5, "lakhs": 10**5, "crore": 10**7, "crores": 10**7,
    },
    "fr": {
        "centaine": 100, "centaines": 100, "mille": _THOUSAND, "milliers": _THOUSAND, "million": _MILLION,
        "millions": _MILLION, "mn": _MILLION, "milliard": _BILLION, "milliards": _BILLION, "mds": _BILLION,
        "md": _BILLION, "billion": _TRILLION, "billions": _TRILLION, "douzaine": 12, "douzaines": 12,
    },
    "de": {
        "hundert": 100, "tausend": _THOUSAND, "tsd": _THOUSAND, "million": _MILLION, "millionen": _MILLION,
        "mio": _MILLION, "mill": _MILLION, "milliarde": _BILLION, "milliarden": _BILLION, "mrd": _BILLION,
        "billion": _TRILLION, "billionen": _TRILLION, "dutzend": 12,
    },
    "es": {
        "centenas": 100, "centenares": 100, "cientos": 100, "mil": _THOUSAND, "millón": _MILLION,
        "millon": _MILLION, "millones": _MILLION, "mn": _MILLION, "billón": _TRILLION, "billones": _TRILLION,
        "docena": 12, "docenas": 12,
    },
    "it": {
        "centinaia": 100, "mila": _THOUSAND, "mille": _THOUSAND, "migliaia": _THOUSAND, "milione": _MILLION,
        "milioni": _MILLION, "mln": _MILLION, "miliardo": _BILLION, "miliardi": _BILLION, "mld": _BILLION,
        "bilione": _TRILLION, "bilioni": _TRILLION, "dozzina": 12, "dozzine": 12,
    },
    "pt": {
        "centenas": 100, "mil": _THOUSAND, "milhares": _THOUSAND, "milhão": _MILLION, "milhões": _MILLION,
        "mi": _MILLION, "bilhão": _BILLION, "bilhões": _BILLION, "bi": _BILLION, "trilhão": _TRILLION,
        "trilhões": _TRILLION, "dúzia": 12, "dúzias": 12,
    },
    "ru": {
        "сотня": 100, "сотни": 100, "сотен": 100, "тысяча": _THOUSAND, "тысячи": _THOUSAND, "тысяч": _THOUSAND,
        "тыс": _THOUSAND, "миллион": _MILLION, "миллиона": _MILLION, "миллионов": _MILLION, "млн": _MILLION,
        "миллиард": _BILLION, "миллиарда": _BILLION, "миллиардов": _BILLION, "млрд": _BILLION,
        "триллион": _TRILLION, "триллиона": _TRILLION, "триллионов": _TRILLION, "трлн": _TRILLION,
        "дюжина": 12, "дюжины": 12, "дюжин": 12,
    },
    "ar": {
        "مئات": 100, "مئة": 100, "مائة": 100, "ألف": _THOUSAND, "ألفا": _THOUSAND, "آلاف": _THOUSAND,
        "الف": _THOUSAND, "الاف": _THOUSAND, "مليون": _MILLION, "ملايين": _MILLION, "مليار": _BILLION,
        "مليارات": _BILLION, "بليون": _BILLION, "تريليون": _TRILLION, "ترليون": _TRILLION, "دزينة": 12,
    },
    "hi": {
        "सौ": 100, "हज़ार": _THOUSAND, "हजार": _THOUSAND, "लाख": 10**5, "करोड़": 10**7, "मिलियन": _MILLION,
        "अरब": _BILLION, "बिलियन": _BILLION, "दर्जन": 12,
    },
    "sw": {
        "mia": 100, "elfu": _THOUSAND, "laki": 10**5, "milioni": _MILLION, "bilioni": _BILLION,
        "trilioni": _TRILLION, "dazeni": 12,
    },
    "th": {"สิบ": 10, "ร้อย": 100, "พัน": 10**3, "หมื่น": 10**4, "แสน": 10**5, "ล้าน": 10**6, "โหล": 12},
}  # fmt: skip
"""Factors of scale words by language (ISO code). They follow the number; in Swahili they may precede it (`elfu 5`)."""
_ALL_SCALES = frozenset(word for scales in SCALES.values() for word in scales)
_SCALES_UNSPACED = "[十百千万萬亿億兆](?![克米瓦])|[십백천만억]|สิบ|ร้อย|พัน|หมื่น|แสน|ล้าน"


def _words(pattern: str) -> str:
    """Return a pattern of whole words, for scripts that put spaces between words."""
    return rf"(?<![^\W\d])(?:{' '.join(pattern.split())})(?![^\W\d])".replace("| ", "|").replace(" |", "|")


_ROOTS = _words(
    r"""(?:square|cube|cubic) root|root of|sqrt|squared|cubed|to the \w+ power|to the power|power of|factorial
    |logarithm|racine|au carré|au cube|puissance|logarithme|factorielle|\w*wurzel|hoch|im quadrat|zum quadrat
    |logarithmus|fakultät|raíz|raiz|raíces|al cuadrado|al cubo|elevad[oa]|potencia|logaritmo|radice|al quadrato
    |elevat[oa]|potenza|fattoriale|ao quadrado|ao cubo|potência|fatorial|корень|корня|в квадрате|в кубе
    |в степени|логарифм\w*|факториал|(?:ال)?جذر|تربيع|تكعيب|لوغاريتم|مضروب|kipeo|kipeuo"""
)
_ROOTS_UNSPACED = (
    "根号|根號|ルート|平方根|立方根|루트|제곱근|제곱(?! ?(?:미터|킬로|센티|밀리|피트|인치|[kcm]))|的平方|的立方|次方|乗|阶乘|階乗|"
    "팩토리얼|로그|对数|對數|対数|वर्गमूल|घनमूल|का वर्ग|का घन|ราก|กำลัง"
)
_HALVES = _words(
    r"""hal(?:f|ves)|demi|demie|demis|\w*(?:einhalb|anderthalb)|halbe?[nrs]?|y medi[oa]|medi[oa] de|medios|e mezz[oa]|mezz[oa]
    |e mei[oa]|meia|metade|mitad|metà|moitié|hälfte|половин\w*|полтора|полторы|(?:و|ال)?نصف|nusu|na nusu"""
)
_HALVES_UNSPACED = (
    "半(?!径|徑)|반(?![가-힣])|반(?=이다|입니|이에|이야)|साढ़े|साढ़े|सवा|पौने|पौन|आधा|आधे|आधी|ढाई|डेढ़|डेढ़|ครึ่ง|절반"
)
_FRACTIONS = _words(
    r"""thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|twelfths?|hundredths?|thousandths?
    |tiers|quarts?|\w{3,}ièmes?|\w*(?:dritt|viert|fünft|sechst|siebt|siebent|acht|neunt|zehnt|zwanzigst|hundertst|tausendst)eln?
    |tercios?|cuartos?|quintos?|sextos?|s[ée]ptimos?|octavos?|novenos?|d[ée]cim[oa]s?|cent[ée]sim[oa]s?|mil[ée]sim[oa]s?
    |terz[oi]|quart[oi]|quint[oi]|sest[oi]|settim[oi]|ottav[oi]|non[oi]|decim[oi]|centesim[oi]|millesim[oi]
    |terços?|quartos?|sétimos?|oitavos?|nonos?|треть|трети|третей|третьих|четверть|четверти|четвертей|четвертых|четвёртых
    |пятых|пятая|шестых|шестая|седьмых|седьмая|восьмых|восьмая|девятых|девятая|десятых|десятая|сотых|сотая|тысячных|тысячная
    |(?:و|ال)?ثلث|ثلثان|ثلثين|أثلاث|اثلاث|(?:و|ال)?ربع|أرباع|ارباع|أخماس|اخماس|أسداس|أسباع|أثمان|أتساع|أعشار
    |theluthi|robo"""
)
_FRACTIONS_UNSPACED = "तिहाई|चौथाई|เศษ"
_INEXACT = (  # a few tens, three or four, 85 percent of the price, a pair
    "[几幾数數][十百千万萬亿億]|[十百千万萬亿億0-9][几幾数數多余餘]|(?:수|몇) ?[십백천만억]|[십백천만억0-9]여(?![가-힣])|[0-9]여 ?명|"
    "[0-9一二三四五六七八九]{2}折|ダース|다스|켤레|"
    + _words(r"score|scores|pairs?|couple|gross|myriads?|paires?|paar|пара|пары|пар|miles de|miliers")
)
_NOT = _words(
    r"""not|cannot|never|at least|at most|no (?:more|less|fewer) than|up to|pas|au moins|au plus|jusqu|nicht|kein\w*
    |mindestens|höchstens|bis zu|al menos|por lo menos|como máximo|como mínimo|a lo sumo|almeno|al massimo|al più
    |não|pelo menos|no máximo|no mínimo|non|не|как минимум|минимум|максимум|ليس|ليست|لا|على الأقل|على الأكثر|sio|angalau"""
)
_NOT_UNSPACED = (
    "n't|未満|以上|以下|以内|より[大小多少]|少なくとも|多くとも|ではな|ではあり|じゃな|じゃあり|とは限|でな[いく]|不是|并非|並非|不到|不足|不超|超过|超過|至少|至多|最多|"
    "少于|多于|大于|小于|低于|高于|이상|이하|미만|초과|적어도|많아야|아니|아닙|않|보다|नहीं|से कम|से अधिक|से ज़?्?यादा|ไม่|น้อยกว่า|มากกว่า|อย่างน้อย|อย่างมาก"
)
CHANGES_VALUE = re.compile(
    "|".join((_ROOTS, _ROOTS_UNSPACED, _HALVES, _HALVES_UNSPACED, _FRACTIONS, _FRACTIONS_UNSPACED))
    + "|" + "|".join((_INEXACT, _NOT, _NOT_UNSPACED)),
    re.IGNORECASE,
)  # fmt: skip
"""Words that change the value of a number anywhere in the text, in any language."""
_CHANGES_VALUE_OF_FORMULA = re.compile(
    "|".join((_ROOTS, _ROOTS_UNSPACED, _HALVES, _HALVES_UNSPACED, _FRACTIONS, _FRACTIONS_UNSPACED, _NOT))
    + f"|{_NOT_UNSPACED}|{_SCALES_UNSPACED}",
    re.IGNORECASE,
)
_THINGS = frozenset(["quarter", "quarters", "halves"])
"""Fractions that are things as well: coins, and halves of a game."""

_FUNCTION = "(?:arc|a)?(?:sin|cos|tan|cot|csc|sec|tg|ctg)h?|log|ln|lg|exp|sqrt|cbrt|pi|inf|infty|mod|lim|max|abs|det|gcd|lcm"
CHANGES_VALUE_BEFORE = re.compile(
    rf"(?<![^\W\d])(?:{_FUNCTION})\b\W*$|(?:^|\W)[点點점]\s*$|최[소대]한?\s*$|"
    + _words(
        r"""(?:less|more|fewer|greater|larger|smaller|higher|lower|bigger) than|over|under|above|below|exceeds|twice|double|triple
        |thrice|plus de|moins de|plus que|inférieure? à|supérieure? à|mehr als|weniger als|größer als|kleiner als|über|unter
        |más de|menos de|mayor que|menor que|no|no es|si|doble de|più di|meno di|oltre|maggiore di|minore di|mais de|maior que
        |более|менее|больше|меньше|свыше|выше|ниже|أكثر من|أقل من|اكثر من|اقل من|أكبر من|أصغر من|zaidi ya|chini ya"""
    )
    + r"\W*$",
    re.IGNORECASE,
)
"""Words that change the value of a number right after them."""

CHANGES_VALUE_AFTER = re.compile(
    rf"^\s*(?:{_FUNCTION.replace('|sec', '').replace('|max', '')})\b|"
    + _words(
        r"""below zero|(?:au-dessous de|sous) zéro|unter null|bajo cero|sotto (?:lo )?zero|abaixo de zero|ниже нуля
        |or (?:more|less|fewer|above|below|over|under)|and (?:up|over|above|more)|ou (?:plus|moins)|oder (?:mehr|weniger)|o más
        |o menos|o più|o meno|ou mais|ou menos|или (?:больше|более|меньше|менее)|أو أكثر|أو أقل|au zaidi|au pungufu"""
    ),
    re.IGNORECASE,
)
"""Words that change the value of a number before them."""

CHANGES_YEAR = re.compile(
    _words(
        r"""bce?|b\.c|before|after|since|until|till|later|earlier|around|avant|après|depuis|av|vor|nach|seit|v\. ?chr|antes|después
        |desde|hasta|a\. ?c|prima|dopo|dal|depois|até|до|после|قبل|بعد|منذ|ق\.? ?م|kabla|baada|tangu|kk"""
    )
    + r"|\d0'?s\b|\d0er\b|-?х годах|以前|以降|以后|以後|之前|之后|之後|年代|(?<=[年0-9])[前后後]|紀元前|公元前|기원전|이전|이후|년대|년 ?[전후]|"
    "पहले|बाद|ई\\.? ?पू|ईसा पूर्व|ก่อน|หลัง",
    re.IGNORECASE,
)
"""Words that make a year another time, such as `before 1969` and `1969 BC`."""


def follows_as_unit(words: Sequence[str]) -> bool:
    """Return whether words right after a formula leave its value as it is: `apples`, but not `thousand` or `squared`."""
    text = " ".join(word for word in words if word not in _THINGS)
    changes = _CHANGES_VALUE_OF_FORMULA.search(text) or CHANGES_VALUE_AFTER.search(text)
    return changes is None and _ALL_SCALES.isdisjoint(words)
