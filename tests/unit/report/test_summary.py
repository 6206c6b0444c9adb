"""The lines below the score table: what each strategy did and what it cost."""

from __future__ import annotations

from traced import trace

from fusion_eval.report.summary import summary
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.usage import Usage
from fusion_eval.types import Answer


def totals_of(*answers: Answer | None) -> Totals:
    totals = Totals()
    for answer in answers:
        totals.add(trace(answer=answer))
    return totals


def test_each_strategy_has_its_counts_and_the_tokens_of_each_role() -> None:
    # when
    lines = summary({"fusion": totals_of(None)}).splitlines()
    # then
    assert lines[1:] == [
        "fusion: answers 1, calls beyond the pool 1, fallbacks 0, of 3 candidates failed 1",
        "fusion: sampler 10 + 7 tokens, $0.750000",
        "fusion: fusor 20 + 5 tokens, no known price",
    ]


def test_roles_have_one_order_whichever_answered_first() -> None:
    # given
    totals = Totals(roles={role: Usage() for role in ("fusor", "scorer", "sampler")})
    # when, then
    roles = [line.split()[1] for line in summary({"fusion": totals}).splitlines()[2:]]
    assert roles == ["sampler", "scorer", "fusor"]


def test_a_strategy_that_mostly_falls_back_is_warned_about() -> None:
    # given
    fallback = Answer("a", fallback="the fusor refused")
    # when, then
    assert "WARNING: most answers are fallbacks" in summary({"fusion": totals_of(fallback, fallback, None)})
    assert "WARNING" not in summary({"fusion": totals_of(fallback, None)})


def test_what_adaptive_sampling_saved_is_a_line() -> None:
    # given two pools of three candidates, each planned with eight
    totals = Totals()
    totals.add(trace(), planned=8)
    totals.add(trace(1), planned=8)
    # when, then
    assert "fusion: adaptive sampling saved 10 of 16 candidates (62%)" in summary({"fusion": totals})
    assert "adaptive" not in summary({"fusion": totals_of(None)})
