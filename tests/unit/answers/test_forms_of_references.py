"""Real references in many forms are right, and their neighbours are wrong, in every language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_eval.answers.decimals import DECIMAL_SIGNS
from fusion_eval.answers.equivalence import same_answer
from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.reasoning import exact_match

LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
UNITS = {
    "en": "dollars",
    "fr": "euros",
    "de": "Euro",
    "es": "huevos",
    "ru": "долларов",
    "it": "uova",
    "pt": "ovos",
    "ja": "ドル",
    "ko": "달러",
    "zh": "元",
    "ar": "دولارًا",
}
FORMULAS = {
    r"$\frac{\pi}{3}$": (["π/3", "pi/3", r"\dfrac{\pi}{3}", r"x = \frac{\pi}{3}", r"\frac13\pi", "60°", r"\frac{\pi}{3} \text{ rad}"], ["π/4", "-π/3", "1.0472", "3/π"]),
    r"$b \geq $-\frac{2}{3}$": (["b ≥ -2/3", r"[-\frac23, \infty)", r"b \in [-2/3, +\infty)", "-2/3 <= b", "[-2/3; +∞["], ["b > -2/3", "b ≤ -2/3", "[2/3, ∞)", r"b \ge -0.667"]),
    r"$\frac{-1+\sqrt{5}}{4}$": (["(√5 - 1)/4", "(sqrt(5)-1)/4", r"\frac{\sqrt5-1}{4}", r"\frac{\sqrt5}{4}-\frac14"], ["(√5+1)/4", "0.309", "(1-√5)/4", "0.30901699"]),
    r"${2, -2, \frac{1}{2}, -\frac{1}{2}}$": (
        [r"\pm 2, \pm\frac12", "±2 or ±1/2", "m = 2, m = -2, m = 1/2, m = -1/2", r"\{2, -2, \frac12, -\frac12\}", r"m \in \{-2, -1/2, 1/2, 2\}", "-2; -1/2; 1/2; 2"],
        ["±2", "2, -2, 1/2", "2, -2, 1/3, -1/3", "(2, -2, 1/2, -1/2)"],
    ),
    r"$[2,3)$": (["[2, 3)", "[2; 3)", "2 ≤ x < 3", r"x \in [2,3)", "[2, 3[", r"\left[2,3\right)", "3 > x ≥ 2"], ["[2,3]", "(2,3)", "(2,3]", "2.3", "[3,2)", "2 < x < 3", "[2,4)"]),
    r"$\frac{3\sqrt{5}}{5}$": (["3/√5", "3√5/5", "3*sqrt(5)/5", r"\frac{3}{\sqrt{5}}", r"\sqrt{\frac95}"], ["1.3416", "√5/5", "3√5", "-3√5/5"]),
    r"$c < a < b$": (["c<a<b", "b > a > c", r"c \lt a \lt b"], ["a<b<c", "c<b<a", "c ≤ a < b", "c > a > b"]),
    r"$\frac{x^{2}}{2} - \frac{y^{2}}{4}=1$": (["x²/2 - y²/4 = 1", "2x^2 - y^2 = 4", "1 = x^2/2 - y^2/4"], ["x²/4 - y²/2 = 1", "x²/2 + y²/4 = 1", "x²/2 - y²/4 = 2", "x^2/2 - y^2/4"]),
    r"$(-\infty, 0)\cup(0,1)\cup(1,+\infty)$": (
        ["]-∞, 0[ ∪ ]0, 1[ ∪ ]1, +∞[", "(-∞,0)∪(0,1)∪(1,∞)", r"\mathbb{R} \setminus \{0, 1\}", r"x \ne 0 \text{ and } x \ne 1", "x < 0 or 0 < x < 1 or x > 1"],
        ["(-∞,0)∪(0,∞)", "(-∞,0]∪(0,1)∪(1,∞)", r"\mathbb{R}", r"\mathbb{R} \setminus \{0, -1\}"],
    ),
    r"$1+3\sqrt{2}$": (["1+3√2", "3√2 + 1", r"1+\sqrt{18}", "1 + 3*sqrt(2)"], ["1-3√2", "5.2426", "3+√2", "4√2"]),
}  # fmt: skip
"""Right forms and wrong neighbours of references that are formulas."""


@pytest.fixture(scope="module")
def references(shared_data: Path) -> list[str]:
    rows = (shared_data / "polymath" / "en.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted({json.loads(row)["answer"] for row in rows})


def right_forms(reference: str, language: str) -> Iterator[str]:
    bare = reference.replace("$", "")
    yield from (reference, f"${bare}$", rf"\({bare}\)", rf"\boxed{{{bare}}}", f"**${bare}$**", f"{bare}.")
    if re.fullmatch(r"-?\d+", bare):
        yield from (
            f"{bare} {UNITS[language]}",
            f"x = {bare}",
            f"x = {bare} {UNITS[language]}",
            rf"{bare} \text{{ {UNITS[language]}}}",
            f"{bare},0" if DECIMAL_SIGNS[language] == "," else f"{bare}.0",
        )
        yield from (
            f"{int(bare) - 2} + 2 = {bare}",
            f"{int(bare) * 3}/3",
            f"{int(bare):,}",
            f"€{bare}",
            f"≈ {bare}",
            f"{bare} ({bare})",
        )
    if re.fullmatch(r"\d*\.\d+", bare):
        yield from (bare.replace(".", DECIMAL_SIGNS[language][0]), f"{float(bare):.0%}", f"{bare}0")
    if fraction := re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", bare):
        yield from (
            f"{fraction[1]}/{fraction[2]}",
            f"x = {fraction[1]}/{fraction[2]}",
            rf"\dfrac{{{fraction[1]}}}{{{fraction[2]}}}",
        )
    yield from FORMULAS.get(reference, ([], []))[0]


def wrong_neighbours(reference: str) -> Iterator[str]:
    bare = reference.replace("$", "")
    if re.fullmatch(r"-?\d+", bare):
        number = int(bare)
        yield from map(
            str,
            (
                number + 1,
                number - 1,
                -number,
                number * 10,
                f"{number}.5",
                f"{number}.001",
                f"{number}0",
                f"{number}_7",
                f"{number}, {number + 1}",
                f"({number},{number})",
                f"{number}/7",
                f"x > {number}",
                f"2x = {number}",
            ),
        )
    if fraction := re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", bare):
        top, bottom = int(fraction[1]), int(fraction[2])
        yield from (
            f"{bottom}/{top}",
            f"-{top}/{bottom}",
            f"{top / bottom:.4f}",
            f"{top + 1}/{bottom}",
            f"({top},{bottom})",
        )
    yield from FORMULAS.get(reference, ([], []))[1]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_right_form_is_refused_and_no_wrong_neighbour_accepted(references, language):
    refused = [
        (form, reference)
        for reference in references
        for form in right_forms(reference, language)
        if not is_right(form, reference, language)
    ]
    accepted = [
        (form, reference)
        for reference in references
        for form in wrong_neighbours(reference)
        if is_right(form, reference, language)
    ]
    assert (refused, accepted) == ([], [])


def is_right(answer: str, reference: str, language: str) -> bool:
    reply = f"2 + 2 = 4.\n\n{MARKERS[language]} {answer}"
    return exact_match({"language": language, "references": [reference]}, [reply])["exact_match"] == 1


@pytest.mark.parametrize("reference", FORMULAS)
def test_the_forms_of_a_formula_are_right_and_its_neighbours_wrong(reference):
    right, wrong = FORMULAS[reference]
    assert [form for form in right if not same_answer(form, reference, "en")] == []
    assert [form for form in wrong if same_answer(form, reference, "en")] == []
