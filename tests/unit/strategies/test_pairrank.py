"""`pairrank` lets the fusor compare pairs in Swiss rounds, and takes the strongest candidate."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from choosing_models import always_failing, chooser, counted, failing, lying, reason_of, shown
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.pairrank import PairRank
from fusion_eval.strategies.specs import format_spec, load_strategy
from fusion_eval.strategies.swiss import Standings
from fusion_eval.types import Candidate


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=2, max_size=7, unique=True))
async def test_with_enough_comparisons_the_candidate_that_beats_all_others_wins(values: list[int]) -> None:
    # given a budget for every pair in both orders, and a model that is never wrong
    model = chooser(float)

    answer = await PairRank(budget="99n")(pool_of(*map(str, values)), tools(model))

    # then all pairs were shown in both orders, once each
    pairs = Counter(tuple(shown(prompt)) for prompt in model.prompt_texts)
    meetings = Counter(frozenset(pair) for pair in pairs)
    assert answer.text == str(max(values))
    assert set(pairs.values()) == {1}
    assert len(meetings) == len(list(combinations(values, 2)))
    assert set(meetings.values()) == {2}
    # and strengths order all candidates
    ordered = sorted(range(len(values)), key=lambda i: answer.scores[i] or 0.0)
    assert [values[i] for i in ordered] == sorted(values)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 12), st.integers(0, 5))
async def test_the_default_budget_finds_the_best_and_shows_every_candidate(n: int, seed: int) -> None:
    model = chooser(float)

    answer = await PairRank()(pool_of(*map(str, range(n))), tools(model, seed=seed))

    seen = Counter(text for prompt in model.prompt_texts for text in shown(prompt))
    assert answer.text == str(n - 1)
    assert len(model.requests) == min(3 * n, n * (n - 1)) == len(answer.calls)
    assert min(seen[str(i)] for i in range(n)) >= 2


@pytest.mark.parametrize(("budget", "calls"), [("1", 6), ("8", 8), ("0.5n", 6), ("2n", 12), ("1.5n", 9)])
async def test_a_budget_is_a_number_of_comparisons_of_which_the_first_round_needs_n(
    budget: str, calls: int
) -> None:
    model = chooser(float)

    await PairRank(budget=budget)(pool_of(*map(str, range(6))), tools(model))

    assert len(model.requests) == calls


async def test_two_candidates_are_compared_in_both_orders() -> None:
    model = chooser(len)

    answer = await PairRank()(pool_of("a", "bb"), tools(model))

    first, second = (shown(prompt) for prompt in model.prompt_texts)
    assert first == second[::-1]
    assert answer.text == "bb"


async def test_a_model_that_always_takes_the_first_place_makes_nobody_stronger() -> None:
    answer = await PairRank(budget="99n")(pool_of("a", "b", "c"), tools(Scripted("[[1]]")))

    assert answer.scores == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert answer.text == "a"


async def test_equal_texts_are_one_candidate_and_share_its_strength() -> None:
    model = chooser(len)

    answer = await PairRank()(pool_of("bb", "a", "bb"), tools(model))

    assert (answer.text, answer.chosen, len(model.requests)) == ("bb", 0, 2)
    assert answer.scores[0] == answer.scores[2]
    assert (await PairRank()(pool_of("a", "a"), tools())).calls == ()


def test_a_swiss_round_pairs_neighbours_in_the_standings_that_have_not_met() -> None:
    # given a ring of four, in which 0 and 2 win
    standings = Standings([0, 1, 2, 3])
    for pair in standings.first_round():
        standings.add(pair, 0 if 0 in pair else 2)
    # when the next round is paired: then the winners meet, and so do the losers
    assert standings.next_round() == [(0, 2), (1, 3)]


async def test_a_comparison_that_cannot_be_read_is_counted_and_the_others_decide() -> None:
    # given a model that cannot compare the two best in one of the orders
    def reply(prompt: str) -> str:
        texts = shown(prompt)
        return "hard to say" if texts == ["8", "9"] else f"[[{1 + texts.index(max(texts))}]]"

    answer = await PairRank(budget="99n")(pool_of("7", "8", "9"), tools(Scripted(reply)))

    assert (answer.text, answer.fallback, answer.departures) == ("9", None, ("unreadable",))
    assert len(answer.calls) == 6


@always_failing
async def test_a_failing_model_leads_to_a_fallback_that_counts_every_accepted_request(failure: str) -> None:
    answer = await PairRank()(pool_of("a", "b", "c"), tools(failing(failure)))

    assert answer.text == "a"
    reason = f"the comparisons that can be read do not connect all candidates; {reason_of(failure)}"
    assert answer.fallback == reason
    assert len(answer.calls) == counted(failure, 6)


@lying
async def test_a_reply_that_names_no_candidate_leads_to_a_fallback(lie: str) -> None:
    likely = Candidate("likely", "m", 0, mean_logprob=-0.1)
    unlikely = Candidate("unlikely", "m", 1, mean_logprob=-2.0)

    answer = await PairRank()(pool_of(unlikely, likely), tools(Scripted(lie)))

    assert answer.text == "likely"
    assert answer.fallback is not None


@pytest.mark.parametrize("budget", ["many", "n", "-3", "3 n", "0x3", "0", "0n", "0.0n"])
def test_a_budget_that_cannot_be_read_is_one_sentence(budget: str) -> None:
    with pytest.raises(
        ConfigError, match="should be comparisons per candidate, such as 3n, or in all, such as 20"
    ):
        PairRank(budget=budget)


def test_a_budget_is_read_from_text_and_printed_as_it() -> None:
    assert format_spec(load_strategy("pairrank(budget=2n)")) == "pairrank(budget=2n)"
    assert format_spec(load_strategy("pairrank(budget=3n)")) == "pairrank"
    assert load_strategy("pairrank(budget=20)") == PairRank(budget="20")
