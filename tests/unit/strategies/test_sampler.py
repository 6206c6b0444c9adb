"""A pool holds n candidates in sampling order, from models and temperatures that take turns."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.errors import EndpointError
from fusion_eval.harness.questions import COPY_STRIDE
from fusion_eval.strategies.sampler import cut_pool, draw
from fusion_eval.types import Candidate, Pool, Prompt, Sampling

PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=100)


class Teacher:
    """A model that answers with its name, the temperature and the seed."""

    chat = True
    max_n: int | None = None

    def __init__(self, name: str, failing: frozenset[int] = frozenset()) -> None:
        self.name = self.identity = name
        self._failing = failing

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        await asyncio.sleep(0)
        return [self._one(sampling, sampling.seed + i) for i in range(n)]

    def _one(self, sampling: Sampling, seed: int) -> Candidate:
        if seed in self._failing:
            return Candidate("", self.name, seed, error="failed")
        return Candidate(f"{self.name} {sampling.temperature} {seed}", self.name, seed)

    async def close(self) -> None:
        pass


async def texts(names: str, temperatures: list[float], n: int) -> list[str]:
    pool = await draw([Teacher(name) for name in names], temperatures, PROMPT, SAMPLING, n)
    return [candidate.text for candidate in pool.candidates]


async def test_candidates_of_one_model_have_consecutive_seeds() -> None:
    assert await texts("a", [0.7], 3) == ["a 0.7 100", "a 0.7 101", "a 0.7 102"]


async def test_models_take_turns() -> None:
    assert await texts("ab", [0.7], 5) == ["a 0.7 100", "b 0.7 100", "a 0.7 101", "b 0.7 101", "a 0.7 102"]


async def test_temperatures_take_turns() -> None:
    assert await texts("a", [0.5, 0.9], 3) == ["a 0.5 100", "a 0.9 100", "a 0.5 101"]


async def test_models_and_temperatures_take_turns_independently() -> None:
    drawn = await texts("ab", [0.1, 0.2, 0.3], 6)
    assert [text[:5] for text in drawn] == ["a 0.1", "b 0.2", "a 0.3", "b 0.1", "a 0.2", "b 0.3"]


async def test_a_model_that_is_named_twice_gives_twice_as_many_candidates_and_repeats_none() -> None:
    """In other tools the cache makes such samples copies of each other."""
    assert await texts("aab", [0.7, 0.7], 5) == [
        "a 0.7 100",
        "a 0.7 101",
        "b 0.7 100",
        "a 0.7 102",
        "a 0.7 103",
    ]


@given(
    st.text("abc", min_size=1, max_size=4),
    st.lists(st.sampled_from([0.0, 0.7, 1.0]), min_size=1, max_size=3),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_a_larger_n_keeps_the_candidates_of_a_smaller_n_and_adds_new_ones(
    names: str, temperatures: list[float], small: int, more: int
) -> None:
    fewer = asyncio.run(texts(names, temperatures, small))
    all_of_them = asyncio.run(texts(names, temperatures, small + more))
    assert all_of_them[:small] == fewer
    assert len(set(all_of_them)) == small + more


async def test_a_failed_candidate_keeps_its_place_and_is_not_usable() -> None:
    """In other tools a failure shifts all later answers by one place."""
    pool = await draw([Teacher("a", frozenset([101])), Teacher("b")], [0.7], PROMPT, SAMPLING, 5)
    assert [(c.model, c.seed, c.error) for c in pool.candidates] == [
        ("a", 100, None),
        ("b", 100, None),
        ("a", 101, "failed"),
        ("b", 101, None),
        ("a", 102, None),
    ]
    assert pool.usable == tuple(c for c in pool.candidates if c.seed != 101 or c.model == "b")


async def test_the_pools_of_two_copies_of_a_prompt_never_overlap() -> None:
    other = dataclasses.replace(SAMPLING, seed=SAMPLING.seed + COPY_STRIDE)
    first = await draw([Teacher("a")], [0.7], PROMPT, SAMPLING, 1_000)
    second = await draw([Teacher("a")], [0.7], PROMPT, other, 1_000)
    assert not {c.text for c in first.candidates} & {c.text for c in second.candidates}


async def test_an_endpoint_that_is_down_cancels_the_requests_to_the_other_models() -> None:
    """Otherwise they would go on, and cost money, after the run has ended with its error."""
    ended: list[str] = []

    class Slow(Teacher):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(self.name)
            return []

    class Down(Teacher):
        async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
            await asyncio.sleep(0)
            raise EndpointError("down") from OSError("its cause")

    with pytest.raises(EndpointError, match="down") as caught:
        await draw([Slow("slow"), Down("down")], [0.7], PROMPT, SAMPLING, 2)

    assert ended == ["slow"]
    assert isinstance(caught.value.__cause__, OSError), "the error is raised as it is"


def test_a_pool_is_cut_at_the_stop_strings_and_keeps_its_other_candidates() -> None:
    # given a pool in which one candidate holds stop strings
    failed = Candidate("", "m", 2, error="failed")
    pool = Pool(
        PROMPT, (Candidate("a", "m", 0), Candidate("b\nc Q:", "m", 1), failed), (Candidate("x", "m", 3),)
    )
    # when
    cut = cut_pool(pool, ("Q:", "\n"))
    # then
    assert [candidate.text for candidate in cut.candidates] == ["a", "b", ""]
    assert (cut.prompt, cut.candidates[2], cut.cross_lingual) == (PROMPT, failed, pool.cross_lingual)


@pytest.mark.parametrize("stops", [(), ("Q:",)])
def test_a_pool_without_a_stop_string_is_left_as_it_is(stops: tuple[str, ...]) -> None:
    pool = Pool(PROMPT, (Candidate("a\nb", "m", 0),))
    assert cut_pool(pool, stops) is pool
