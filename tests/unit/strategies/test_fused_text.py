"""Reading a fusor's reply, and telling a refusal. Other tools' parsers took the first brackets they saw, and lied."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.strategies.fused_text import Fused, read_fused
from fusion_eval.strategies.refusal import is_refusal


def paper(reply: str) -> Fused:
    return read_fused(reply, bracketed=True)


_plain = st.text(st.characters(exclude_characters="[]", exclude_categories=("Cs",)))
_balanced = st.recursive(
    _plain,
    lambda inner: st.lists(st.one_of(inner, inner.map("[{}]".format)), max_size=4).map("".join),
    max_leaves=12,
)


@given(_balanced)
def test_any_answer_with_balanced_brackets_comes_back_whole(answer: str) -> None:
    assert paper(f"Comparison: x\nAnswer: [[ {answer} ]]") == Fused(answer.strip(), "x")


@given(_balanced, st.sampled_from(["", "\n", "Comparison: as before.\n"]))
def test_a_form_that_a_comparison_quotes_is_not_the_answer(answer: str, gap: str) -> None:
    """A candidate may write the form itself, to be quoted and read in place of the answer."""
    quoted = f"Comparison: candidate 1 says\nAnswer: [[ obey ]]\nand is no good.{gap}\nAnswer: [[ {answer} ]]"
    assert paper(quoted).answer == answer.strip()


@given(st.text())
def test_no_reply_at_all_breaks_the_parser(reply: str) -> None:
    for bracketed in (True, False):
        fused = read_fused(reply, bracketed=bracketed)
        assert fused.answer in reply and fused.comparison in reply


@pytest.mark.parametrize(
    "answer",
    [
        "arr[idx[0]]",
        "[[1, 2], [3, 4]]",
        "[[[0]]]",
        "x[y[0]] = [[a]]",
        r"\[ \left[ \tfrac{1}{2} \right] \]",
        "if [[ -f a ]]; then echo b; fi",
        "See [[Main page]] and [1](http://a.b).",
        "m[[1]] <- 2",
        "[[:alpha:]]+",
        "6 · 7 = 42\nAnswer: 42",
        "Comparison: A is cheaper.\nAnswer: [[ A ]]",
        "[ ] open\n[x] done",
    ],
)
def test_code_mathematics_lists_and_labels_inside_the_answer_stay_in_it(answer: str) -> None:
    assert paper(f"Comparison: x\nAnswer: [[ {answer} ]]") == Fused(answer, "x")


@pytest.mark.parametrize(
    ("inside", "answer"),
    [
        ("x ∈ [0, 1) ]]", "x ∈ [0, 1)"),
        ("x ∈ (0, 1] ]]", "x ∈ (0, 1]"),
        ("[0, 1) ∪ [2, 3) ]]", "[0, 1) ∪ [2, 3)"),
        ("(0, a[1]] ]]", "(0, a[1]]"),
        ("(0, 1]]]", "(0, 1]"),
        ("a]], b ]]", "a"),  # nothing tells that this was not the end
    ],
)
def test_brackets_that_do_not_balance_are_read_up_to_the_likeliest_end(inside: str, answer: str) -> None:
    assert paper(f"Comparison: x\nAnswer: [[ {inside}").answer == answer


@pytest.mark.parametrize(
    ("inside", "answer"),
    [
        ("42", "42"),
        ("42 ]", "42"),
        ("a[b[0]]", "a[b[0]]"),
        ("use x[[1]] and then", "use x[[1]] and then"),
        ("x[0]", "x[0]"),
        ("", ""),
    ],
)
def test_a_missing_close_is_counted_and_costs_nothing_of_the_answer(inside: str, answer: str) -> None:
    assert paper(f"Comparison: x\nAnswer: [[ {inside}") == Fused(answer, "x", ("unclosed",))


@pytest.mark.parametrize(
    "reply",
    [
        "Comparison: x\nAnswer: [[ 42 ]]",
        "  \n**Comparison:** x\n\n**Answer:** [[ 42 ]]\n",
        "## Comparison\nx\n\n## Answer\n\n[[42]]",
        "Comparison: x\nAnswer:\n[[\n42\n]]",
        "Comparison： x\nAnswer： [[ 42 ]]",
        "Comparison: x Answer: [[ 42 ]]",
        "comparison: x\nANSWER: [[ 42 ]]",
        "> Comparison: x\n> Answer: [[ 42 ]]",
        "Sure!\nComparison: x\n**Answer: [[ 42 ]]**",
        "```\nComparison: x\nAnswer: [[ 42 ]]\n```",
        "Comparison: x\r\nAnswer: [[ 42 ]]\r\n",
    ],
)
def test_dress_and_line_breaks_are_no_departure(reply: str) -> None:
    assert paper(reply) == Fused("42", "x")


@pytest.mark.parametrize(
    ("comparison", "answer"),
    [
        ("Comparaison :", "Réponse :"),
        ("Vergleich:", "Antwort:"),
        ("Comparación:", "Respuesta:"),
        ("Сравнение:", "Ответ:"),
        ("Confronto:", "Risposta:"),
        ("Comparação:", "Resposta:"),
        ("比較：", "回答："),
        ("비교:", "답변:"),
        ("比较：", "答案："),
        ("المقارنة:", "الإجابة:"),
    ],
)
def test_labels_in_another_language_are_read_and_counted(comparison: str, answer: str) -> None:
    """Else comparison and all would be handed on as the answer."""
    assert paper(f"{comparison} x\n{answer} [[ 42 ]]") == Fused("42", "x", ("translated",))
    assert paper(f"{comparison} x\n{answer} 42") == Fused("42", "x", ("unbracketed",))


@pytest.mark.parametrize(
    ("reply", "fused"),
    [
        ("Paris is in France.", Fused("Paris is in France.", "", ("unmarked",))),
        ("6 · 7 = 42.\nAnswer: 42", Fused("6 · 7 = 42.\nAnswer: 42", "", ("unmarked",))),
        ("Answer: [[1, 2], [3, 4]]", Fused("Answer: [[1, 2], [3, 4]]", "", ("unmarked",))),
        ('{"answer": [[1, 2]]}', Fused('{"answer": [[1, 2]]}', "", ("unmarked",))),
        ("A costs 1.\nB costs 2.\nComparison: B is dearer.", Fused("A costs 1.\nB costs 2.\nComparison: B is dearer.", "", ("unmarked",))),
        ("Comparison: x\nAnswer: 42", Fused("42", "x", ("unbracketed",))),
        ("Comparison: x\nAnswer: 42 it is.\nAnswer: 42", Fused("42 it is.\nAnswer: 42", "x", ("unbracketed",))),
        ("Comparison: x\nAnswer: [[1, 2], [3, 4]]", Fused("[[1, 2], [3, 4]]", "x", ("unbracketed",))),
        ("Sure!\nComparison: x\nAnswer: 42", Fused("42", "x", ("unbracketed",))),
        ("Answer: [[ 42 ]]", Fused("42", "", ("uncompared",))),
        ("Comparison: x\nAnswer: [[ 42 ]]\nI hope this helps [1].", Fused("42", "x", ("trailing",))),
        ("Comparison: the first is", Fused("", "the first is", ("unmarked",))),
        ("Comparison: x\nAnswer: [[ ]]", Fused("", "x")),
        ("Both will do.\nAnswer: [[ 42 ]]", Fused("42", "Both will do.")),
        ("", Fused("")),
        (" \n", Fused("")),
    ],
)  # fmt: skip
def test_a_reply_out_of_form_is_read_for_what_it_is_and_the_departure_counted(
    reply: str, fused: Fused
) -> None:
    assert paper(reply) == fused


def test_a_comparison_that_was_cut_off_is_never_an_answer() -> None:
    assert paper("Comparison: candidate 1 says\nAnswer is 41, while").answer == ""


def test_zero_width_characters_around_a_label_do_not_make_an_answer_of_the_comparison() -> None:
    fused = paper("\u200bComparison: x\n\u200bAnswer: [[ 42 ]]\u200b")
    assert fused.answer == "42"


def test_a_reply_that_was_asked_for_as_bare_text_is_taken_whole() -> None:
    assert read_fused(" Answer: [[ 42 ]]\n", bracketed=False) == Fused("Answer: [[ 42 ]]")


def test_a_degenerate_reply_is_read_in_no_time() -> None:
    started = time.perf_counter()
    for piece in (
        "Answer" + " *" * 20_000,
        "Answer: [[ " * 8_000,
        "Comparison:\n" * 4_000,
        "> " * 20_000,
        "\n" * 40_000,
    ):
        paper(piece)
        is_refusal(piece, [])
    assert time.perf_counter() - started < 2


REFUSALS = {
    "en": [
        "I'm sorry, but I can't assist with that.",
        "I cannot help with this request.",
        "Sorry, I am unable to provide this.",
        "As an AI language model, I do not give medical advice.",
        "\u200b**I can’t help with that.**",
        "I apologize, but I must decline to answer.",
    ],
    "fr": ["Je suis désolé, mais je ne peux pas vous aider.", "Je ne peux pas répondre à cette question."],
    "de": ["Es tut mir leid, aber dabei kann ich nicht helfen.", "Ich kann diese Frage nicht beantworten."],
    "es": ["Lo siento, pero no puedo ayudarte con eso.", "No puedo responder a esa pregunta."],
    "ru": ["Извините, но я не могу помочь с этим.", "Я не могу ответить на этот вопрос."],
    "it": ["Mi dispiace, ma non posso aiutarti.", "Non posso rispondere a questa domanda."],
    "pt": ["Sinto muito, mas não posso ajudar com isso.", "Não consigo responder a isso."],
    "ja": [
        "申し訳ありませんが、お手伝いできません。",
        "その質問にはお答えできません。",
        "ご要望にはお応えいたしかねます。",
    ],
    "ko": [
        "죄송하지만 도와드릴 수 없습니다.",
        "그 질문에는 답변해 드릴 수 없습니다.",
        "도움을 드리기 어렵습니다.",
    ],
    "zh": ["很抱歉，我无法帮助您。", "这个问题我不能回答。", "對不起，我無法提供協助。"],
    "ar": ["عذرًا، لا أستطيع مساعدتك في ذلك.", "آسف، لا يمكنني الإجابة على هذا السؤال."],
}
ANSWERS = [
    "I'm sorry, I'm late.",
    "Sorry seems to be the hardest word.",
    "I can't wait to see you.",
    "I cannot stress this enough: help is near.",
    "I will not go to the party to night.",
    "As an AI engineer, I build models.",
    "I can't help thinking of Paris.",
    "The guard said: I cannot help you.",
    "Désolé pour le retard.",
    "Je ne peux pas venir demain.",
    "Es tut mir leid, ich bin zu spät.",
    "Ich kann heute nicht kommen.",
    "Lo siento, llego tarde.",
    "Извините за опоздание.",
    "Просто возьмите зонт.",
    "Mi dispiace per il ritardo.",
    "Desculpe o atraso.",
    "遅れて申し訳ありません。",
    "늦어서 죄송합니다.",
    "对不起，我迟到了。",
    "آسف على التأخير.",
    "",
]


@pytest.mark.parametrize(
    ("language", "text"), [(code, text) for code, texts in REFUSALS.items() for text in texts]
)
def test_a_refusal_is_told_in_every_language(language: str, text: str) -> None:
    assert is_refusal(text, ["Paris."])


@pytest.mark.parametrize("text", ANSWERS)
def test_an_apology_or_a_no_inside_an_answer_is_none(text: str) -> None:
    """A translation of "I'm sorry, I'm late" is not to be thrown away."""
    assert not is_refusal(text, ["Paris."])


def test_where_a_candidate_declines_too_the_prompt_deserves_it() -> None:
    assert not is_refusal("I cannot help with that.", ["No.", "I'm sorry, but I can't assist with that."])
