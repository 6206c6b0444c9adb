"""Names are the same if they differ only in spelling without meaning; years are compared by value."""

from __future__ import annotations

import pytest

from fusion_eval.answers.same_text import same_text


@pytest.mark.parametrize(
    ("answer", "reference", "language"),
    [
        ("the Netherlands", "Netherlands", "en"), ("PARIS.", "Paris", "en"), ("Sao Paulo", "São Paulo", "pt"), ("L’Aquila", "Aquila", "it"),
        ("l'Égypte", "Egypte", "fr"), ("Die Zugspitze", "Zugspitze", "de"), ("Strasse", "Straße", "de"), ("Королёв", "Королев", "ru"),
        ("القاهرة", "القاهره", "ar"), ("مُحَمَّد", "محمد", "ar"), ("أسوان", "اسوان", "ar"), ("東京 ", "東京", "ja"), ("ﾄｳｷｮｳ", "トウキョウ", "ja"),
        ("北京（Beijing）", "北京", "zh"), ("서울 특별시", "서울특별시", "ko"), ("**“Nairobi”**", "Nairobi", "sw"), ("New-York", "New York", "en"),
        ("1969年", "1969", "ja"), ("१९६९", "1969", "hi"), ("दिल्ली।", "दिल्ली", "hi"), ("Ａfrica", "Africa", "en"),
    ],
)  # fmt: skip
def test_a_name_in_another_spelling_is_the_same(answer, reference, language):
    assert same_text(answer, ["something else", reference], language)


@pytest.mark.parametrize(
    ("answer", "reference", "language"),
    [
        ("Paris", "Parma", "en"), ("", "Paris", "en"), (None, "Paris", "en"), ("(Paris)", "Rome", "en"), ("かき", "がき", "ja"), ("दिल", "दाल", "hi"),
        ("май", "маи", "ru"), ("1968", "1969", "en"), ("Paris or Rome", "Paris", "en"), ("C++", "C", "en"),
    ],
)  # fmt: skip
def test_a_different_name_is_not_the_same(answer, reference, language):
    assert not same_text(answer, [reference], language)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("1.5", "15", "ja"), ("3.5", "35", "th"), ("1-2", "12", "ja"), ("1-2", "12", "en"), ("-40", "40", "en"), ("-40", "40", "ja"),
        ("1/2", "1 2", "en"), ("½", "1 2", "en"), ("1 2", "12", "zh"), ("1,000", "1.000", "en"), ("1:30", "130", "ko"), (".5", "5", "en"),
        ("Boeing 7.4", "Boeing 74", "zh"), ("Kenya (East Africa)", "Kenya (Nairobi)", "en"), ("(Kenya)", "(Nairobi)", "en"),
    ],
)  # fmt: skip
def test_numbers_that_differ_in_separators_or_sign_are_different(one, other, language):
    assert not same_text(one, [other], language)
    assert not same_text(other, [one], language)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Kenya", "Kenya (East Africa)", "en"), ("肯尼亚", "肯尼亚（东非）", "zh"), ("U.S.A.", "USA", "en"), ("J. R. R. Tolkien", "J.R.R. Tolkien", "en"),
        ("JRR Tolkien", "J. R. R. Tolkien", "en"), ("1914–1918", "1914-1918", "en"), ("1914 – 1918", "1914-1918", "de"), ("½", "1/2", "en"),
        ("Apollo 11", "Apollo-11", "en"), ("東京 2020", "東京2020", "ja"), ("3.5 %", "3.5%", "th"), ("-40°", "−40", "en"), ("1,000", "1000", "en"),
    ],
)  # fmt: skip
def test_spelling_without_meaning_is_ignored_on_both_sides(one, other, language):
    assert same_text(one, [other], language)
    assert same_text(other, [one], language)


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("not 1969", "en"), ("before 1969", "en"), ("after 1969", "en"), ("1969 BC", "en"), ("1969 B.C.", "en"), ("1960s", "en"), ("1969 or later", "en"),
        ("avant 1969", "fr"), ("1969 av. J.-C.", "fr"), ("vor 1969", "de"), ("1969 v. Chr.", "de"), ("antes de 1969", "es"), ("1969 a. C.", "es"),
        ("prima del 1969", "it"), ("antes de 1969", "pt"), ("до 1969", "ru"), ("1969 до н. э.", "ru"), ("1969年以前", "ja"), ("紀元前1969年", "ja"),
        ("公元前1969年", "zh"), ("1969年之后", "zh"), ("1960年代", "zh"), ("기원전 1969년", "ko"), ("1969년 이전", "ko"), ("قبل 1969", "ar"),
        ("1969 ق.م", "ar"), ("kabla ya 1969", "sw"), ("1969 के बाद", "hi"), ("ก่อน 1969", "th"),
    ],
)  # fmt: skip
def test_a_time_before_or_after_a_year_is_not_the_year(answer, language):
    assert not same_text(answer, ["1969", "1960"], language)


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("in 1969", "en"),
        ("im Jahr 1969", "de"),
        ("1969年", "ja"),
        ("1969년", "ko"),
        ("عام 1969", "ar"),
        ("1969 году", "ru"),
        ("en 1969", "fr"),
    ],
)
def test_a_year_counts_among_other_words(answer, language):
    assert same_text(answer, ["1969"], language)
