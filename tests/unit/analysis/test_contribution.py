"""What a fused text is made of, and in which order its fusor saw the candidates."""

from __future__ import annotations

import numpy as np
import pytest
from contributing import fused_trace, scored_pools
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.analysis.contribution import contribution_of, shown_order
from fusion_eval.analysis.contribution_rows import ContributionRow, contribution_rows
from fusion_eval.analysis.intervals import mean_of_known
from fusion_eval.analysis.units import units
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Answer, Candidate, Pool, Trace

WORDS = [f"w{number}" for number in range(12)]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def seen_by_fusor(model: Scripted, pool: Pool) -> list[int]:
    """Return the candidates in the order in which the fusor's last prompt shows them."""
    shown = model.prompt_texts[-1]
    at = {place: shown.find(f"\n{one.text}\n") for place, one in enumerate(pool.usable)}
    return sorted((place for place in at if at[place] >= 0), key=at.__getitem__)


@pytest.mark.parametrize("strategy", ["fusion", "rank_fusion(k=3,by=chrf)", "guarded_fusion(by=chrf)"])
@pytest.mark.parametrize("seed", [0, 7])
async def test_the_order_in_the_prompt_is_found_again_from_the_trace(strategy: str, seed: int) -> None:
    # given
    fusor = Scripted("Comparison: all.\nAnswer: [[ the cat sat on a mat ]]")
    texts = ["the cat sat", "the cat sat on", "a dog", "on a mat", "the mat"]
    pool = pool_of(*(Candidate(text, "m", seed + place) for place, text in enumerate(texts)))

    # when
    answer = await load_strategy(strategy)(pool, tools(fusor, seed=seed))
    trace = Trace("t", 0, 0, strategy, "en", pool, answer, answer.text)

    # then
    assert shown_order(trace) == seen_by_fusor(fusor, pool)


def test_dropped_candidates_were_not_seen() -> None:
    # given
    candidates = ["a", "b", "c", "d"]
    order = shown_order(fused_trace("x", candidates))

    # when
    dropped = shown_order(fused_trace("x", candidates, answer=Answer("x", dropped=2)))

    # then
    assert order is not None
    assert dropped == order[:2]


@pytest.mark.parametrize("strategy", ["moa", "another:strategy with a text of its own(("])
def test_other_strategies_have_no_known_order(strategy: str) -> None:
    one = contribution_of(fused_trace("the cat sat", ["the cat sat"], strategy=strategy))
    assert one is not None
    assert one.positions is None


@settings(max_examples=60, deadline=None)
@given(texts, st.lists(texts, min_size=1, max_size=5))
def test_the_credit_and_what_is_new_sum_to_one(fused: str, candidates: list[str]) -> None:
    # when
    one = contribution_of(fused_trace(fused, candidates))

    # then
    assert one is not None
    assert sum(one.credit) + one.new == pytest.approx(1)
    assert all(own <= all_of + 1e-12 for own, all_of in zip(one.credit, one.supported, strict=True))
    assert sorted(one.positions or ()) == list(range(1, len(candidates) + 1))


def test_a_part_that_two_candidates_hold_is_split_between_them() -> None:
    # when: four words of the first two, three of the third, one new
    one = contribution_of(
        fused_trace("a b c d e f g new", ["a b c d", "x a b c d", "e f g"], models=["left", "right"])
    )

    # then
    assert one is not None
    assert one.credit == pytest.approx((2 / 8, 2 / 8, 3 / 8))
    assert one.supported == pytest.approx((4 / 8, 4 / 8, 3 / 8))
    assert one.new == pytest.approx(1 / 8)
    assert one.contributors == 3
    assert one.models == ("left", "right", "left")


@pytest.mark.parametrize(
    "answer", [Answer("a", chosen=0), Answer("a", chosen=0, fallback="refused"), Answer("")]
)
def test_a_candidates_own_text_is_not_a_fused_one(answer: Answer) -> None:
    assert contribution_of(fused_trace("", ["a"], answer=answer)) is None


# The table


def rows_of(traces: list[Trace], **fields: object) -> list[ContributionRow]:
    """Return the rows of these traces, whose pools are all right."""
    n = len(traces[0].pool.candidates)
    made = {("t", number): one for number, trace in enumerate(traces) if (one := contribution_of(trace))}
    pools = scored_pools([[1.0] * n] * len(traces), **fields)
    return list(contribution_rows(units([pools]), {"fusion": made}))


def copying(position: int, number: int) -> Trace:
    """Return the trace of a fusor that copies the candidate at a position of its prompt."""
    candidates = [
        " ".join(f"{name}{number}{word}" for word in range(5 + place)) for place, name in enumerate("abc")
    ]
    order = shown_order(fused_trace("", candidates))
    assert order is not None
    return fused_trace(candidates[order[position - 1]], candidates, number=number, models=["x", "y", "z"])


def test_a_fusor_that_copies_the_first_text_prefers_the_first_position() -> None:
    # when
    rows = rows_of([copying(1 if number % 10 else 2, number) for number in range(40)])

    # then
    by_position = {row.level: row for row in rows if row.by == "position"}
    assert by_position["1"].value == pytest.approx(0.9)
    assert by_position["1"].expected == pytest.approx(1 / 3)
    assert by_position["1"].ci_low is not None
    assert by_position["1"].ci_low > 0
    assert by_position["3"].value == pytest.approx(0)
    for row in (row for row in rows if row.by in ("teacher", "length")):
        assert row.ci_low is not None and row.ci_high is not None
        assert row.difference is not None
        assert row.ci_low <= 0 <= row.ci_high or abs(row.difference) < 0.3


def test_rows_are_means_over_items_by_brute_force() -> None:
    # given
    random = np.random.default_rng(1)
    traces = []
    for number in range(12):
        candidates = [" ".join(random.choice(WORDS, 8)) for _ in range(3)]
        fused = " ".join([*candidates[number % 3].split()[:5], *random.choice(WORDS, 3)])
        traces.append(fused_trace(fused, candidates, number=number, models=["x", "y"]))
    scores = random.random((12, 3))

    # when
    rows = rows_of(traces, scores={"chrf": scores})

    # then
    own = [one for trace in traces if (one := contribution_of(trace))]
    ranks = (-scores).argsort(axis=1).argsort(axis=1) + 1

    def mean(share: list[float]) -> float:
        return sum(share) / len(share)

    expected = {
        ("new", None): mean([one.new for one in own]),
        ("contributors", None): mean([one.contributors for one in own]),
        ("share", "x"): mean([one.credit[0] + one.credit[2] for one in own]),
        ("share", "y"): mean([one.credit[1] for one in own]),
    }
    for row in rows:
        if row.by in (None, "teacher"):
            assert row.value == pytest.approx(expected[row.measure, row.level])
        if row.by == "rank":
            level = int(row.level or 0)
            share = [one.credit[list(rank).index(level)] for one, rank in zip(own, ranks, strict=True)]
            assert row.value == pytest.approx(mean(share))
    assert {row.level for row in rows if row.by == "rank"} == {"1", "2", "3"}


def test_dependent_items_widen_the_interval() -> None:
    # given: two kinds of texts, and items of one kind in one cluster
    traces = [copying(1 + number % 2, number) for number in range(20)]

    # when
    alone = rows_of(traces)
    joined = rows_of(traces, clusters=[str(number % 4) for number in range(20)])

    # then
    def width(rows: list[ContributionRow]) -> float:
        [row] = [row for row in rows if (row.by, row.level) == ("position", "1")]
        assert row.ci_low is not None and row.ci_high is not None
        return row.ci_high - row.ci_low

    assert width(joined) > width(alone)


def test_intervals_cover_the_mean_at_their_level() -> None:
    # given: 250 samples of 24 items in clusters of two, where all of a cluster moves together
    random = np.random.default_rng(0)
    [unit] = units([scored_pools([[1.0]] * 24, clusters=[str(number // 2) for number in range(24)])])
    values = np.repeat(random.random((250, 12)), 2, axis=1) + random.normal(size=(250, 24)) / 10

    # when
    means = [mean_of_known(unit, own, 0.05) for own in values]

    # then
    covered = [
        mean.low <= 0.5 <= mean.high for mean in means if mean.low is not None and mean.high is not None
    ]
    assert len(covered) == 250
    assert 0.91 <= sum(covered) / 250 <= 0.98
