"""Questions with lettered options: their prompts, their targets, their order."""

from __future__ import annotations

import pytest

from fusion_eval.answers.choices import INSTRUCTIONS, ChoiceQuestion
from fusion_eval.answers.final_answer import final_answer

QUESTION = ChoiceQuestion("Which is a city?", ("Rome", "Rhine", "Alps"), (0,), "en")


def test_the_prompt_has_the_question_the_options_and_the_instruction():
    assert QUESTION.prompt == (
        "Which is a city?\n\nA. Rome\nB. Rhine\nC. Alps\n\nThink step by step. Finish with a single line that begins "
        'with "Answer:" and holds only the letter of the correct option.'
    )


@pytest.mark.parametrize("language", INSTRUCTIONS)
def test_a_target_is_read_as_its_letter(language):
    question = ChoiceQuestion("?", ("x", "y"), (1,), language)

    assert final_answer(question.target, language) == "B"
    assert question.is_correct("B") and not question.is_correct("A") and not question.is_correct(None)


def test_an_order_depends_on_the_question_alone_and_moves_what_is_correct():
    again = ChoiceQuestion(QUESTION.question, QUESTION.options, QUESTION.correct, "en")

    assert QUESTION.permuted() == again.permuted()
    for number in range(20):
        permuted = ChoiceQuestion(f"Number {number}?", ("a", "b", "c", "d"), (1, 3), "fr").permuted()
        assert sorted(permuted.options) == ["a", "b", "c", "d"]
        assert {permuted.options[index] for index in permuted.correct} == {"b", "d"}


def test_a_question_without_a_correct_option_has_no_target():
    question = ChoiceQuestion("?", ("x", "y"), (), "en")

    assert question.target == "" and not question.is_correct("A")
