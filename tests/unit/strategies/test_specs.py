"""Strategies and scorers are values that parse from text and print as it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from third_party import install

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import needs_logprobs
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.strategies.methods.single import Single
from fusion_eval.strategies.scorers.chrf import Chrf
from fusion_eval.strategies.scorers.judge import Judge
from fusion_eval.strategies.scorers.logprob import Logprob
from fusion_eval.strategies.specs import (
    format_spec,
    load_scorer,
    load_strategy,
    option_names,
    read_strategies,
)


@pytest.fixture(scope="module", autouse=True)
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install(tmp_path_factory.mktemp("site"), patch)
        yield


def everything(**options: Any) -> Any:
    """The third party's strategy that has an option of every type."""
    return importlib.import_module("third_party_of_tests").Everything(**options)


# Text and value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("single", Single()),
        ("fusion", Fusion()),
        ("bon(scorer=chrf)", BestOfN(Chrf())),
        ("bon(scorer=logprob)", BestOfN(Logprob())),
        ("bon(scorer=judge(temperature=0.5))", BestOfN(Judge(temperature=0.5))),
        ("bon(scorer=judge(temperature=1,max_tokens=64))", BestOfN(Judge(1.0, 64))),
        ("fusion(fusor_prompt=direct,fusor_max_tokens=99)", Fusion("direct", fusor_max_tokens=99)),
    ],
)
def test_a_value_parses_from_its_text_and_prints_as_it(text: str, value: Any) -> None:
    assert load_strategy(text) == value
    assert repr(value) == format_spec(value) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("fusion()", "fusion"),
        (" bon( scorer = chrf ) ", "bon(scorer=chrf)"),
        ("bon(scorer=none)", "bon"),
        ("bon(scorer=judge(temperature=0.0,max_tokens=512))", "bon(scorer=judge)"),
        ("fusion(fusor_temperature=0.30,fusor_prompt=direct)", "fusion(fusor_prompt=direct,fusor_temperature=0.3)"),
        ("fusion(fusor_temperature=0)", "fusion(fusor_temperature=0)"),
    ],
)  # fmt: skip
def test_the_canonical_text_has_only_options_that_differ_from_the_default_in_order(
    written: str, canonical: str
) -> None:
    assert format_spec(load_strategy(written)) == canonical


_TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
_SCORERS = st.one_of(
    st.just(Chrf()),
    st.just(Logprob()),
    st.builds(Judge, st.floats(0, 5), st.integers(1, 9_999)),
)


@given(
    k=st.integers(),
    share=st.floats(allow_nan=False, allow_infinity=False),
    keep=st.booleans(),
    label=_TEXTS,
    by=st.none() | _SCORERS,
    order=st.sampled_from(["best", "first"]),
    most=st.none() | st.integers(),
    title=st.none() | _TEXTS | st.just("none"),
    inner=st.none() | st.builds(BestOfN, st.none() | _SCORERS) | st.just(Single()),
)
def test_whatever_the_options_are_the_text_of_a_value_parses_back_to_it(**options: Any) -> None:
    value = everything(**options)
    assert load_strategy(format_spec(value)) == value


# Mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fusoin(k=1)", "There is no strategy 'fusoin'. Did you mean 'fusion'"),
        ("bon(scorer=chfr)", "There is no scorer 'chfr'. Did you mean 'chrf'"),
        ("bon(scorr=chrf)", "The strategy 'bon' has no option 'scorr'. Did you mean 'scorer'? Its options: scorer"),
        ("single(k=2)", "The strategy 'single' has no option 'k'. It has none; write single"),
        ("lengthiest(k=2)", "The strategy 'lengthiest' has no options; write lengthiest alone"),
        ("ready(k=2)", "The strategy 'ready' has no options; write ready alone"),
        ("bon(scorer=judge(temprature=1))", "The scorer 'judge' has no option 'temprature'. Did you mean 'temperature'"),
        ("everything(k=two)", "everything(k=two): k should be a whole number"),
        ("everything(k=2.5)", "everything(k=2.5): k should be a whole number"),
        ("everything(share=half)", "everything(share=half): share should be a number"),
        ("everything(share=nan)", "everything(share=nan): share should be a number"),
        ("everything(keep=yes)", "everything(keep=yes): keep should be true or false"),
        ("everything(order=last)", "everything(order=last): order should be one of best, first"),
        ("everything(most=few)", "everything(most=few): most should be a whole number, or none"),
        ("everything(label=a(b=c))", "everything(label=a(b=c)): label should be a text"),
        ('everything(by="chrf")', "everything(by=chrf): by should be a scorer, or none"),
        ('everything(k="2")', "everything(k=2): k should be a whole number"),
        ("listed(items=1)", "The option items of listed has a type that cannot be read from text"),
        ("picky(k=2)", "The strategy 'picky' cannot be made: k is at most 1"),
        ("bon(scorer=length)", "The scorer 'length' cannot be made: "),
        ("bon(scorer=judge(temperature=9))", "judge(temperature=9): temperature=9.0 should be a number from 0 to 5"),
        ("bon(scorer=judge(max_tokens=0))", "judge(max_tokens=0): max_tokens=0 should be a whole number, 1 or more"),
        ("fusion(fusor_temperature=-1)", "fusion(fusor_temperature=-1): fusor_temperature=-1.0 should be a number from 0 to 5"),
        ("fusion(fusor_max_tokens=0)", "fusion(fusor_max_tokens=0): fusor_max_tokens=0 should be a whole number, 1 or more"),
        ("mbr(utility=chr)", "mbr(utility=chr): utility should be one of chrf, bleu, bertscore, comet. Did you mean 'chrf'?"),
        ("fusion(fusor_prompt=papper)", "fusion(fusor_prompt=papper): fusor_prompt=papper is none of paper, direct, few_shot"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_error_that_says_what_should_stand_there(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_strategy(text)
    assert str(error.value).startswith(message)


# Lists


def test_a_list_is_split_at_the_commas_outside_parentheses() -> None:
    text = "single, fusion(fusor_prompt=direct,fusor_temperature=0.3),bon"
    assert read_strategies(text) == (
        "single",
        "fusion(fusor_prompt=direct,fusor_temperature=0.3)",
        "bon",
    )


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ("single,single", "single"),
        ("fusion,fusion()", "fusion"),
        ("bon(scorer=chrf),bon( scorer=chrf )", "bon"),
    ],
)
def test_a_strategy_that_a_list_names_twice_is_an_error(text: str, twice: str) -> None:
    with pytest.raises(ConfigError, match=rf"The strategy {twice}.* is named 2 times"):
        read_strategies(text)


def test_a_list_may_hold_texts_and_values() -> None:
    assert read_strategies(["single", BestOfN(Chrf()), "bon( )"]) == (
        "single",
        "bon(scorer=chrf)",
        "bon",
    )


@pytest.mark.parametrize("text", ["", " , "])
def test_an_empty_list_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="names nothing; name one at least"):
        read_strategies(text)


# Log-probabilities


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("bon(scorer=logprob)", True),
        ("bon(scorer=length(unit=x))", True),
        ("everything(inner=bon(scorer=logprob))", True),
        ("bon(scorer=chrf)", False),
        ("bon", False),
        ("lengthiest", False),
    ],
)
def test_a_strategy_needs_log_probabilities_if_a_scorer_among_its_options_does(
    text: str, needed: bool
) -> None:
    assert needs_logprobs(load_strategy(text)) == needed


def test_scorers_are_loaded_by_text() -> None:
    assert load_scorer("judge(max_tokens=9)") == Judge(max_tokens=9)


def test_the_options_of_a_strategy_have_names() -> None:
    assert option_names(BestOfN()) == ("scorer",)
    assert option_names(load_strategy("lengthiest")) == ()
