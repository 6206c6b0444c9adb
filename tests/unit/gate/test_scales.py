"""The range of a metric, which its values tell and its name never widens."""

from __future__ import annotations

import pytest
from gate_sides import side
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.gate.check import check
from fusion_eval.gate.scales import scale_of

NAMES = ("bleu", "bleu_acc", "chrf", "ter", "acc", "f1", "rougeL_acc", "my_chrf_bleu_win")


def test_a_share_that_is_named_after_bleu_and_falls_to_zero_is_a_regression() -> None:
    # given 19 of 40 answers right in the baseline, and none in the candidate
    before, after = [1.0] * 19 + [0.0] * 21, [0.0] * 40
    # when
    result = check(
        side({"truthfulqa_gen": before}, metric="bleu_acc"),
        side({"truthfulqa_gen": after}, metric="bleu_acc"),
    )
    # then
    assert (result.verdict, result.exit_code, result.rows[0].margin) == ("regression", 1, 0.01)


@given(st.sampled_from(NAMES), st.lists(st.floats(0, 1), min_size=1))
def test_values_up_to_1_are_on_a_scale_to_1_whatever_the_name(name: str, values: list[float]) -> None:
    assert scale_of(name, values) == 1.0


@given(
    st.sampled_from(["mae", "hamming_loss", "perplexity"]), st.lists(st.sampled_from([0.0, 1.0]), min_size=1)
)
def test_values_of_0_and_1_are_on_a_scale_to_1_whatever_the_name(name: str, values: list[float]) -> None:
    assert scale_of(name, values) == 1.0


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("rouge1_max", [12.0, 61.0], 100.0),
        ("chrf", [12.0, 31.0], 100.0),
        ("bleu_rating", [1.0, 5.0], None),
        ("rating", [1.0, 10.0], None),
        ("bleu_diff", [-3.0, 3.0], None),
        ("mae", [0.2, 0.4], None),
    ],
)
def test_a_range_that_the_values_leave_open_is_not_guessed(
    name: str, values: list[float], scale: float | None
) -> None:
    assert scale_of(name, values) == scale
