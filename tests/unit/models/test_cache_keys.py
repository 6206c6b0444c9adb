"""The store's keys: everything that shapes a candidate is in its key, and nothing else."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from cached_models import PROMPT, SAMPLING
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.harness.questions import questions_of
from fusion_eval.model_arguments import parse
from fusion_eval.models.cached import contiguous_ranges, keys_of
from fusion_eval.types import Message, Prompt, Sampling

CHANGES: dict[str, Any] = {
    "the model or its endpoint": {"identity": "openai|http://b/v1|m|chat"},
    "the text": {"prompt": Prompt("Why is the sky grey?")},
    "text or message": {"prompt": Prompt(messages=(Message("user", PROMPT.text),))},
    "a few-shot example": {"prompt": Prompt(f"Q: 1+1? A: 2\n\n{PROMPT.text}")},
    "the length": {"sampling": dataclasses.replace(SAMPLING, max_tokens=33)},
    "the temperature": {"sampling": dataclasses.replace(SAMPLING, temperature=0.8)},
    "top_p": {"sampling": dataclasses.replace(SAMPLING, top_p=0.9)},
    "a stop string": {"sampling": dataclasses.replace(SAMPLING, stop=("\n",))},
    "the log-probabilities": {"sampling": dataclasses.replace(SAMPLING, logprobs=True)},
    "an option of the provider": {"sampling": dataclasses.replace(SAMPLING, extra=(("top_k", 20),))},
    "the seed": {"sampling": dataclasses.replace(SAMPLING, seed=1)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_single_change_gives_another_key(change: dict[str, Any]) -> None:
    """Other tools leave options, few-shot examples or the prompt's form out of their keys, and reuse wrong answers."""
    base: dict[str, Any] = {"identity": "openai|http://a/v1|m|chat", "prompt": PROMPT, "sampling": SAMPLING}
    assert keys_of(**base, n=1) != keys_of(**{**base, **change}, n=1)


def test_the_changes_above_cover_every_field_of_sampling() -> None:
    changed = [change["sampling"] for change in CHANGES.values() if "sampling" in change]
    for field in dataclasses.fields(Sampling):
        assert any(getattr(one, field.name) != getattr(SAMPLING, field.name) for one in changed), field.name


def test_roles_and_the_order_of_messages_are_part_of_the_key() -> None:
    turns = (Message("system", "a"), Message("user", "b"))
    variants = [turns, turns[::-1], (Message("user", "a"), Message("user", "b")), (Message("system", "ab"),)]
    assert len({keys_of("m", Prompt(messages=v), SAMPLING, 1)[0] for v in variants}) == len(variants)


def test_the_order_of_a_tasks_options_is_not_part_of_the_key() -> None:
    def key_for(options: dict[str, Any]) -> bytes:
        request = SimpleNamespace(args=("Why?", options), doc={}, task_name="t", doc_id=0, repeats=1)
        question = questions_of([request], parse({"model": "openai/m"}))[0]
        return keys_of("m", question.prompt, question.sampling, 1)[0]

    options = {"top_k": 20, "until": ["\n"], "min_p": 0.1, "max_gen_toks": 8}
    assert key_for(options) == key_for(dict(reversed(options.items())))
    assert key_for(options) != key_for(options | {"top_k": 21})


SHORT = st.text("ab|\"'\\[],:0", max_size=4)  # characters that could run together where parts are joined
PROMPTS = st.builds(Prompt, SHORT, st.lists(st.builds(Message, SHORT, SHORT), max_size=2).map(tuple))
SAMPLINGS = st.builds(
    Sampling,
    max_tokens=st.integers(1, 11),
    temperature=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.just(0),
    top_p=st.none() | st.just(0.1),
    stop=st.lists(SHORT, max_size=2).map(tuple),
    extra=st.lists(st.tuples(SHORT, SHORT), max_size=2).map(tuple),
)
CALLS = st.tuples(SHORT, PROMPTS, SAMPLINGS)


@given(CALLS, CALLS)
def test_two_calls_share_keys_only_if_they_are_equal(one: Any, other: Any) -> None:
    assert set(keys_of(*one, 3)).isdisjoint(keys_of(*other, 3)) == (one != other)


@given(CALLS, st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 9))
def test_a_call_for_n_has_the_keys_of_two_calls_for_its_parts(
    call: Any, seed: int, first: int, rest: int
) -> None:
    identity, prompt, sampling = call

    def keys(start: int, n: int) -> list[bytes]:
        return keys_of(identity, prompt, dataclasses.replace(sampling, seed=start), n)

    assert keys(seed, first) + keys(seed + first, rest) == keys(seed, first + rest)
    assert len(set(keys(seed, first + rest))) == first + rest


@given(st.sets(st.integers(0, 30)), st.integers(1, 6))
def test_ranges_cover_every_index_once_and_are_as_long_as_possible(indices: set[int], longest: int) -> None:
    ranges = contiguous_ranges(sorted(indices), longest)
    assert [i for part in ranges for i in part] == sorted(indices)
    assert all(1 <= len(part) <= longest for part in ranges)
    adjacent = [(a, b) for a, b in pairwise(ranges) if a.stop == b.start]
    assert all(len(a) == longest for a, _ in adjacent), "neighbours are split only where a range is full"
