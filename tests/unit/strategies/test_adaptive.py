"""Adaptive sampling: a pool stops growing once its leading answer is safe, and is a prefix of the full pool."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.adaptive import draw_adaptively
from fusion_eval.strategies.sampler import draw
from fusion_eval.types import Candidate, Prompt, Sampling

PROMPT = Prompt("Why?")
SAMPLING = Sampling(max_tokens=8, temperature=0.7, seed=0, stop=("#",))
FAILED, SILENT = "failed", "silent"


class Teacher:
    """A model whose reply depends on its seed and temperature alone; it records the size of each request."""

    chat = True
    max_n: int | None = None

    def __init__(self, replies: list[str], name: str = "a") -> None:
        self.name = self.identity = name
        self._replies, self.requests = replies, list[int]()

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        self.requests.append(n)
        return [self._reply(sampling.seed + i, sampling.temperature) for i in range(n)]

    def _reply(self, seed: int, temperature: float) -> Candidate:
        reply = self._replies[(seed + round(10 * temperature)) % len(self._replies)]
        error = "HTTP 500" if reply == FAILED else None
        return Candidate("" if error else f"{reply}# ignored {seed}", self.name, seed, error=error)

    async def close(self) -> None:
        pass


def extract(reply: str) -> str | None:
    return None if reply == SILENT else reply


def one_at_a_time(candidates: tuple[Candidate, ...]) -> int:
    """Return how many candidates are drawn one at a time until the criterion is met, by its definition."""
    votes: dict[str, int] = {}
    for number, candidate in enumerate(candidates, 1):
        answer = None if candidate.error else extract(candidate.text.partition("#")[0])
        if answer is not None:
            votes[answer] = votes.get(answer, 0) + 1
        second, first = sorted([0, 0, *votes.values()])[-2:]
        if beta.sf(0.5, first + 1, second + 1) > 0.95:
            return number
    return len(candidates)


@given(
    st.lists(st.sampled_from(["x", "x", "x", "y", "z", FAILED, SILENT]), min_size=1, max_size=14),
    st.sampled_from([[0.7], [0.5, 0.9], [0.0, 0.7, 0.7]]),
    st.integers(1, 2),
    st.integers(1, 16),
)
def test_the_pool_is_the_prefix_that_drawing_one_at_a_time_gives(
    replies: list[str], temperatures: list[float], models: int, n: int
) -> None:
    # given the full pool
    teachers = [Teacher(replies, name) for name in "ab"[:models]]
    full = asyncio.run(draw(teachers, temperatures, PROMPT, SAMPLING, n))
    # when
    pool = asyncio.run(draw_adaptively(teachers, temperatures, PROMPT, SAMPLING, n, extract=extract))
    # then
    assert pool.candidates == full.candidates[: one_at_a_time(full.candidates)]


async def test_equal_answers_are_drawn_in_one_request_of_four() -> None:
    # given
    teacher = Teacher(["x"])
    # when
    pool = await draw_adaptively([teacher], [0.7], PROMPT, SAMPLING, 40, extract=extract)
    # then
    assert (len(pool.candidates), teacher.requests) == (4, [4])


async def test_replies_without_an_answer_never_stop_the_sampling() -> None:
    # given
    teacher = Teacher([SILENT])
    # when
    pool = await draw_adaptively([teacher], [0.7], PROMPT, SAMPLING, 9, extract=extract)
    # then
    assert len(pool.candidates) == 9


async def test_without_a_task_there_is_no_answer_to_stop_by_and_no_request() -> None:
    # given
    teacher = Teacher(["x"])
    # when, then
    with pytest.raises(ConfigError, match="there is no task here"):
        await draw_adaptively([teacher], [0.7], PROMPT, SAMPLING, 9, extract=None)
    assert not teacher.requests


async def test_candidates_with_system_prompts_have_seeds_of_their_own_for_each_prompt() -> None:
    # given two system prompts
    teacher = Teacher(["x", "y", "z", "x", "y"])
    sampling = dataclasses.replace(SAMPLING, seed=5)
    full = await draw([teacher], [0.7], PROMPT, sampling, 6, ("Be brief.", "Be careful."))
    # when
    pool = await draw_adaptively(
        [teacher], [0.7], PROMPT, sampling, 6, ("Be brief.", "Be careful."), extract=extract
    )
    # then
    assert [one.seed for one in full.candidates] == [5, 5, 6, 6, 7, 7]
    assert pool.candidates == full.candidates[: len(pool.candidates)]
