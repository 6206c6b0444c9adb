"""Pairs, bases, equations with units, intervals, unions, plain mathematics, near numbers: what is read, and what is not."""

from __future__ import annotations

import pytest

from fusion_eval.answers.equivalence import same_answer
from fusion_eval.answers.final_answer import final_answer

SAME = {
    "pairs": [("(4,7)", "$(4,7)$", "en"), ("( 4 ; 7 )", "(4,7)", "fr"), ("-2 < x < 2", "$(-2,2)$", "en"), ("(x, y) = (4, 7)", "(4,7)", "en"), ("x = 4, y = 7", "(4,7)", "en"),
              ("y = 7 and x = 4", "(4,7)", "en")],
    "bases": [("31_{5}", "31_5", "en"), ("31₅", "31_5", "en"), ("31", "31_5", "en"), ("(31)_5", "31_{5}", "en"), ("31 base 5", "31_5", "en"), ("25_{10}", "25", "en"), ("2B_{16}", "2B_{16}", "en"), ("2b_{16}", "2B_{16}", "en"), ("31_{(5)}", "31_5", "en")],
    "powers of programs": [("x**2+1", "x^2+1", "en"), ("2**10", "1024", "en"), ("2 ** 10", "1024", "en"), ("**210** apples", "210", "en"), ("5** is it", "5", "en"), ("**n** = 21", "21", "en"), ("log2(3)", "\\log_2 3", "en")],
    "sets by a condition": [("\\{x \\mid 1 \\le x < 5\\}", "[1,5)", "en"), ("\\left\\{x\\in\\mathbb{R} : 1\\le x<5\\right\\}", "[1,5)", "en"), ("{t | t ≠ 2}", "(-\\infty,2)\\cup(2,\\infty)", "en"),
                            ("21 = n", "21", "en"), ("⟨4, 7⟩", "(4,7)", "en")],
    "equations with units": [("7 × 3 = 21 apples", "21", "en"), ("7·3 = 21 Äpfel", "21", "de"), ("n = 21 pommes", "21", "fr"), ("7×3=21个", "21", "zh"), ("7×3=21個", "21", "ja"), ("7 × 3 = 21개", "21", "ko"),
                             ("7 × 3 = 21 яблоко", "21", "ru"), ("7 × 3 = 21 mele", "21", "it"), ("x = 21 kg", "21", "en"), ("S = 21 \\text{ cm}^2", "21", "en"), ("x = 21°", "21", "en"),
                             ("x = 1.250,5 €", "1250.5", "de"), ("Total = 21 dollars", "21", "en")],
    "intervals": [("\\theta \\in [1, 5)", "$[1,5)$", "en"), ("1 \\leqslant \\theta < 5", "$[1,5)$", "en"), ("[1; 5)", "[1,5)", "en"), ("5 > t >= 1", "[1,5)", "en"), ("\\frac{p}{q} \\in (e, 9]", "$(e,9]$", "en"),
                  ("0 < k \\le \\frac{\\sqrt{3}}{6}", "$(0, \\frac{1}{2\\sqrt{3}}]$", "en"), ("x > 4", "(4, +\\infty)", "en"), ("(1,5; 2)", "(1.5, 2)", "de"), ("x is in [1, 5)", "[1,5)", "en")],
    "unions": [("]-\\infty;2[\\cup]2;+\\infty[", "(-\\infty,2)\\cup(2,\\infty)", "fr"), ("\\left]1;2\\right[", "(1,2)", "it"), ("x < 2 ou x > 3", "(-\\infty,2)\\cup(3,\\infty)", "pt"), ("\\mathbb{R} \\backslash \\{2\\}", "(-\\infty,2)\\cup(2,\\infty)", "de"),
               ("x ≠ 2", "(-\\infty,2)\\cup(2,\\infty)", "en"), ("(-inf,2) U (2,inf)", "(-\\infty,2)\\cup(2,\\infty)", "en"), ("(3,4) \\cup (1,2)", "(1,2) \\cup (3,4)", "en")],
    "or and and": [("x = 5 \\text{ or } x = 6", "5, 6", "en"), ("5 \\text{ et } 6", "5, 6", "fr"), ("5 o 6", "5, 6", "es"), ("5 o 6", "5, 6", "it"), ("5\\text{和}6", "5, 6", "zh"), ("5または6", "5, 6", "ja"), ("5 \\lor 6", "5, 6", "en"),
                   ("5, 6, and 9", "9, 5, \\text{ and } 6", "en"), ("5 au 6", "5, 6", "sw"), ("5 या 6", "5, 6", "hi"), ("5 หรือ 6", "5, 6", "th"), ("f(x) = 1 \\text{ or } f(x) = x^3", "$f(x)=1$ and $f(x)=x^3$", "en")],
    "plain mathematics": [("ln(3)", "$\\ln3$", "en"), ("ln 3", "\\ln 3", "en"), ("arctan(1/3)", "\\arctan{\\frac{1}{3}}", "en"), ("log_3(5)", "\\log_3 5", "en"), ("log₃ 5", "\\log_{3} 5", "en"), ("2ⁿ − 1", "2^n-1", "en"), ("b₁·b₂", "b_1 b_2", "en"),
                          ("⌈n/3⌉", "\\lceil \\frac{n}{3} \\rceil", "en"), ("2^(m(m+1)/2)", "$2^{\\frac{m(m+1)}{2}}$", "en"), ("⁴√5", "\\sqrt[4]{5}", "en"), ("cos²(x)", "\\cos^2 x", "en"), ("|x - 1|", "\\lvert x-1 \\rvert", "en"), ("n!/(n-2)!", "n(n-1)", "en")],
    "binomials": [("C(10,3)", "120", "en"), ("C(10, 3)", "\\binom{10}{3}", "en"), ("{10 \\choose 3}", "120", "en"), ("10 \\choose 3", "120", "en"), ("{n \\choose 2}", "\\frac{n(n-1)}{2}", "en"),
                  ("C(2n, n)", "\\binom{2n}{n}", "en"), ("2C(5,2)", "20", "en")],
    "words before an equation": [("Therefore x = 18", "18", "en"), ("Thus, $x=18$", "18", "en"), ("Donc x = 18", "18", "fr"), ("Also ist x = 18", "18", "de"), ("Por lo tanto, x = 18", "18", "es"),
                                 ("Итак, x = 18", "18", "ru"), ("Quindi x = 18", "18", "it"), ("Portanto, x = 18", "18", "pt"), ("よって、x = 18", "18", "ja"), ("따라서 x = 18", "18", "ko"), ("所以x = 18", "18", "zh"),
                                 ("إذن x = 18", "18", "ar"), ("इसलिए x = 18", "18", "hi"), ("Kwa hiyo x = 18", "18", "sw"), ("ดังนั้น x = 18", "18", "th")],
    "words behind a value": [("x = 3 quarters", "3", "en"), ("x = 5 million", "5000000", "en"), ("n = 3万", "30000", "zh"), ("n = 3千克", "3", "zh"), ("n = 18 pairs", "18", "en"),
                             ("S = 5 mi^2", "5", "en"), ("\\sqrt{3} metres long", "\\sqrt{3}", "en"), ("x < 5 metres", "x < 5", "en")],
    "signs and roundings": [
        (r"x = \frac{-3 \pm \sqrt{7}}{2}", r"\frac{-3+\sqrt7}{2}, \frac{-3-\sqrt7}{2}", "en"), (r"\pm\sqrt{2}", r"\sqrt2, -\sqrt2", "en"),
        ("2/3 ≈ 0.667", r"\frac23", "en"), (r"\sqrt{2} \approx 1.414", r"\sqrt{2}", "en"),
    ],
    "upright letters": [("\\mathrm{e}+2", "$e+2$", "de"), ("3+2\\mathrm{i}", "3+2i", "fr"), ("\\operatorname{e}^{x}", "e^x", "en"), ("\\mathrm{e}^{\\mathrm{i}\\pi}", "-1", "en")],
    "exact": [("0.5", "\\frac{1}{2}", "en"), ("\\frac{2}{10}", "0.2", "en"), ("0.50", "0.5", "en"), ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2", "en"), ("\\frac{21!}{20!}", "21", "en"), ("(x+1)^2", "x^2+2x+1", "en")],
    "numbers in scripts": [("4割", "40", "ja"), ("2割5分", "0.25", "ja"), ("卅六", "36", "zh"), ("2又五分之一", "2.2", "zh"), ("7‰", "0.007", "de"), ("asilimia 40", "0.4", "sw"), ("0,25 (25 %)", "0.25", "fr"), ("25 % (0,25)", "0.25", "de"),
                           ("$12k", "12000", "en"), ("2.5B", "2500000000", "en"), ("$3m", "3000000", "en")],
}  # fmt: skip
DIFFERENT = {
    "pairs": [("4.7", "$(4,7)$", "en"), ("47/10", "(4,7)", "en"), ("-2.2", "$(-2,2)$", "en"), ("(7,4)", "(4,7)", "en"), ("4567", "(4,567)", "en"), ("4.7", "4,7", "en"), ("[4,7]", "(4,7)", "en"), ("x = 7, y = 4", "(4,7)", "en")],
    "bases": [("31_6", "31_5", "en"), ("31₆", "31_5", "en"), ("315", "31_5", "en"), ("16", "31_5", "en"), ("110_2", "110", "en"), ("4_9", "4", "en"), ("y_1", "y_2", "en"), ("2b_{16}", "2B_{12}", "en"), ("a_{2}", "A_2", "en")],
    "powers of programs": [("2**10", "210", "en"), ("2**10", "20", "en"), ("x**2", "x^3", "en")],
    "sets by a condition": [("\\{x \\mid 1 \\le x \\le 5\\}", "[1,5)", "en"), ("18 = 2x", "18", "en"), ("\\{1,5\\}", "[1,5]", "en")],
    "equations with units": [("20 = 21 dollars", "21", "en"), ("2x = 18", "18", "en"), ("7 × 3 = 22 apples", "22", "en"), ("21 apples and 4 pears = 25", "21", "en")],
    "intervals": [("[1,5]", "[1,5)", "en"), ("1 < x < 5", "[1,5)", "en"), ("1.5", "[1,5]", "en"), ("y \\in [1,5)", "x \\in [1,5)", "en"), ("x < 4", "(4,\\infty)", "en")],
    "unions": [("(1,2]\\cup(3,4)", "(1,2)\\cup(3,4)", "en"), ("]1,2[", "[1,2]", "fr"), ("x ≠ 3", "(-\\infty,2)\\cup(2,\\infty)", "en")],
    "or and and": [("5, 7, and 9", "5, 6, \\text{ and } 9", "en"), ("5 or 6", "5", "en"), ("5", "5, 6", "en")],
    "binomials": [("C(10,3)", "30", "en"), ("C(10,3)", "(10,3)", "en"), ("C(3)", "3", "en"), ("P(10,3)", "120", "en")],
    "words before an equation": [("Therefore 2x = 18", "18", "en"), ("e x = 5", "x = 5", "it"), ("not x = 18", "18", "en"), ("if x = 18", "18", "en")],
    "words behind a value": [("x = 5 million", "5", "en"), ("18 squared", "18", "en"), ("5 factorial", "5", "en"), ("n = 3 Millionen", "3", "de"), ("2 Drittel", "2", "de"), ("2 tiers", "2", "fr"),
                             ("x = 5 mil", "5", "es"), ("x = 5 mila", "5", "it"), ("x = 5 milhões", "5", "pt"), ("n = 3 тысячи", "3", "ru"), ("n = 3万", "3", "zh"), ("n = 3万", "3", "ja"), ("n = 3백만", "3", "ko"),
                             ("n = 3 ألف", "3", "ar"), ("n = 3 हज़ार", "3", "hi"), ("n = 3 elfu", "3", "sw"), ("n = 3 ล้าน", "3", "th"), ("18 below zero", "18", "en"), ("x < 5 thousand", "x < 5", "en"),
                             ("(3 thousand, 4)", "(3, 4)", "en"), ("\\sqrt{3} squared", "\\sqrt{3}", "en"), ("5 dozen eggs", "5", "en")],
    "exact": [("0.333", "\\frac13", "en"), ("3.14", "\\pi", "en"), ("3.14159265358979", "\\pi", "en"), ("1.414214", "\\sqrt{2}", "en"), ("\\frac{1}{30!}", "\\frac{1}{31!}", "en"), ("\\frac{1}{3^{80}}", "\\frac{1}{3^{81}}", "en"),
              ("1-\\frac{1}{3^{900}}", "1-\\frac{1}{3^{901}}", "en"), ("\\sqrt{2}+\\frac{1}{10^{500}}", "\\sqrt{2}", "en"), ("\\frac{500!}{400!}-7", "\\frac{500!}{400!}-8", "en"), ("x+\\frac{1}{10^{90}}", "x", "en"),
              ("\\sqrt{x^2}", "x", "en")],
    "upright letters": [("\\mathrm{e}-2", "e+2", "en"), ("3-2\\mathrm{i}", "3+2i", "en")],
    "numbers in scripts": [("3‰", "3", "de"), ("0,25 (30 %)", "0.25", "fr"), ("15k", "15", "en")],
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_answers_of_each_kind_are_read(kind):
    assert [case for case in SAME[kind] if not same_answer(*case)] == []


@pytest.mark.parametrize("kind", DIFFERENT)
def test_look_alikes_of_each_kind_are_different(kind):
    assert [case for case in DIFFERENT[kind] if same_answer(*case)] == []


@pytest.mark.parametrize(
    "reply",
    [
        "<|channel|>analysis<|message|>A guess.\nAnswer: 5\nNo.<|end|><|start|>assistant<|channel|>final<|message|>Answer: 6<|return|>",
        "analysisA guess. Answer: 5assistantfinalAnswer: 6", "Answer: 6<|return|>", "Answer: 6<eos>", "Answer: 6<|eom_id|>", "Answer: 6<|end_of_turn|>", "Answer: 6[EOS]",
        "Answer: <|begin_of_box|>6<|end_of_box|>", "So <|begin_of_box|>6<|end_of_box|>.", "[THINK]maybe\nAnswer: 5\n[/THINK]Answer: 6", "◁think▷Answer: 5◁/think▷Answer: 6",
        "<reasoning>\nAnswer: 5\n</reasoning>\n<answer>6</answer>", "<seed:think>Answer: 5</seed:think>Answer: 6", "<|START_THINKING|>Answer: 5<|END_THINKING|>Answer: 6",
    ],
)  # fmt: skip
def test_reasoning_and_tokens_of_templates_are_no_part_of_the_answer(reply):
    assert final_answer(reply, "en") == "6"


def test_a_reply_that_ends_within_its_reasoning_has_no_answer():
    assert final_answer("<|channel|>analysis<|message|>Answer: 5", "en") is None
    assert final_answer("[THINK]Answer: 5", "en") is None
