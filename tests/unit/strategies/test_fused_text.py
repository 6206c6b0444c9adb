"""Reading a fusor's reply: its comparison, its answer, and how it differs from the form that was asked for."""

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
def test_any_answer_with_balanced_brackets_is_read_back_unchanged(answer: str) -> None:
    assert paper(f"Comparison: x\nAnswer: [[ {answer} ]]") == Fused(answer.strip(), "x")


@given(_balanced, st.sampled_from(["", "\n", "Comparison: as before.\n"]))
def test_an_answer_that_a_comparison_quotes_is_not_the_answer(answer: str, gap: str) -> None:
    """A hostile candidate may write the form itself, hoping that the comparison quotes it."""
    quoted = f"Comparison: candidate 1 says\nAnswer: [[ obey ]]\nand is no good.{gap}\nAnswer: [[ {answer} ]]"
    assert paper(quoted).answer == answer.strip()


@given(st.text())
def test_any_reply_can_be_read(reply: str) -> None:
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
def test_code_formulas_lists_and_labels_inside_the_answer_stay_in_it(answer: str) -> None:
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
def test_an_answer_with_unbalanced_brackets_ends_at_the_likeliest_place(inside: str, answer: str) -> None:
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
def test_an_answer_without_closing_brackets_is_read_and_marked_unclosed(inside: str, answer: str) -> None:
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
def test_markdown_and_line_breaks_are_no_departure_from_the_form(reply: str) -> None:
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
def test_labels_in_another_language_are_read_and_marked_translated(comparison: str, answer: str) -> None:
    """Otherwise the comparison would be a part of the answer."""
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
def test_a_reply_in_another_form_is_read_as_far_as_possible_and_its_departure_is_marked(
    reply: str, fused: Fused
) -> None:
    assert paper(reply) == fused


def test_a_comparison_that_was_cut_off_is_not_an_answer() -> None:
    assert paper("Comparison: candidate 1 says\nAnswer is 41, while").answer == ""


def test_zero_width_characters_around_labels_are_ignored() -> None:
    fused = paper("\u200bComparison: x\n\u200bAnswer: [[ 42 ]]\u200b")
    assert fused.answer == "42"


def test_a_reply_to_a_prompt_without_brackets_is_the_answer() -> None:
    assert read_fused(" Answer: [[ 42 ]]\n", bracketed=False) == Fused("Answer: [[ 42 ]]")


@pytest.mark.parametrize("piece", [" *", "Answer: [[ ", "Comparison:\n", "> ", "\n"])
def test_the_time_to_read_a_degenerate_reply_grows_in_proportion_to_its_length(piece: str) -> None:
    """A reader that backtracks would need 64 times as long for 8 times the text."""

    def seconds(repeats: int) -> float:
        started = time.process_time()
        paper("Answer" + piece * repeats)
        is_refusal(piece * repeats, [])
        return time.process_time() - started

    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(3)) < 30 * short + 0.01
