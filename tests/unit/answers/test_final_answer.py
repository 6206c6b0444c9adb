"""The final answer is found in replies of 14 languages: boxes, markers, reasoning, and traps."""

from __future__ import annotations

import json

import pytest
from growth import grows_less_than
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.answers.final_answer import final_answer
from fusion_eval.answers.lead_ins import MARKERS

PROSE = {
    "en": "She has 16 eggs and eats 3. The answer: this takes some thought.",
    "fr": "Elle a 16 œufs et en mange 3. La bonne réponse : réfléchissons.",
    "de": "Sie hat 16 Eier und isst 3. Zur Antwort: wir rechnen.",
    "es": "Tiene 16 huevos y come 3. Mi respuesta: pensemos.",
    "ru": "У неё 16 яиц, 3 она съедает. Мой ответ: подумаем.",
    "it": "Ha 16 uova e ne mangia 3. La mia risposta: riflettiamo.",
    "pt": "Ela tem 16 ovos e come 3. A minha resposta: pensemos.",
    "ja": "卵は16個で、3個食べます。この答え：考えましょう。",
    "ko": "달걀은 16개이고 3개를 먹습니다. 나의 답: 생각해 봅시다.",
    "zh": "她有16个鸡蛋，吃掉3个。我的答案：先想一想。",
    "ar": "لديها 16 بيضة وتأكل 3. وهذه الإجابة: لنفكر.",
    "hi": "उसके पास 16 अंडे हैं। मेरा उत्तर: सोचते हैं।",
    "sw": "Ana mayai 16 na anakula 3. Hili jibu: tufikiri.",
    "th": "เธอมีไข่ 16 ฟอง นี่คือคำตอบ: คิดก่อน",
}
"""Text by language. Each holds a marker, but not at the start of a line."""

by_language = pytest.mark.parametrize("language", sorted(MARKERS))


@by_language
def test_the_line_that_begins_with_the_marker_is_the_answer(language):
    assert final_answer(f"{PROSE[language]}\n\n{MARKERS[language]} 18", language) == "18"
    assert final_answer(PROSE[language], language) is None


@by_language
@pytest.mark.parametrize(
    "form",
    ["{}18", "{} 18 ", "**{} 18**", "**{}** 18", "**{}** **18**", "### {}\n18", "> {} 18", "- {} 18\n", "{}\n\n18\n\nBye.",
     "\u200f{} 18", "  {}\r\n18\r\n", "* {} `18`"],
)  # fmt: skip
def test_a_marker_counts_in_any_spelling_and_emphasis(language, form):
    plain = MARKERS[language].rstrip(" :：")
    for marker in (
        MARKERS[language],
        plain + ":",
        plain + "：",
        plain + " :",
        plain.upper() + ":",
        "Answer:",
        "final answer:",
    ):
        assert final_answer(f"{PROSE[language]}\n{form.format(marker)}", language) == "18"


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Réponse finale : 18", "fr"), ("La réponse est : 18", "fr"), ("Endgültige Antwort: 18", "de"), ("Respuesta final: 18", "es"),
        ("Итоговый ответ: 18", "ru"), ("Risposta finale: 18", "it"), ("Resposta final: 18", "pt"), ("最終的な答え：18", "ja"),
        ("解答：18", "ja"), ("答: 18", "ja"), ("답: 18", "ko"), ("최종 답: 18", "ko"), ("最终答案：18", "zh"), ("答：18", "zh"),
        ("الجواب: 18", "ar"), ("الإجابة النهائية: 18", "ar"), ("जवाब: 18", "hi"), ("The final answer is: 18", "sw"),
    ],
)  # fmt: skip
def test_other_words_for_answer_count_as_markers(line, language):
    assert final_answer(f"3 + 15\n{line}", language) == "18"


@by_language
def test_the_last_marker_counts(language):
    marker = MARKERS[language]
    assert final_answer(f"{marker} 17\n{PROSE[language]}\n{marker} -1.234,5 €", language) == "-1.234,5 €"
    assert final_answer(f"{marker} 17\n{marker}\n", language) == "17"
    assert final_answer(f"{marker}\n{marker} 18", language) == "18"


@by_language
def test_a_box_or_a_marker_counts_whichever_is_later(language):
    box, marker = r"$\boxed{17}$, or rather \(\boxed{\frac{1}{2}}\).", MARKERS[language]
    assert final_answer(f"{PROSE[language]} {box}\n{marker} 18", language) == "18"
    assert final_answer(f"{marker} 18\n{PROSE[language]} {box}", language) == r"\frac{1}{2}"
    assert final_answer(f"{marker} {box}", language) == r"\frac{1}{2}"
    assert final_answer(f"{box}\n{marker}\n", language) == r"\frac{1}{2}"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        # a marker in quotes, in brackets, in a list, as a heading
        ("“答案：18”", "zh"), ("「答え：18」", "ja"), ("「答え：18」です。", "ja"), ("«Respuesta: 18»", "es"), ('"정답: 18"', "ko"), ("« Réponse : 18 »", "fr"),
        ("„Antwort: 18“", "de"), ('**"Answer: 18"**', "en"), ("【答案】18", "zh"), ("【答え】18", "ja"), ("【答え】\n18", "ja"), ("**【答案】** 18", "zh"),
        ("1. Answer: 18", "en"), ("**Final Answer**\n18", "en"), ("## Final Answer\n\n18", "en"), ("### Réponse finale\n18", "fr"),
        # other words for answer
        ("最后答案：18", "zh"), ("正确答案：18", "zh"), ("故答案为：18", "zh"), ("所以答案是：18", "zh"), ("Lösung: 18", "de"), ("إجابة: 18", "ar"),
        ("So the answer is: 18", "en"), ("Therefore, the final answer is: 18", "en"),
        # the answer below the marker, as a formula or as code
        ("Answer:\n\\[\n18\n\\]", "en"), ("Answer: $$\n18\n$$", "en"), ("Answer:\n```\n18\n```", "en"), ("```\nAnswer: 18\n```", "en"),
        # text after the end of the turn
        ("Answer: 18</s>", "en"), ("Answer: 18<|im_end|>\nAnswer: 19", "en"), ("<think>17</think>\nAnswer: 18<|eot_id|>", "en"),
        ("We get \\boxed{3} first.\nSo 5.\nAnswer: 18", "en"),
    ],
)  # fmt: skip
def test_answers_are_found_where_models_write_them(text, language):
    assert final_answer(f"3 + 15\n{text}", language) == "18"


@pytest.mark.parametrize(
    "line", ["Answer 18", "The answer\n18", "the answer to 18: none", "See “the answer”: 18", "[1] 18"]
)
def test_a_line_without_a_marker_states_no_answer(line):
    assert final_answer(f"3 + 15\n{line}", "en") is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{18}", "18"), (r"\boxed {18}", "18"), (r"\fbox{18}", "18"), (r"\boxed{\boxed{18}}", "18"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"), (r"a } b \boxed{18}", "18"), (r"{ \boxed{18}", "18"), (r"\boxed{18} and \boxed{", "18"),
        (r"\boxed{17} \boxed{}", "17"), (r"\boxed{17", None), (r"\boxed", None), (r"\boxed{\text{Tokyo}}", r"\text{Tokyo}"),
    ],
)  # fmt: skip
def test_the_content_of_the_last_box_is_the_answer(text, answer):
    assert final_answer(text, "en") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>Answer: 17</think>Answer: 18", "18"), ("Answer: 17</think>\nAnswer: 18", "18"), ("<think>\nAnswer: 17", None),
        ("<think>a</think>b<think>Answer: 17</think>Answer: 18", "18"), ("<thinking>\\boxed{17}</thinking>\nAnswer: 18", "18"),
        ("Answer: 18\n<think>Is it?</think>", "18"), ("Write `</think>`.\nAnswer: 18", "18"), ("<THINK>Answer: 17</THINK>", None),
        ("Answer: 18 <think>cut", "18 <think>cut"), ("<think>Answer: 17</think>\nAnswer: 18</think>", "18"), ("Answer: 17\nNo.\nAnswer: 18</think>\n", "18"),
        ("Answer: 17\nNo.</think>", None), ("Answer: 18</answer>", "18"), ("So <answer>18", "18"), ("<answer>\n18\n</answer>", "18"), ("<h2>Answer</h2>\n18", "18"), ("<final_answer>18</final_answer>", "18"),
    ],
)  # fmt: skip
def test_reasoning_states_no_answer(text, answer):
    assert final_answer(text, "en") == answer


@by_language
def test_real_references_are_found_in_replies(language, shared_data):
    path = shared_data / "polymath" / f"{language}.jsonl"
    if not path.is_file():
        pytest.skip(f"PolyMath has no {language}")
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answer, question = row["answer"], row["question"]
        assert final_answer(f"{question}\n\n{MARKERS[language]} {answer}", language) == answer
        assert final_answer(f"{MARKERS[language]} 1\n{question} $\\boxed{{{answer}}}$.", language) == answer


@settings(max_examples=300)
@given(
    st.text() | st.lists(st.sampled_from(["\\boxed{", "}", "{", "<think>", "</think>", "\n", "Answer:", "答え", "：", "1", "*"])).map("".join),
    st.sampled_from(sorted(MARKERS)),
)  # fmt: skip
def test_any_text_gives_an_answer_or_none(text, language):
    answer = final_answer(text, language)
    assert answer is None or (answer and answer == answer.strip())


@pytest.mark.parametrize(
    "piece",
    ["\\boxed{", "<think>", "</think>", "Answer:\n", "Answer:", " ", "\n", "*", "1,", "1 ", "{", "- ", "final ", "\\"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("\\boxed{1", ""), ("", "Answer: 1"), ("Answer:", "")]
)
def test_time_grows_linearly_with_the_length_of_hostile_text(piece, before, after):
    small, large = (before + piece * (size // len(piece)) + after for size in (10_000, 80_000))
    # 8 times the text takes about 8 times as long; if time grew with the square, it would take 64 times as long
    assert grows_less_than(20, lambda text: final_answer(text, "en"), [small] * 4, [large] * 4)


def test_a_language_without_a_marker_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="'tlh'"):
        final_answer("1", "tlh")
