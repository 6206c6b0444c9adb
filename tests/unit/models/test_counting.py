"""The counting models of a dry run: no request is sent, and every request is counted."""

from __future__ import annotations

import asyncio

from fusion_eval.model_arguments import parse
from fusion_eval.models.cached import keys_of
from fusion_eval.models.counting import Count, CountingOpener, StandInStore, estimate_tokens, stand_in
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

SAMPLING = Sampling(max_tokens=10, temperature=0.7, seed=0)
UNREACHABLE = "http://127.0.0.1:9/v1"
ARGUMENTS = {"model": "m", "base_url": UNREACHABLE, "price_in": 1, "price_out": 2}


def sample(opener: CountingOpener, prompt: Prompt, n: int) -> list[Candidate]:
    async def run() -> list[Candidate]:
        (model,) = opener.sampler()
        candidates = await model.sample(prompt, SAMPLING, n)
        await opener.close()
        return candidates

    return asyncio.run(run())


def test_a_request_is_counted_by_strategy_and_role_with_the_most_it_can_cost() -> None:
    # given
    opener = CountingOpener(parse(ARGUMENTS), StandInStore(Store(None)))
    opener.strategy = "fusion"
    # when
    candidates = sample(opener, Prompt("a" * 40), n=3)
    # then
    assert opener.counts == {("fusion", "sampler"): Count(1, 10, 30, 10 * 1e-6 + 30 * 2e-6)}
    assert opener.missing_calls() == 1
    assert [candidate.seed for candidate in candidates] == [0, 1, 2]
    assert len({candidate.text for candidate in candidates}) == 3


def test_a_model_at_several_addresses_is_counted_once_and_gets_no_request() -> None:
    opener = CountingOpener(
        parse(ARGUMENTS | {"base_url": f"{UNREACHABLE}|http://127.0.0.1:10/v1"}), StandInStore(Store(None))
    )
    candidates = sample(opener, Prompt("a" * 40), n=3)
    assert all(candidate.error is None for candidate in candidates)
    assert opener.missing_calls() == 1


def test_a_call_without_a_known_price_makes_the_cost_unknown() -> None:
    opener = CountingOpener(parse({"model": "m", "base_url": UNREACHABLE}), StandInStore(Store(None)))
    sample(opener, Prompt("why?"), n=1)
    assert [count.cost for count in opener.counts.values()] == [None]


def test_stored_candidates_are_found_and_not_counted() -> None:
    # given a store with two of three candidates of a prompt
    real, prompt = Store(None), Prompt("why?")
    opener = CountingOpener(parse(ARGUMENTS), StandInStore(real))
    (model,) = opener.sampler()
    keys = keys_of(model.identity, prompt, SAMPLING, 2)
    real.keep({key: Candidate("stored", "m", seed) for seed, key in enumerate(keys)})
    # when
    store = StandInStore(real)
    opener = CountingOpener(parse(ARGUMENTS), store)
    candidates = sample(opener, prompt, n=3)
    # then
    assert [candidate.text for candidate in candidates[:2]] == ["stored", "stored"]
    assert store.found == set(keys)
    assert opener.counts["", "sampler"].completion_tokens == SAMPLING.max_tokens


def test_four_characters_are_about_a_token_and_an_asian_character_is_one() -> None:
    assert estimate_tokens("a" * 40) == 10
    assert estimate_tokens("") == 0
    assert estimate_tokens("é" * 40) == 10
    assert estimate_tokens("空は青い") == estimate_tokens("하늘푸른") == estimate_tokens("天空蓝色") == 4
    assert estimate_tokens("空はaaaa") == 3


def test_a_stand_in_counts_as_a_full_answer_wherever_it_is_quoted() -> None:
    assert estimate_tokens(f"aaaa{stand_in(256, 17)}bbbb") == 258
    assert estimate_tokens(stand_in(256, 1) + stand_in(256, 2)) == 512
    assert stand_in(256, 1) != stand_in(256, 2)


class RewardModel:
    """A door of a scorer's own model. A dry run sends it no request."""

    name = identity = "rm"
    chat = True
    max_n: int | None = 1

    async def close(self) -> None:
        pass


def test_two_strategies_with_one_scorer_are_counted_apart() -> None:
    # given
    opener = CountingOpener(parse(ARGUMENTS), StandInStore(Store(None)))

    async def score(strategy: str, text: str) -> None:
        opener.strategy = strategy
        model = opener.open_model("reward", lambda timeout: RewardModel())
        await model.sample(Prompt(text), SAMPLING, 1)

    async def run() -> None:
        await score("bon", "first")
        await score("refine", "second")
        await score("refine", "third")
        await opener.close()

    # when
    asyncio.run(run())
    # then
    assert {key: count.calls for key, count in opener.counts.items()} == {
        ("bon", "scorer"): 1,
        ("refine", "scorer"): 2,
    }
