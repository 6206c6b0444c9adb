"""Forms in which judges write a verdict: turned round, escaped, in fences, before end tokens; and said twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.judging.parsing import FIVE_STEPS, THREE_STEPS, read_mark, read_structured

FIVE_FORMS = {
    "A>>B": ["A>>B", "B<<A", "A&gt;&gt;B", r"A\>\>B", "A >> B", "A≫B", "**A>>B**", "Ａ＞＞Ｂ"],
    "A>B": ["A>B", "B<A", "A&gt;B", r"A\>B", " A > B ", "_A>B_", "`A>B`", "B&lt;A"],
    "A=B": ["A=B", "B=A", r"A\=B", "A = B", "**B=A**", "Ａ＝Ｂ"],
    "B>A": ["B>A", "A<B", "B&gt;A", r"B\>A", " B > A ", "**A<B**"],
    "B>>A": ["B>>A", "A<<B", "B&gt;&gt;A", "B >> A", "A≪B", "A&lt;&lt;B"],
}
LEAD_INS = {
    "en": "My final verdict is: ", "fr": "Mon verdict final : ", "de": "Mein Urteil: ", "es": "Mi veredicto final es: ",
    "ru": "Мой вердикт: ", "it": "Il mio verdetto: ", "pt": "Meu veredito final: ", "ja": "最終判定：", "ko": "최종 판정: ",
    "zh": "最终裁决：", "ar": "الحكم النهائي: ",
}  # fmt: skip
BEFORE_AND_AFTER = [
    ("", ""), ("**", "**"), ("***", "***"), ("__", "__"), ("`", "`"), ("<b>", "</b>"), ("<strong>", "</strong>"),
    ("<answer>", "</answer>"), ("## ", " ##"), ("~~~\n", "\n~~~"), ("", "."), ("", "।"), ("", "。"), ("(", ")"),
]  # fmt: skip
END_TOKENS = [
    "", "</s>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<|return|>", "<end_of_turn>", "<eos>",
    "<｜end▁of▁sentence｜>", " </s> <|im_end|>", "\n<|im_end|>\n", "\n---",
]  # fmt: skip
FORMS = [(mark, form) for mark, forms in FIVE_FORMS.items() for form in forms]


@given(
    st.sampled_from(FORMS), st.sampled_from([*LEAD_INS.values(), ""]), st.sampled_from(BEFORE_AND_AFTER),
    st.sampled_from(END_TOKENS), st.sampled_from(["", "Both are fine.\n\n", "<think>maybe [[A=B]]\n[[A>>B]]</think>\n", "It says [[A>B]] there.\n"]),
)  # fmt: skip
def test_every_form_of_a_label_is_read_in_every_language(form, lead_in, around, token, reason):
    mark, written = form
    before, after = around
    assert read_mark(f"{reason}{lead_in}{before}[[{written}]]{after}{token}", FIVE_STEPS) == mark


def test_labels_in_escaped_brackets_are_read():
    assert read_mark(r"My verdict: \[\[A>B\]\]", FIVE_STEPS) == "A>B"


def test_turned_labels_are_none_of_three_steps():
    assert [read_mark(f"[[{form}]]", THREE_STEPS) for _, form in FORMS] == [None] * len(FORMS)


@pytest.mark.parametrize("lead_in", LEAD_INS.values(), ids=LEAD_INS)
@pytest.mark.parametrize("around", BEFORE_AND_AFTER[:6])
def test_a_verdict_that_is_said_twice_and_differs_is_none(lead_in, around):
    before, after = around
    first, second = f"{before}{lead_in}[[A]]{after}", f"{before}{lead_in}[[B]]{after}"
    assert read_mark(f"{first}\nOn second thoughts:\n{second}", THREE_STEPS) is None
    assert read_mark(f"[[A]]\n\n{second}", THREE_STEPS) is None
    assert read_mark(f"{second}\nOnce more:\n{second}", THREE_STEPS) == "B"


def test_a_mark_that_an_earlier_line_quotes_is_no_verdict():
    assert read_mark("It says [[A]] in the answer.\nMy verdict: [[B]]", THREE_STEPS) == "B"
    assert read_mark("Not [[A]] but [[B]]", THREE_STEPS) is None
    assert read_mark("<think>maybe [[B]]</think>\n[[A]]", THREE_STEPS) == "A"


def test_a_verdict_inside_a_thought_alone_is_none():
    assert read_mark("<think>\n[[B]]\n</think>", THREE_STEPS) is None


@pytest.mark.parametrize(
    "fence", ["```json\n{}\n```", "```\n{}\n```", "~~~JSON\n{}\n~~~", "```json\r\n{}\r\n```", "{}"]
)
@pytest.mark.parametrize("after", ["", "\n", "</s>", "<|im_end|>"])
@pytest.mark.parametrize("before", ["", "\ufeff", "<think>{}</think>\n"])
@pytest.mark.parametrize("reason", ["B is wrong", "line\nbreak", "a ``` fence", "a\ttab"])
def test_json_of_endpoints_that_do_not_enforce_it_is_read(fence, after, before, reason):
    reply = before + fence.replace("{}", f'{{"reason": "{reason}", "verdict": "A"}}') + after
    assert read_structured(reply, THREE_STEPS) == "A"


def test_a_turned_label_in_json_is_read():
    assert read_structured('{"reason": "", "verdict": "B<A"}', FIVE_STEPS) == "A>B"
