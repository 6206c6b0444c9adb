"""The words before a final answer are read in 14 languages, measured by the same forms in each."""

from __future__ import annotations

import itertools

import pytest
from growth import grows_less_than

from fusion_eval.answers.final_answer import final_answer
from fusion_eval.answers.lead_ins import LEAD_INS, MARKERS

FORMS = {
    "answer": ["Answer", "Réponse", "Antwort", "Respuesta", "Ответ", "Risposta", "Resposta", "答え", "정답", "答案", "الإجابة", "उत्तर", "Jibu", "คำตอบ"],
    "the answer": ["The answer", "La réponse", "Die Antwort", "La respuesta", "Наш ответ", "La risposta", "A resposta", "その答え", "그 답", "本题答案", "هذه الإجابة",
                   "इसका उत्तर", "Hili jibu", "เฉลย"],
    "final answer": ["Final answer", "Réponse finale", "Endgültige Antwort", "Respuesta final", "Окончательный ответ", "Risposta finale", "Resposta final", "最終的な答え",
                     "최종 답", "最终答案", "الإجابة النهائية", "अंतिम उत्तर", "Jibu la mwisho", "คำตอบสุดท้าย"],
    "correct answer": ["Correct answer", "Bonne réponse", "Richtige Antwort", "Respuesta correcta", "Правильный ответ", "Risposta corretta", "Resposta correta",
                       "正しい答え", "올바른 답", "正确答案", "الإجابة الصحيحة", "सही उत्तर", "Jibu sahihi", "คำตอบที่ถูกต้อง"],
    "the answer is": ["The answer is", "La réponse est", "Die Antwort ist", "La respuesta es", "Ответ —", "La risposta è", "A resposta é", "答えは", "답은", "答案是",
                      "الإجابة هي", "उत्तर है", "Jibu ni", "คำตอบคือ"],
    "the final answer is": ["The final answer is", "La réponse finale est", "Die endgültige Antwort lautet", "La respuesta final es", "Окончательный ответ —",
                            "La risposta finale è", "A resposta final é", "最終的な答えは", "최종 답은", "最终答案是", "الإجابة النهائية هي", "अंतिम उत्तर है",
                            "Jibu la mwisho ni", "คำตอบสุดท้ายคือ"],
    "so the answer is": ["So the answer is", "Donc la réponse est", "Also ist die Antwort", "Así que la respuesta es", "Итак, ответ", "Quindi la risposta è",
                         "Então a resposta é", "だから答えは", "그래서 답은", "所以答案是", "إذن الإجابة هي", "तो उत्तर है", "Hivyo jibu ni", "ดังนั้นคำตอบคือ"],
    "therefore, the answer is": ["Therefore, the answer is", "Par conséquent, la réponse est", "Daher lautet die Antwort", "Por lo tanto, la respuesta es",
                                 "Следовательно, ответ", "Pertanto, la risposta è", "Portanto, a resposta é", "したがって、答えは", "따라서 답은", "因此，答案是",
                                 "لذلك، الإجابة هي", "इसलिए, उत्तर है", "Kwa hiyo, jibu ni", "ดังนั้น คำตอบคือ"],
    "thus, the final answer is": ["Thus, the final answer is", "Ainsi, la réponse finale est", "Somit lautet die endgültige Antwort", "Por tanto, la respuesta final es",
                                  "Таким образом, окончательный ответ", "Dunque, la risposta finale è", "Assim, a resposta final é", "よって、最終的な答えは",
                                  "그러므로 최종 답은", "故最终答案为", "وبالتالي، الإجابة النهائية هي", "अतः अंतिम उत्तर है", "Kwa hivyo jibu la mwisho ni",
                                  "ฉะนั้น คำตอบสุดท้ายคือ"],
    "in conclusion, the correct answer is": ["In conclusion, the correct answer is", "En conclusion, la bonne réponse est", "Zusammenfassend ist die richtige Antwort",
                                             "En conclusión, la respuesta correcta es", "В итоге правильный ответ", "In conclusione, la risposta corretta è",
                                             "Em conclusão, a resposta correta é", "以上より、正しい答えは", "결론적으로 올바른 답은", "综上所述，正确答案为",
                                             "في الختام، الإجابة الصحيحة هي", "निष्कर्षतः सही उत्तर है", "Kwa kumalizia, jibu sahihi ni", "โดยสรุป คำตอบที่ถูกต้องคือ"],
    "the answer is therefore": ["The answer is therefore", "La réponse est donc", "Die Antwort lautet also", "La respuesta es por tanto", "Ответ, следовательно,",
                                "La risposta è quindi", "A resposta é portanto", "答えはしたがって", "답은 따라서", "答案因此是", "الإجابة إذن هي", "उत्तर इसलिए है",
                                "Jibu hivyo ni", "คำตอบจึงเป็น"],
    "the final answer is therefore": ["The final answer is thus", "La réponse finale est ainsi", "Die endgültige Antwort ist somit", "La respuesta final es entonces",
                                      "Окончательный ответ, таким образом,", "La risposta finale è dunque", "A resposta final é então", "最終的な答えはよって", "최종 답은 그러므로",
                                      "最终答案因此为", "الإجابة النهائية هي إذن", "अंतिम उत्तर अतः है", "Jibu la mwisho hivyo ni", "คำตอบสุดท้ายจึงคือ"],
    "so the result is": ["So the result is", "Donc le résultat est", "Also ist das Ergebnis", "Así que el resultado es", "Итак, результат", "Quindi il risultato è",
                         "Então o resultado é", "だから結果は", "그래서 결과는", "所以结果是", "إذن النتيجة هي", "तो परिणाम है", "Hivyo matokeo ni", "ดังนั้นผลลัพธ์คือ"],
    "answer to the question": ["The answer to the question is", "La réponse à la question est", "Die Antwort auf die Frage ist", "La respuesta a la pregunta es",
                               "Ответ на вопрос", "La risposta alla domanda è", "A resposta à pergunta é", "この問題の答えは", "이 문제의 답은", "这个问题的答案是",
                               "الإجابة على السؤال هي", "इस प्रश्न का उत्तर है", "Jibu la swali ni", "คำตอบของคำถามนี้คือ"],
    "here is the final answer": ["Here is the final answer", "Voici la réponse finale", "Hier ist die endgültige Antwort", "Aquí está la respuesta final",
                                 "Вот окончательный ответ", "Ecco la risposta finale", "Aqui está a resposta final", "こちらが最終的な答えです", "다음은 최종 답입니다",
                                 "以下是最终答案", "إليك الإجابة النهائية", "यह रहा अंतिम उत्तर", "Hapa kuna jibu la mwisho", "นี่คือคำตอบสุดท้าย"],
}  # fmt: skip
"""The same forms in each language, in the order of `LANGUAGES`."""
LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar", "hi", "sw", "th")
ENDINGS = ("{}: 18", "{} : 18", "**{}:** 18", "**{}: 18**", "{}：18", "{}:\n\n18", "✅ {}: $18$")


def test_every_language_has_every_form_and_every_row():
    assert set(LANGUAGES) == set(MARKERS)
    assert {name: len(forms) for name, forms in FORMS.items()} == dict.fromkeys(FORMS, len(LANGUAGES))
    assert all(set(row) == set(LANGUAGES) for row in LEAD_INS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_share_of_the_forms_is_read_in_each_language(language):
    column = LANGUAGES.index(language)
    replies = {
        ending.format(forms[column]): name
        for (name, forms), ending in itertools.product(FORMS.items(), ENDINGS)
        if not (
            "result" in name and "\n" in ending
        )  # below "Result:" stands an explanation as often as an answer
    }
    missed = [
        (replies[reply], reply)
        for reply in replies
        if (final_answer(f"16 - 3 = 13\n{reply}", language) or "").strip("$") != "18"
    ]
    assert missed == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lead_in_within_a_sentence_states_no_answer(language):
    column = LANGUAGES.index(language)
    for forms in FORMS.values():
        assert final_answer(f"16 - 3 = 13 — {forms[column]}: 18", language) is None


def test_an_explanation_below_a_solution_heading_is_not_an_answer():
    assert final_answer("Answer: 18\n\nSolution:\nShe eats 3.", "en") == "18"
    assert final_answer("**Solution:**\nShe eats 3.", "en") is None


@pytest.mark.parametrize(
    ("reply", "language"),
    [
        ("So it is **18**.\n\n---\n\n☑ Final Answer: **18**", "en"), ("### 🎉 Final Answer\n\n**18**", "en"), ("🔹 **Answer:** 18", "en"),
        ("➤ Antwort: 18", "de"), ("✔️ **Risposta: 18**", "it"), ("✅ 答え：18", "ja"), ("⇒ Ответ: **18**", "ru"), ("∴ 答案：18", "zh"), ("-> Answer: 18", "en"),
        ("| Respuesta: 18 |", "es"), ("| **Respuesta:** | 18 |", "es"), ("**👉 الإجابة: 18**", "ar"), ("Answer: 👉 18", "en"), ("*** Answer: 18 ***", "en"),
        ("<b>Answer:</b> 18", "en"), (r"\textbf{Answer:} 18", "en"), ("***Answer***: 18", "en"), ("__Answer__: __18__", "en"), ("## ✅ Antwort\n18", "de"),
    ],
)  # fmt: skip
def test_signs_and_markup_before_the_marker_are_ignored(reply, language):
    answer = final_answer(reply, language)
    assert answer is not None and answer.strip("👉 *_") == "18"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (r"The roots are \boxed{2}, \boxed{4}, \boxed{6}.", "2, 4, 6"), (r"\boxed{x = 3} and \boxed{x = 4}", "x = 3, x = 4"),
        (r"$x_1 = \boxed{3}$ and $x_2 = \boxed{4}$", "3, 4"), (r"\boxed{3} oder \boxed{4}", "3, 4"), (r"\boxed{3}或\boxed{4}", "3, 4"),
        (r"\(\boxed{3}\) \text{ or } \(\boxed{4}\)", "3, 4"), (r"Answer: \boxed{3}, \boxed{4}", "3, 4"), (r"\boxed{3}, \boxed{3}", "3"),
        (r"First \boxed{17}. No: \boxed{18}", "18"), (r"\boxed{17} \boxed{18}", "18"), (r"\boxed{1}, \boxed{2}. Wait: \boxed{3}", "3"),
        (r"\boxed{17}, so we get \boxed{18}", "18"),
    ],
)  # fmt: skip
def test_boxes_that_a_comma_or_a_conjunction_joins_are_one_list(reply, answer):
    assert final_answer(reply, "en") == answer


@pytest.mark.parametrize(
    "piece",
    [
        "so ",
        "the ",
        "so, the ",
        "final ",
        "answer is so ",
        "✅",
        "因此，",
        "ف",
        "👉 ",
        "# ",
        "| ",
        "\\boxed{1},",
        "\\boxed{1} and ",
    ],
)
@pytest.mark.parametrize("language", ["ar", "th", "fr"])
def test_time_grows_linearly_with_a_text_of_lead_ins(piece, language):
    small, large = ((piece * 50 + "\n") * (size // len(piece) // 50) for size in (1_000, 8_000))
    assert grows_less_than(20, lambda text: final_answer(text, language), [small] * 4, [large] * 4)
    small, large = (piece * (size // len(piece)) for size in (1_000, 8_000))
    assert grows_less_than(20, lambda text: final_answer(text, language), [small] * 4, [large] * 4)
