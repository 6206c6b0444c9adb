"""The arguments that say how a pool is drawn: presets, weights, system prompts, adaptive sampling."""

from __future__ import annotations

import pytest
from lm_eval.utils import simple_parse_args_string

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments, parse, public


def test_hedged_sampling_has_one_greedy_candidate_and_the_others_at_one_temperature() -> None:
    assert parse({"sampling": "hedged", "n": 3}).candidate_temperatures == (0.0, 0.7, 0.7)
    assert parse({"sampling": "hedged", "n": 3, "temperature": 0.9}).candidate_temperatures == (0.0, 0.9, 0.9)


def test_teachers_give_one_candidate_each_at_the_papers_temperature() -> None:
    # when neither n nor a temperature is named
    arguments = parse({"sampling": "teachers", "model": "a|b|c"})
    # then
    assert (arguments.n, arguments.candidate_temperatures) == (3, (0.3,))
    # and naming what the preset says is no contradiction
    assert parse({"sampling": "teachers", "model": "a|b|c", "n": 3, "temperature": 0.3}).n == 3


@pytest.mark.parametrize(
    ("weights", "turns"),
    [(None, "abc"), ("1|1|1", "abc"), ("2|1|1", "abca"), ("1|3|2", "abcbcb"), ([2, 1, 1], "abca")],
)
def test_every_model_has_its_first_turn_before_any_has_its_second(weights: object, turns: str) -> None:
    assert "".join(parse({"model": "a|b|c", "weights": weights, "n": 6}).turns) == turns


def test_arguments_that_are_not_used_leave_no_mark_in_the_results() -> None:
    new = {"sampling", "weights", "system_prompts", "adaptive", "min_p"}
    assert not new & public(ModelArguments()).keys()
    used = parse(
        {"model": "m|o", "weights": "2|1", "system_prompts": "a.txt|b.txt", "adaptive": True, "min_p": 0.1}
    )
    assert {name: public(used)[name] for name in new - {"sampling"}} == {
        "weights": [2, 1],
        "system_prompts": ["a.txt", "b.txt"],
        "adaptive": True,
        "min_p": 0.1,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("sampling=hegded", "sampling=hegded should be hedged or teachers. Did you mean 'hedged'?"),
        ("sampling=hedged,n=1", "n=1 leaves no others"),
        ("sampling=hedged,temperature=0", "temperature=0 contradicts it"),
        ("sampling=hedged,temperature=0.7|0.9", "temperature=0.7|0.9 contradicts it"),
        ("sampling=teachers,model=a", "one candidate from each of several models; model=A|B|C"),
        ("sampling=teachers", "one candidate from each of several models; model=A|B|C"),
        ("sampling=teachers,model=a|b,n=5", "one candidate from each of 2 models, and n=5 contradicts it"),
        ("sampling=teachers,model=a|b,temperature=0.7", "and temperature=0.7 contradicts it; leave one out"),
        ("sampling=teachers,model=a|b,weights=1|1", "weights= contradicts it"),
        ("model=a|b,weights=1|1|1", "weights= lists 3 numbers, and model= lists 2 models"),
        ("model=a|b,weights=4|2", "weights=4|2 make a cycle of 6 turns, and n=5 ends before it; raise n to 6"),
        ("model=a|b,weights=0|1", "weights=0 should be a whole number, 1 or more"),
        ("model=a,system_prompts=a|b|c,n=2", "system_prompts= lists 3 values, and n=2 leaves some unused"),
        ("model=a,adaptive=true,n=4", "adaptive=true stops after 4 equal answers at the earliest, so n=4"),
        ("model=a,adaptive=perhaps", "adaptive=perhaps should be true or false"),
        ("model=a,min_p=2", "min_p=2 should be a number from 0 to 1"),
        ("min_p=0.1", "min_p= is an option of endpoints, and embedded does not take it"),
        ("model=a,system_prompts=x|y,temperature=0,n=3", "temperature=0 makes the candidates of a model all"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_before_any_call(arguments: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(simple_parse_args_string(arguments))
    assert message in str(error.value)


def test_greedy_candidates_may_differ_by_their_system_prompts() -> None:
    assert parse({"model": "a", "system_prompts": "x|y", "temperature": 0, "n": 2}).n == 2
