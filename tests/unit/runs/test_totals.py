"""Totals: what traces add up to."""

from __future__ import annotations

import json

import msgspec
import pytest
from traced import CALL, trace

from fusion_eval.runs.totals import Totals
from fusion_eval.runs.usage import Usage, dollars
from fusion_eval.types import Answer, Candidate


def totals_of(*answers: Answer) -> Totals:
    """Add one trace for each answer."""
    totals = Totals()
    for answer in answers:
        totals.add(trace(answer=answer))
    return totals


def test_totals_count_each_generation_and_the_wait_of_each_request_once() -> None:
    # given two prompts, each with two candidates of one request, a failed one and a fused answer
    totals = Totals()
    # when
    totals.add(trace())
    totals.add(trace(1))
    # then
    assert totals.as_json() == {
        "prompts": 2,
        "candidates": 6,
        "failed_candidates": 2,
        "empty_candidates": 0,
        "cut_candidates": 0,
        "rechecks": 0,
        "omitted": {},
        "unscored_candidates": 0,
        "aggregation_calls": 2,
        "fallbacks": 0,
        "dropped_candidates": 0,
        "departures": {},
        "prompt_tokens": 60,
        "completion_tokens": 24,
        "cost": 1.5,
        "seconds": 6.0,
        "roles": {
            "sampler": {
                "prompt_tokens": 20,
                "completion_tokens": 14,
                "cost": 1.5,
                "unpriced": 0,
                "retries": 0,
            },
            "fusor": {
                "prompt_tokens": 40,
                "completion_tokens": 10,
                "cost": None,
                "unpriced": 2,
                "retries": 0,
            },
        },
    }


def test_fallbacks_dropped_candidates_and_departures_are_counted() -> None:
    # when
    totals = totals_of(
        Answer("a", chosen=0, fallback="the fusor refused"),
        Answer("x", departures=("unclosed", "truncated"), dropped=2),
        Answer("x", departures=("unclosed",)),
    )
    # then
    assert (totals.fallbacks, totals.dropped_candidates) == (1, 2)
    assert totals.departures == {"unclosed": 2, "truncated": 1}


def test_the_calls_of_a_trace_can_be_added_without_its_pool() -> None:
    # given
    totals = Totals()
    # when
    totals.add_calls(trace())
    # then
    assert (totals.prompt_tokens, totals.completion_tokens, totals.candidates) == (20, 5, 0)


def test_the_cost_is_unknown_if_no_price_is_known() -> None:
    # given
    totals = Totals()
    # when
    totals.add_calls(trace())
    # then
    assert totals.cost is None


@pytest.mark.parametrize(
    ("strategy", "scorer_calls", "sampler_calls", "roles"),
    [
        ("fusion", 0, 0, {"fusor": 2}),
        ("rank_fusion(by=judge)", 1, 0, {"scorer": 1, "fusor": 1}),
        ("council", 0, 1, {"sampler": 1, "fusor": 1}),
        ("rsa", 0, 2, {"sampler": 2}),
        ("weighted_majority(by=judge)", 2, 0, {"scorer": 2}),
        ("bon", 2, 0, {"scorer": 2}),
        ("bon", 0, 0, {"scorer": 2}),  # a trace of 0.1.0 does not count them
    ],
)
def test_calls_beyond_the_pool_have_the_roles_that_the_answer_says_and_else_are_the_fusors(
    strategy: str, scorer_calls: int, sampler_calls: int, roles: dict[str, int]
) -> None:
    # given
    totals = Totals()
    answer = Answer("a", calls=(CALL, CALL), scorer_calls=scorer_calls, sampler_calls=sampler_calls)
    # when
    totals.add_calls(trace(answer=answer, strategy=strategy))
    # then
    calls = {role: usage.prompt_tokens // 20 for role, usage in totals.roles.items()}
    assert calls == roles


def test_candidates_that_were_planned_and_not_drawn_are_saved() -> None:
    # given pools of three candidates, of which one was planned with eight
    totals = Totals()
    totals.add(trace(), planned=8)
    totals.add(trace(1), planned=3)
    # when those of another process are added
    totals.merge(totals)
    # then
    assert (totals.saved_candidates, totals.as_json()["saved_candidates"]) == (10, 10)


def test_a_results_file_does_not_depend_on_the_order_of_the_answers() -> None:
    # given answers whose sums differ in the last digit from one order to another
    calls = [
        msgspec.structs.replace(CALL, cost=cost, latency=cost, omitted=omitted)
        for cost, omitted in [(0.1, ("top_p",)), (0.2, ()), (0.3, ("seed",))]
    ]
    answers = [
        Answer("x", calls=(call,), departures=(name,)) for call, name in zip(calls, "cab", strict=True)
    ]
    answers.append(Answer("x", calls=(CALL,), scorer_calls=1))
    # when
    one, other = totals_of(*answers), totals_of(*reversed(answers))
    # then
    assert one.roles["fusor"].cost != other.roles["fusor"].cost
    assert json.dumps(one.as_json()) == json.dumps(other.as_json())
    assert one.as_json()["roles"]["fusor"]["cost"] == 0.6


def test_a_sum_of_dollars_says_if_some_price_is_unknown() -> None:
    # given a reply without a price and a failed one, which costs nothing
    usage = Usage()
    usage.add(CALL)
    usage.add(Candidate("", "m", 0, error="HTTP 500"))
    assert (str(usage), usage.unpriced) == ("20 + 5 tokens, no known price", 1)
    # when one with a price is added
    usage.add(msgspec.structs.replace(CALL, cost=0.0125))
    # then
    assert str(usage) == "40 + 10 tokens, $0.012500 without those of unknown price"


@pytest.mark.parametrize(
    ("amount", "text"), [(0.0, "$0.00"), (0.000123, "$0.000123"), (0.5, "$0.500000"), (1234.5, "$1,234.50")]
)
def test_dollars_have_more_digits_below_one(amount: float, text: str) -> None:
    assert dollars(amount) == text
