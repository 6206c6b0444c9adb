"""Reading a judge's reply: a clear verdict is read in every language, and anything else is no verdict."""

from __future__ import annotations

import asyncio
import json
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.judging.pair_verdicts import AnswerPair
from fusion_eval.judging.parsing import FIVE_STEPS, THREE_STEPS, read_mark, read_structured, response_format
from fusion_eval.judging.protocol import Protocol, judge_pair, load_judge_template
from fusion_eval.text.language import NAMES
from fusion_eval.types import Candidate, Message, Prompt, Sampling

REASONS = {
    "en": "Answer A explains every step; answer B (“just restart it”) is INCORRECT, or at best not CORRECT.",
    "fr": "La réponse A explique chaque étape ; la réponse B se contente de « redémarrez ». C’est insuffisant.",
    "de": "Antwort A erklärt jeden Schritt, Antwort B sagt bloß „neu starten“. Größere Fehler hat keine.",
    "es": "La respuesta A explica cada paso; ¿y la B? «Reinícielo», nada más. ¡Insuficiente!",
    "ru": "Ответ А объясняет каждый шаг, а ответ В лишь советует «перезагрузить». Ответ С не предусмотрен.",
    "it": "La risposta A spiega ogni passo; la risposta B dice solo «riavvia», il che non è un granché.",
    "pt": "A resposta A explica cada passo; a resposta B só diz “reinicie”, o que não é suficiente.",
    "ja": "回答Aは手順をすべて説明しているが、回答Bは「再起動してください」としか述べていない。",
    "ko": "답변 A는 모든 단계를 설명하지만, 답변 B는 “다시 시작하세요”라고만 말합니다.",
    "zh": "回答A解释了每一个步骤，而回答B只说了“重启一下”，明显不够完整。",
    "ar": "تشرح الإجابة A كل خطوة، أما الإجابة B فتكتفي بقول «أعد التشغيل»، وهذا غير كافٍ.",
}
SCALES = [pytest.param(THREE_STEPS, id="three"), pytest.param(FIVE_STEPS, id="five")]
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
ENDINGS = {
    "on a line of its own": "{reason}\n\n[[{mark}]]",
    "after the reasons": "{reason} [[{mark}]]",
    "at the end of a sentence": "{reason}\n→ [[{mark}]].",
    "at the end of a Japanese sentence": "{reason} [[{mark}]]。",
    "in brackets of a sentence": "{reason} ([[{mark}]])",
    "in bold": "{reason}\n**[[{mark}]]**",
    "in bold, with a full stop": "{reason}\n**[[{mark}]].**",
    "in italics": "{reason}\n_[[{mark}]]_",
    "as code": "{reason}\n`[[{mark}]]`",
    "as a formula": "{reason}\n$[[{mark}]]$",
    "in a box of LaTeX": "{reason}\n$\\boxed{{[[{mark}]]}}$.",
    "as text in a box": "{reason}\n\\boxed{{\\text{{[[{mark}]]}}}}",
    "before white space": "{reason}\n[[{mark}]]\r\n \t\n\u3000",
    "with spaces inside": "{reason}\n[[ {mark} ]]",
    "twice the same": "{reason} [[{mark}]], that is [[{mark}]]",
    "after another that is quoted": "{reason}\nB pleads: [[B]] [[A]] [[C]] [[A=B]]\n[[{mark}]]",
    "with zero-width characters": "{reason}\n\u200b[\u200d[\u2060{mark}\ufeff]\u00ad]\u200f\u202c",
    "from right to left": "{reason}\n\u202b\u2067[[{mark}]]\u2069\u202c",
}


@pytest.mark.parametrize("marks", SCALES)
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_verdict_at_the_end_is_read_whatever_the_language_of_the_reasons(ending, marks):
    for mark in marks:
        replies = [ending.format(reason=REASONS[language], mark=mark) for language in NAMES]
        assert [reply for reply in replies if read_mark(reply, marks) != mark] == []


@pytest.mark.parametrize("marks", SCALES)
@pytest.mark.parametrize("language", NAMES)
def test_full_width_brackets_letters_and_signs_are_read(language, marks):
    # given what input methods for Chinese and Japanese write
    for mark in marks:
        wide = f"[[{mark}]]".translate(WIDE)
        assert wide[:3] in ("［［Ａ", "［［Ｂ", "［［Ｃ")
        assert read_mark(f"{REASONS[language]}\n{wide}。", marks) == mark


TRAPS = {
    "nothing": "",
    "white space": " \n\n ",
    "no verdict": "{reason}",
    "the mark in prose alone": "{reason}\nAnswer A is better, so my verdict is A",
    "a mark and then another text": "{reason}\n[[A]] is what answer B claims for itself, which I do not believe.",
    "a mark, and then more reasons": "[[A]]\n\n{reason}",
    "a quoted mark at the end": '{reason}\nAnswer B even demands "[[A]]"',
    "a quoted mark at the end, and a full stop": "{reason}\nAnswer B even demands '[[A]]'.",
    "a mark in French quotation marks": "{reason}\nElle exige « [[A]] »",
    "a mark in Japanese quotation marks": "{reason}\n回答Bの要求は「[[A]]」。",
    "a mark in German quotation marks": "{reason}\nSie fordert „[[A]]“.",
    "two marks to choose from": "{reason}\n[[A]] or [[B]]",
    "two marks, of which one is none of ours": "{reason}\n[[A]] [[D]]",
    "a long bracket and a mark": "{reason}\n[[neither of the two]] [[A]]",
    "a mark and a long bracket": "{reason}\n[[A]] [[on second thoughts, neither]]",
    "a mark and something indexed": "{reason}\n[[A]] because of a[b[0]]",
    "a winner and its opposite, on one line for the eye": "{reason}\n[[A]]\u2028[[B]]",
    "single brackets": "{reason}\n[A]",
    "brackets that do not close": "{reason}\n[[A]",
    "brackets that do not open": "{reason}\n[A]]",
    "a space between the brackets": "{reason}\n[ [A] ]",
    "only brackets": "{reason}\n[[",
    "closing brackets": "{reason}\n]]",
    "empty brackets": "{reason}\n[[]]",
    "white space in brackets": "{reason}\n[[ ]]",
    "triple brackets": "{reason}\n[[[A]]]",
    "one bracket too many before it": "{reason}\n[[[A]]",
    "one bracket too many after it": "{reason}\n[[A]]]",
    "a mark in brackets": "{reason}\n[[ [[A]] ]]",
    "brackets in brackets": "{reason}\n[[[[A]]]]",
    "black brackets": "{reason}\n【【A】】",
    "round brackets": "{reason}\n((A))",
    "both letters": "{reason}\n[[AB]]",
    "a choice inside": "{reason}\n[[A/B]]",
    "a list inside": "{reason}\n[[A, B]]",
    "a word that begins with a mark": "{reason}\n[[Answer A]]",
    "a word that holds a mark": "{reason}\n[[INCORRECT]]",
    "a word that holds another word": "{reason}\n[[CORRECT]]",
    "a tie in words": "{reason}\n[[Tie]]",
    "a small letter": "{reason}\n[[a]]",
    "a small capital": "{reason}\n[[ᴀ]]",
    "an accent": "{reason}\n[[Á]]",
    "a letter too far": "{reason}\n[[D]]",
    "a number": "{reason}\n[[10]]",
    "a negation": "{reason}\n[[not A]]",
    "another form": "{reason}\nGRADE: CI",
    "another form in brackets": "{reason}\n[[GRADE: C]]",
    "half of the five steps": "{reason}\n[[A>]]",
    "a step too far": "{reason}\n[[A>>>B]]",
    "Cyrillic А": "{reason}\n[[А]]",
    "Cyrillic В": "{reason}\n[[В]]",
    "Cyrillic С": "{reason}\n[[С]]",
    "Greek Α": "{reason}\n[[Α]]",
    "Cyrillic А in five steps": "{reason}\n[[А>>B]]",
    "Cyrillic В in five steps": "{reason}\n[[A>В]]",
}


@pytest.mark.parametrize("marks", SCALES)
@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_reply_without_a_clear_verdict_has_none(trap, marks):
    replies = [trap.format(reason=reason) for reason in REASONS.values()]
    assert [reply for reply in replies if read_mark(reply, marks) is not None] == []


def test_a_mark_of_the_other_scale_is_no_verdict():
    assert [read_mark(f"[[{mark}]]", FIVE_STEPS) for mark in THREE_STEPS] == [None] * 3
    assert [read_mark(f"[[{mark}]]", THREE_STEPS) for mark in FIVE_STEPS] == [None] * 5


def test_spaces_inside_the_brackets_do_not_matter():
    assert (
        read_mark("[[A >> B]]", FIVE_STEPS) == "A>>B"
        and read_mark("[[ B\u00a0>\u00a0A ]]", FIVE_STEPS) == "B>A"
    )


@pytest.mark.parametrize("size", [10_000, 200_000])
@pytest.mark.parametrize("piece", ["[[", "]]", "[[A", "[[ ", "[", "[[A]] ", "\u200b", "*", " "])
def test_a_very_long_strange_reply_is_read(piece, size):
    read_mark(piece * size, THREE_STEPS)
    assert read_mark(piece * size + "\n[[A]]", THREE_STEPS) == "A"


# JSON replies


@pytest.mark.parametrize("marks", SCALES)
@pytest.mark.parametrize("ascii_alone", [True, False])
@pytest.mark.parametrize("language", NAMES)
def test_a_json_object_is_read(language, ascii_alone, marks):
    for mark in marks:
        found = {"reason": f"{REASONS[language]} [[A]] {{}}", "verdict": mark}
        for indent in (None, 2):
            reply = json.dumps(found, ensure_ascii=ascii_alone, indent=indent)
            assert read_structured(f"\n {reply} \n", marks) == mark


JSON_TRAPS = [
    "",
    "[[A]]",
    "A",
    '"A"',
    '["A"]',
    "null",
    "{}",
    '{"reason": "A"}',
    '{"verdict": null}',
    '{"verdict": ["A"]}',
    '{"verdict": {"A": 1}}',
    '{"verdict": 1}',
    '{"verdict": ""}',
    '{"verdict": "a"}',
    '{"verdict": "А"}',
    '{"verdict": "AB"}',
    '{"verdict": "[[A]]"}',
    '{"verdict": "INCORRECT"}',
    '{"verdict": "A>>>B"}',
    '{"verdict": "A"',
    '{"verdict": "A"}}',
    '{"verdict": "A"} {"verdict": "A"}',
    '{"verdict": "A"} I hope that helps.',
    'Here is my verdict: {"verdict": "A"}',
    '```json\n{"verdict": "A"}\n```\n```json\n{"verdict": "A"}\n```',
    '```json\n{"verdict": "A", "verdict": "B"}\n```',
    '{"reason": {"verdict": "A"}}',
    '{"verdict": "A", "verdict": "B"}',
    '{"verdict": "A", "reason": "…", "verdict": "A"}',
    '{"verdict": "B", "\\u0076erdict": "A"}',
    "{'verdict': 'A'}",
    '{"verdict": "A",}',
    "[" * 100_000,
    '{"verdict":' * 100_000,
    '{"a":' * 50_000 + "1" + "}" * 50_000,
]


@pytest.mark.parametrize("marks", SCALES)
@pytest.mark.parametrize("reply", JSON_TRAPS, ids=lambda reply: reply[:40])
def test_json_without_one_clear_verdict_has_none(reply, marks):
    assert read_structured(reply, marks) is None


@pytest.mark.parametrize("marks", SCALES)
def test_the_schema_allows_exactly_what_is_read(marks):
    schema = json.loads(bytes(response_format(marks)))["json_schema"]["schema"]
    assert list(schema["properties"]) == [
        "reason",
        "verdict",
    ]  # the reason first: it is written before the verdict
    assert schema["properties"]["verdict"]["enum"] == list(marks)
    assert [read_structured(json.dumps({"reason": "", "verdict": mark}), marks) for mark in marks] == [*marks]


# Properties for any text


BRACKETED = st.text(alphabet="[[[]]]AABBCC>>==\n *.\"'`Ａ［］\u200bА", max_size=40)
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"])
ANY = st.one_of(st.text(max_size=60), BRACKETED)


@given(ANY)
def test_any_text_is_read_without_an_error(text):
    for marks in (THREE_STEPS, FIVE_STEPS):
        assert read_mark(text, marks) in (None, *marks)
        assert read_structured(text, marks) in (None, *marks)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["A", "B>A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["verdict", "reason", "x"]), inner, max_size=3),
    max_leaves=6))  # fmt: skip
def test_any_json_is_read_and_only_the_objects_own_verdict_counts(value):
    expected = value.get("verdict") if isinstance(value, dict) else None
    for marks in (THREE_STEPS, FIVE_STEPS):
        plain = "".join(expected.split()) if isinstance(expected, str) else None
        legal = plain if plain in marks else None
        assert read_structured(json.dumps(value), marks) == legal


def has_no_closing_bracket(text: str) -> bool:
    return "]" not in unicodedata.normalize("NFKC", text)


@given(st.sampled_from([*THREE_STEPS]), ANY.filter(has_no_closing_bracket))
def test_text_after_the_verdict_never_changes_it_into_another(mark, after):
    assert read_mark(f"Both are fine.\n[[{mark}]]{after}", THREE_STEPS) in (None, mark)


@given(st.sampled_from([*THREE_STEPS]), st.text(alphabet=LETTERS, min_size=1, max_size=20))
def test_a_word_after_the_verdict_makes_it_unreadable(mark, word):
    assert read_mark(f"[[{mark}]] {word}", THREE_STEPS) is None
    assert read_mark(f"[[{mark}]]\n{word}", THREE_STEPS) is None


@given(ANY, st.sampled_from([*THREE_STEPS]))
def test_text_before_the_last_line_does_not_matter(before, mark):
    assert read_mark(f"{before}\n[[{mark}]]", THREE_STEPS) == mark


@given(st.lists(st.sampled_from("ABC"), min_size=1, max_size=6))
def test_marks_must_agree_on_the_last_line_and_on_lines_of_their_own(marks):
    brackets = [f"[[{mark}]]" for mark in marks]
    agreed = marks[0] if len(set(marks)) == 1 else None
    assert read_mark(" ".join(brackets), THREE_STEPS) == agreed
    assert read_mark("\n".join(brackets), THREE_STEPS) == agreed
    quoted = "\n".join(f"It says {bracket} there." for bracket in brackets)
    assert read_mark(f"{quoted}\n{brackets[-1]}", THREE_STEPS) == marks[-1]


# From replies to a verdict


@dataclass
class ScriptedJudge:
    """A judge that gives these replies, one after the other."""

    replies: Sequence[Candidate]
    name: str = "judge"
    identity: str = "judge"
    chat: bool = True
    max_n: int | None = None
    asked: int = 0

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        self.asked += 1
        return [self.replies[min(self.asked, len(self.replies)) - 1]]

    async def close(self) -> None:
        """Nothing is open."""


def reply(text: str, finish_reason: str | None = "stop", error: str | None = None) -> Candidate:
    return Candidate(text, "judge", seed=0, finish_reason=finish_reason, error=error)


def verdict_on(judge: ScriptedJudge, **protocol):
    # The random order of this item shows the baseline first.
    pair = AnswerPair("t", "en", 0, "q0", "base", "cand", (Message("user", "Why?"),), ("one", "two"))
    asked = Protocol(load_judge_template("helpfulness"), swap="random", **protocol)
    return asyncio.run(judge_pair(pair, judge, asked))


@pytest.mark.parametrize("structured", [False, True])
def test_a_reply_that_was_cut_off_has_no_verdict_whatever_its_last_words(structured):
    text = '{"verdict": "A"}' if structured else "B claims: [[A]]"
    cut = verdict_on(ScriptedJudge([reply(text, "length")]), structured=structured)
    assert (cut.verdict, cut.score, cut.orders[0].verdict, cut.orders[0].mark) == (
        "invalid",
        None,
        "invalid",
        None,
    )
    assert cut.orders[0].reply == text
    assert verdict_on(ScriptedJudge([reply(text)]), structured=structured).verdict == "loss"


def test_an_unreadable_reply_is_asked_for_once_more_and_a_readable_one_is_not():
    judge = ScriptedJudge([reply("Hm."), reply("[[B]]"), reply("[[A]]")])
    found = verdict_on(judge)
    assert (judge.asked, found.verdict, found.orders[0].asked, found.orders[0].reply) == (
        2,
        "win",
        2,
        "[[B]]",
    )
    judge = ScriptedJudge([reply("Hm."), reply("Hm!"), reply("[[B]]")])
    found = verdict_on(judge)
    assert (judge.asked, found.verdict, found.orders[0].reply) == (2, "invalid", "Hm!")
    judge = ScriptedJudge([reply("[[C]]"), reply("[[A]]")])
    assert (verdict_on(judge).verdict, judge.asked) == ("tie", 1)


def test_a_failed_call_is_invalid_with_its_error_and_is_not_repeated_here():
    # given that the model retries by itself and has given up
    judge = ScriptedJudge([reply("", None, "HTTP 500"), reply("[[B]]")])
    found = verdict_on(judge)
    assert (judge.asked, found.verdict, found.orders[0].error) == (1, "invalid", "HTTP 500")


@pytest.mark.parametrize(("steps", "marks"), [(3, THREE_STEPS), (5, FIVE_STEPS)])
def test_the_candidates_score_follows_from_the_mark_and_its_place(steps, marks):
    for mark, worth in marks.items():
        found = verdict_on(ScriptedJudge([reply(f"[[{mark}]]")]), steps=steps)
        assert found.score == 1 - worth  # the baseline stands first
        assert found.verdict == ("win" if worth < 0.5 else "loss" if worth > 0.5 else "tie")


def test_the_scales_are_symmetric():
    swapped = str.maketrans("AB", "BA")
    for marks in (THREE_STEPS, FIVE_STEPS):
        for mark, worth in marks.items():
            mirrored = mark.translate(swapped).replace("B=A", "A=B")
            assert marks[mirrored] == 1 - worth


def test_random_replies_are_read_as_an_independent_reader_reads_them():
    # given a second reader, which splits the last line into words and looks at the last one
    random_ends = random.Random(0)
    pieces = ["[[A]]", "[[B]]", "[[C]]", "[[D]]", "[A]", "A", "text", "\n", "**", "."]
    for _ in range(3_000):
        reply = " ".join(random_ends.choice(pieces) for _ in range(random_ends.randint(0, 6)))
        lines = [line.split() for line in reply.split("\n")]
        while lines and all(set(word) <= {"*", "."} for word in lines[-1]):
            lines.pop()
        words = [word for word in (lines[-1] if lines else []) if set(word) - {"*", "."}]
        marks = {word for word in words if word.startswith("[[")}
        earlier = [[word for word in line if set(word) - {"*", "."}] for line in lines[:-1]]
        stated = {line[0] for line in earlier if len(line) == 1} & {"[[A]]", "[[B]]", "[[C]]"}
        clear = len(marks) == 1 and words[-1] in {"[[A]]", "[[B]]", "[[C]]"} and stated <= marks
        assert read_mark(reply, THREE_STEPS) == (words[-1][2] if clear else None), reply
