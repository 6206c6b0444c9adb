"""A last line that states the answer in a sentence is read in 14 languages, if nothing is marked."""

from __future__ import annotations

import itertools

import pytest
from growth import grows_less_than

from fusion_eval.answers.equivalence import same_answer
from fusion_eval.answers.final_answer import final_answer, marked_answer
from fusion_eval.answers.lead_ins import MARKERS

LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar", "hi", "sw", "th")
FORMS = {
    "the answer is": ["The answer is", "La réponse est", "Die Antwort lautet", "La respuesta es", "Ответ —", "La risposta è", "A resposta é", "答えは", "답은", "答案是", "الإجابة هي", "उत्तर है",
                      "Jibu ni", "คำตอบคือ"],
    "the final answer is": ["The final answer is", "La réponse finale est", "Die endgültige Antwort ist", "La respuesta final es", "Окончательный ответ —", "La risposta finale è",
                            "A resposta final é", "最終的な答えは", "최종 답은", "最终答案是", "الإجابة النهائية هي", "अंतिम उत्तर है", "Jibu la mwisho ni", "คำตอบสุดท้ายคือ"],
    "therefore, the answer is": ["Therefore, the answer is", "Par conséquent, la réponse est", "Daher lautet die Antwort", "Por lo tanto, la respuesta es", "Следовательно, ответ —",
                                 "Pertanto, la risposta è", "Portanto, a resposta é", "したがって、答えは", "따라서 답은", "因此，答案是", "لذلك، الإجابة هي", "इसलिए, उत्तर है", "Kwa hiyo, jibu ni",
                                 "ดังนั้น คำตอบคือ"],
}  # fmt: skip
"""The same forms in each language, in the order of `LANGUAGES`."""
ENDINGS = ("{} 18", "{} 18.", "**{} 18.**", "{} **18**", "{} $18$", "- {} 18")
NEGATIONS = {
    "en": "The answer is not 18.", "fr": "La réponse n'est pas 18.", "de": "Die Antwort ist nicht 18.", "es": "La respuesta no es 18.", "ru": "Ответ — не 18.", "it": "La risposta non è 18.",
    "pt": "A resposta não é 18.", "ja": "答えは18ではありません。", "ko": "답은 18이 아닙니다.", "zh": "答案不是18。", "ar": "الإجابة ليست 18", "hi": "उत्तर 18 नहीं है।", "sw": "Jibu si 18",
    "th": "คำตอบไม่ใช่ 18",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_share_of_the_forms_is_read_in_each_language(language):
    column = LANGUAGES.index(language)
    lines = [ending.format(forms[column]) for forms, ending in itertools.product(FORMS.values(), ENDINGS)]
    missed = [
        line for line in lines if (final_answer(f"16 - 3 = 13\n{line}", language) or "").strip("$*") != "18"
    ]
    assert missed == []


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("答えは18です。", "ja"), ("答えは18となります。", "ja"), ("정답은 18입니다.", "ko"), ("उत्तर 18 है।", "hi"), ("La réponse est de 18", "fr"), ("La risposta è pari a 18", "it"),
        ("Answer = 18", "en"), ("🎯 Answer → 18", "en"), ("✅ Die Antwort ist 18", "de"), ("Ответ равен 18", "ru"), ("The answer is 18. I hope this helps!", "en"), ("We get 3. Answer: 18", "en"), ("先得3。答案：18", "zh"),
        ("She has 6 boxes of 3, so the answer is 18.", "en"), ("Elle en a 6 fois 3, donc la réponse est 18.", "fr"), ("#### 18", "en"),
    ],
)  # fmt: skip
def test_an_answer_in_a_sentence_of_the_last_line_is_read(line, language):
    assert final_answer(f"16 - 3 = 13\n{line}\n", language) == "18"


def test_an_answer_in_words_is_read_at_the_start_of_the_line_alone():
    assert final_answer("The tower.\nThe final answer is Paris.", "en") == "Paris"
    assert final_answer("The tower. The final answer is Paris.", "en") is None
    assert final_answer("The answer is a town that many people love to visit in spring.", "en") is None


@pytest.mark.parametrize(
    "line",
    [
        "Is the answer 18?", "The answer is at least 18.", "If x is 3, the answer is 18.", "I think the answer is 18.", 'She said: "The answer is 18."', "The answer is 18, but that is wrong.",
        "The answer is 18. Wait, it is 19.", "The answer is 17. No, the answer is 18.", "The answer is given in step 18.", "#### Step 18", "#### 1. Answer",
    ],
)  # fmt: skip
def test_other_sentences_state_no_answer(line):
    assert final_answer(f"16 - 3 = 13\n{line}", "en") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_denied_number_is_no_answer(language):
    assert not same_answer(final_answer(NEGATIONS[language], language), "18", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_marked_answer_comes_first_and_only_the_last_line_counts(language):
    line = FORMS["the answer is"][LANGUAGES.index(language)]
    assert final_answer(f"{MARKERS[language]} 17\n{line} 18", language) == "17"
    assert final_answer(f"{line} 18\n16 - 3 = 13", language) is None
    assert marked_answer(f"{line} 18", language) is None


@pytest.mark.parametrize(
    "piece", [". the answer is", ", so the answer is ", "。答案是", "so ", "#### 1", "the answer is 1 "]
)
def test_time_grows_linearly_with_a_long_last_line(piece):
    small, large = (piece * (size // len(piece)) for size in (5_000, 40_000))
    assert grows_less_than(20, lambda text: final_answer(text, "zh"), [small] * 4, [large] * 4)
