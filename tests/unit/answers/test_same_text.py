"""Names and years: the spelling that carries no meaning, and the one that does."""

from __future__ import annotations

from importlib import import_module

import pytest
from task_files import task_file

same_text = import_module("fusion_eval.answers.same_text").same_text


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("1.5", "15", "ja"), ("3.5", "35", "th"), ("1-2", "12", "ja"), ("1-2", "12", "en"), ("-40", "40", "en"), ("-40", "40", "ja"),
        ("1/2", "1 2", "en"), ("½", "1 2", "en"), ("1 2", "12", "zh"), ("1,000", "1.000", "en"), ("1:30", "130", "ko"), (".5", "5", "en"),
        ("Boeing 7.4", "Boeing 74", "zh"), ("Kenya (East Africa)", "Kenya (Nairobi)", "en"), ("(Kenya)", "(Nairobi)", "en"),
    ],
)  # fmt: skip
def test_digits_are_not_run_together(one, other, language):
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
def test_spelling_without_meaning(one, other, language):
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
def test_another_time_is_not_the_year(answer, language):
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
def test_the_year_among_words(answer, language):
    assert same_text(answer, ["1969"], language)
