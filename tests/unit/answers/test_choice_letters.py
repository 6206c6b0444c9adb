"""The letter that a reply chooses is read in all 11 languages, and never made up."""

from __future__ import annotations

import time

import pytest

from fusion_eval.answers.choice_letters import OPTION_WORDS, choice_letter
from fusion_eval.answers.choices import INSTRUCTIONS
from fusion_eval.answers.lead_ins import MARKERS

CITIES = ["Paris", "Rome", "Berlin", "Madrid"]
LANGUAGES = tuple(INSTRUCTIONS)

SENTENCES = {
    "en": ["The correct answer is B.", "The answer is (B).", "Therefore, the correct option is B"],
    "fr": ["La bonne réponse est B.", "La réponse est donc la B.", "La bonne réponse est l'option B."],
    "de": ["Die richtige Antwort lautet B.", "Die korrekte Option ist B.", "Antwort: Option B"],
    "es": ["La respuesta correcta es la B.", "La opción correcta es la B.", "La respuesta correcta es la opción B."],
    "ru": ["Правильный ответ — B.", "Правильный вариант — B.", "Ответ: В"],
    "it": ["La risposta corretta è la B.", "L'opzione corretta è la B.", "La risposta giusta è l'opzione B."],
    "pt": ["A resposta correta é B.", "A opção correta é a B.", "A alternativa correta é a letra B."],
    "ja": ["正解はBです。", "正しい選択肢はBです。", "答え：選択肢B"],
    "ko": ["정답은 B입니다.", "올바른 선택지는 B입니다.", "정답: 선택지 B"],
    "zh": ["答案是B。", "正确选项是B。", "答案：选B"],
    "ar": ["الإجابة الصحيحة هي B.", "الخيار الصحيح هو B.", "الإجابة: ب"],
}  # fmt: skip


def test_all_tables_have_the_same_languages():
    assert set(OPTION_WORDS) == set(SENTENCES) == set(LANGUAGES)


@pytest.mark.parametrize(
    "form",
    ["B", "b", "**B**", "(B)", "B.", "B) Rome", "B. Rome", "Rome", "[B]", "Ｂ", "（B）", "B - Rome", "B: Rome", "B (Rome)",
     "**B. Rome**", "Option B", "B Rome", "'B'", "« B »", r"\boxed{B}", r"$\boxed{\text{B}}$"],
)  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_line_may_hold_the_letter_the_option_or_both(language, form):
    assert choice_letter(f"Not A, nor C.\n\n{MARKERS[language]} {form}", CITIES, language) == "B"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [(code, sentence) for code, sentences in SENTENCES.items() for sentence in sentences],
)
def test_a_sentence_states_the_answer(language, sentence):
    assert choice_letter(sentence, CITIES, language) == "B"
    assert choice_letter(f"First A, then C.\n{sentence}", CITIES, language) == "B"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "form", ["A and B", "A, B", "A/B", "B or C", "(A) and (C)", "E", "none", "B. Paris", "A dog"]
)
def test_several_letters_none_or_a_contradiction_are_no_answer(language, form):
    assert choice_letter(f"{MARKERS[language]} {form}", CITIES, language) is None


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("(B)\n\nBecause I know it.", "B"),
        ("I know it.\n\nB. Rome", "B"),
        ("A\n\nOr, on reflection:\n\nB", None),
        ("I have no idea", None),
        ("The correct answer is not B", None),
        ("The answer is A dog", None),
        ("Answer: B, not A", "B"),
        ("Answer: C is the correct one", "C"),
        ("Answer: I am not sure", None),
        ("<think>Answer: C</think>Answer: B", "B"),
        ("<think>Answer: C", None),
        ("", None),
    ],
)
def test_replies_without_an_answer_line_and_with_odd_ones(reply, letter):
    assert choice_letter(reply, CITIES, "en") == letter


@pytest.mark.parametrize(
    ("answer", "options", "letter"),
    [
        ("A dog", ["A cat", "A dog"], "B"),
        ("B: A dog", ["A cat", "A dog"], "B"),
        ("A", ["B", "A"], "A"),
        ("4", ["3", "4"], "B"),
        ("J", list("0123456789"), "J"),
        ("same", ["same", "same"], None),
    ],
)
def test_options_that_look_like_letters(answer, options, letter):
    assert choice_letter(f"Answer: {answer}", options, "en") == letter


def test_a_russian_preposition_is_no_letter():
    assert choice_letter("Ответ: В данном случае неизвестно", CITIES, "ru") is None


@pytest.mark.parametrize("text", ["A ", "The answer is ", "\\text{", "正确", "so so ", "("])
def test_the_time_grows_no_faster_than_the_reply(text):
    def seconds(length: int) -> float:
        started = time.process_time()
        choice_letter(text * (length // len(text)), CITIES, "zh")
        return time.process_time() - started

    seconds(1000)  # builds the patterns
    assert seconds(400_000) < 20 * max(seconds(50_000), 0.02)
