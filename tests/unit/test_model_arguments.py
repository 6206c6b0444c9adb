"""Model arguments are checked before any request, and every mistake is named."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.utils import simple_parse_args_string

from fusion_eval.argument_values import OFF, names_in
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments, parse, public
from fusion_eval.models.lm_eval.types import arguments_of, class_of
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.scorers.judge import Judge
from fusion_eval.strategies.specs import load_scorer


def test_by_default_the_embedded_model_draws_five_candidates() -> None:
    settings = parse({})
    assert settings == ModelArguments()
    assert (settings.model, settings.n, settings.temperature, settings.seed) == (("embedded",), 5, None, 0)


def test_a_command_line_and_a_yaml_file_give_the_same_arguments() -> None:
    line = simple_parse_args_string(
        "model=a|b,base_url=http://h:1/v1/,n=4,temperature=0.2|0.7,completion=true,seed=7,cache=~/s,timeout=9"
    )
    file = yaml.safe_load(
        "{model: [a, b], base_url: 'http://h:1/v1', n: 4, temperature: [0.2, 0.7], completion: true, seed: 7,"
        " cache: ~/s, timeout: 9.0}"
    )
    assert parse(line) == parse(file)
    assert parse(file) == ModelArguments(
        model=("a", "b"),
        base_url=("http://h:1/v1",),
        n=4,
        temperature=(0.2, 0.7),
        completion=True,
        seed=7,
        cache=Path.home() / "s",
        timeout=9.0,
    )


def test_an_argument_that_is_none_counts_as_left_out() -> None:
    assert parse({"n": None, "max_batch_size": None, "device": None}) == ModelArguments()


@pytest.mark.parametrize(
    "given", [simple_parse_args_string("cache=off"), yaml.safe_load("cache: off"), {"cache": False}]
)
def test_off_is_a_value_of_its_own_though_yaml_reads_it_as_false(given: dict[str, object]) -> None:
    assert parse(given).cache == OFF
    owned = {"fusor": "a", "fusor_base_url": given["cache"], "base_url": "http://h/v1", "model": "m"}
    assert parse(owned).fusor_base_url == OFF


def test_addresses_are_read_into_a_tuple() -> None:
    given = {
        "model": "m",
        "base_url": " http://a/v1/ | http://b/v1|http://a/v1",
        "fusor": "f",
        "fusor_base_url": "http://c/v1",
    }
    arguments = parse(given)
    assert arguments.base_url == ("http://a/v1", "http://b/v1")
    assert arguments.fusor_base_url == ("http://c/v1",)


def test_results_keep_addresses_and_off_as_they_are_written() -> None:
    arguments = parse(
        {
            "model": "m",
            "base_url": "http://a/v1|http://b/v1",
            "fusor": "f",
            "fusor_base_url": "off",
            "cache": "off",
        }
    )
    shown = public(arguments)
    assert [shown[name] for name in ("base_url", "fusor_base_url", "cache")] == [
        "http://a/v1|http://b/v1",
        "off",
        "off",
    ]


def test_the_scorer_is_a_spec_with_a_name() -> None:
    arguments = parse({"scorer": "judge(temperature=0.5)", "scorer_model": "m"})
    assert (arguments.scorer_spec, arguments.scorer_name) == ("judge(temperature=0.5)", "judge")


def test_the_scorers_temperature_and_length_are_options_of_the_judge() -> None:
    base = {"model": "m", "base_url": "http://h/v1", "scorer_temperature": 1, "scorer_max_tokens": 100_000}
    assert parse(base).scorer_spec == "judge(temperature=1.0,max_tokens=100000)"
    assert load_scorer(parse(base).scorer_spec) == Judge(temperature=1.0, max_tokens=100_000)
    assert (
        parse({"scorer": "judge_pairwise", "scorer_temperature": 1}).scorer_spec
        == "judge_pairwise(temperature=1.0)"
    )
    assert parse({"scorer": "judge(max_tokens=9)", "scorer_temperature": 1}).scorer_spec == (
        "judge(max_tokens=9,temperature=1.0)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scorer": "chrf", "scorer_temperature": 1}, "scorer_temperature= goes with scorer=judge"),
        ({"scorer": "reward:m", "scorer_model": "x"}, "scorer_model= goes with scorer=judge"),
        ({"scorer": "chrf", "scorer_max_tokens": 9}, "scorer_max_tokens= goes with scorer=judge"),
        ({"scorer": "judge(temperature=0)", "scorer_temperature": 1}, "leave one"),
        ({"scorer_temperature": 9, "scorer": "judge"}, "from 0 to 5"),
    ],
)
def test_scorer_options_without_a_judge_or_twice_are_errors(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(arguments)


# Wrong names


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("temprature", "temperature"),
        ("baseurl", "base_url"),
        ("N_", None),
        ("api_key", "api_key_env"),
        ("fusor_promt", "fusor_prompt"),
        ("max_gen_toks", "max_tokens"),
        ("zzzz", None),
    ],
)  # fmt: skip
def test_an_unknown_argument_is_an_error_that_names_the_nearest(name: str, nearest: str | None) -> None:
    with pytest.raises(ConfigError) as error:
        parse({name: "secret-value"})
    said = str(error.value)
    assert f"Unknown model argument '{name}'" in said and "secret-value" not in said
    assert (f"Did you mean '{nearest}'?" if nearest else "Known: model, base_url") in said


def test_the_error_for_an_unknown_argument_also_knows_the_names_of_the_caller() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'share'"):
        parse({"shar": 1}, also_known=["share"])


# Wrong values


@pytest.mark.parametrize(
    ("name", "value", "should"),
    [
        ("n", 0, "a whole number, 1 or more"),
        ("n", "two", "a whole number"),
        ("n", 2.5, "a whole number"),
        ("n", True, "a whole number"),
        ("n", "", "a whole number"),
        ("seed", -1, "0 or more"),
        ("max_retries", -1, "0 or more"),
        ("concurrency", 0, "1 or more"),
        ("temperature", "hot", "a number from 0 to 5"),
        ("temperature", "0.2|hot", "a number from 0 to 5"),
        ("temperature", "0.2|", "a number from 0 to 5"),
        ("temperature", -0.1, "a number from 0 to 5"),
        ("temperature", float("nan"), "a number from 0 to 5"),
        ("temperature", [], "an empty list"),
        ("model", [], "an empty list"),
        ("model", "a||b", "a name"),
        ("model", "", "a name"),
        ("model", ["a", None], "a name"),
        ("top_p", 0, "a number above 0 to 1"),
        ("top_p", 1.1, "a number above 0 to 1"),
        ("timeout", 0, "a number above 0"),
        ("timeout", float("inf"), "86400"),
        ("completion", "maybe", "true or false"),
        ("offline", "perhaps", "true or false"),
        ("base_url", "localhost:8000", "a URL such as http"),
        ("base_url", "https://", "a URL such as http"),
        ("base_url", "off", "a URL such as http"),
        ("fusor", ["a"], "a name"),
        ("fusor_prompt", {}, "a name"),
        ("cache", ["a"], "a name"),
        ("cache", "~nobody-of-that-name/x", "a home folder that is not there"),
        ("api_key_env", "", "the name of an environment variable"),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_it_should_be(name: str, value: object, should: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse({name: value})
    assert str(error.value).startswith(name) and should in str(error.value)


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from([*ModelArguments.__slots__, "other"]), _VALUES))
def test_any_values_give_arguments_that_fit_into_json_or_an_error(arguments: dict[str, object]) -> None:
    with contextlib.suppress(ConfigError):
        assert json.dumps(public(parse(arguments)))


# Combinations


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("fusor_base_url=http://h/v1", "fusor_base_url= names an endpoint but no model; add fusor=NAME"),
        ("scorer_base_url=off", "scorer_base_url= names an endpoint but no model; add scorer_model=NAME"),
        ("base_url=http://h/v1", "base_url= has no use with model=embedded"),
        (
            "base_url=http://h/v1,model=pool:out/a,fusor=m",
            "base_url= has no use with model=pool:out/a; the fusor's endpoint is fusor_base_url=http://h/v1",
        ),
        ("base_url=http://h/v1,model=gguf:/w.gguf", "base_url= has no use with model=gguf:/w.gguf"),
        ("scorer_model=j,scorer=chrf", "scorer_model= goes with scorer=judge"),
        ("scorer_model=j", "scorer_model= goes with scorer=judge, not with scorer=logprob"),
        ("temperature=0", "temperature=0 makes the candidates of a model all the same"),
        ("temperature=0|0,n=4", "temperature=0 makes the candidates of a model all the same"),
        ("model=a|b,temperature=0,n=3", "temperature=0 makes the candidates of a model all the same"),
        ("model=a|b|c,n=2", "model= lists 3 values, and n=2 leaves some unused"),
        ("temperature=0.1|0.2,n=1", "temperature= lists 2 values, and n=1 leaves some unused"),
        ("model=a|a,temperature=0,n=2", "temperature=0 makes the candidates of a model all the same"),
        ("offline=true,cache=off", "offline=true answers from a store, and cache=off keeps none"),
    ],
)
def test_arguments_that_do_not_go_together_are_an_error_with_its_fix(arguments: str, said: str) -> None:
    with pytest.raises(ConfigError, match="^" + said.replace("|", r"\|")):
        parse(simple_parse_args_string(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        "temperature=0,n=1",
        "model=a|b,temperature=0,n=2",
        "model=a|a|b,n=6",  # twice as many of one
        "temperature=0|0.7,n=2",
        "model=llama3.2:1b,base_url=http://localhost:11434/v1",  # a colon makes no local model
        "model=embedded|openai/m,base_url=http://h/v1",
        "model=m,scorer_model=j",
        "fusor=f,fusor_base_url=off",
        "offline=true,cache=store.sqlite,budget=1,price_in=1,price_out=1",
        "offline=false,cache=off",
    ],
)
def test_arguments_that_go_together_are_accepted(arguments: str) -> None:
    assert isinstance(parse(simple_parse_args_string(arguments)), ModelArguments)


@pytest.mark.parametrize(
    ("arguments", "scorer"),
    [
        ("", "logprob"),
        ("model=gguf:/w.gguf", "logprob"),
        ("model=m", "judge"),
        ("model=embedded|m", "judge"),
        ("model=m,scorer=chrf", "chrf"),
    ],
)
def test_the_default_scorer_is_one_that_the_sampler_can_serve(arguments: str, scorer: str) -> None:
    assert parse(simple_parse_args_string(arguments)).scorer_name == scorer


# Arguments of the harness's own models


@pytest.mark.parametrize("role", ["model", "fusor", "scorer_model"])
def test_other_arguments_go_to_a_harness_model_in_any_role(role: str) -> None:
    arguments = {"model": "m", "scorer": "judge"} | {role: "lm_eval:hf", "pretrained": "x", "batch_size": 4}
    assert parse(arguments).harness_arguments == {"pretrained": "x", "batch_size": 4}


@pytest.mark.parametrize("kind", ["local-completions", "local-chat-completions", "sglang", "gguf"])
def test_an_argument_that_a_harness_model_declares_is_not_taken_for_a_misspelling(kind: str) -> None:
    """`max_length` and `max_gen_toks` look like `max_tokens` and mean something else."""
    for argument in arguments_of(class_of(kind)).named - {*ModelArguments.__slots__}:
        Opener(parse({"model": f"lm_eval:{kind}", argument: 1}), Store(None))


@pytest.mark.parametrize(
    ("slip", "nearest"), [("temprature", "temperature"), ("fusor_promt", "fusor_prompt")]
)
def test_a_misspelling_is_no_argument_of_a_harness_model(slip: str, nearest: str) -> None:
    """Many harness models accept any name."""
    with pytest.raises(ConfigError, match=f"Did you mean '{nearest}'"):
        Opener(parse({"model": "lm_eval:local-completions", slip: 1}), Store(None))


def test_the_harness_may_give_every_model_a_batch_size_and_a_device() -> None:
    given = {"batch_size": 1, "max_batch_size": 8, "device": "cpu"}
    assert parse(given).harness_arguments == given


# Keys and passwords


@pytest.mark.parametrize("key", ["sk-proj-abcdef123456", "gsk_abcdef123456", "hf_abcdef", "eyJhbGciOi.x.y"])
def test_a_key_in_place_of_its_variable_is_an_error_that_does_not_repeat_it(key: str) -> None:
    with pytest.raises(ConfigError, match="the name of an environment variable") as error:
        parse({"api_key_env": key})
    assert key not in str(error.value)


def test_the_name_of_any_variable_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("my_key", "x")
    assert parse({"api_key_env": "my_key"}).api_key_env == "my_key"
    assert parse({"api_key_env": "NOT_SET_YET"}).api_key_env == "NOT_SET_YET"


@pytest.mark.parametrize("name", ["base_url", "fusor_base_url", "scorer_base_url"])
@pytest.mark.parametrize("url", ["https://me:pass123@h/v1", "me:pass123@h"])
def test_a_password_in_a_url_is_an_error_that_does_not_repeat_it(name: str, url: str) -> None:
    """The harness writes model arguments into its results as they are."""
    with pytest.raises(ConfigError, match=f"^{name}= should hold no user or password") as error:
        parse({name: url, "model": "m"})
    assert "pass123" not in str(error.value)


def test_results_hold_the_arguments_as_json_without_keys() -> None:
    settings = parse(
        {
            "model": ["lm_eval:hf,pretrained=x,token=hf_abcdef", "m"],
            "fusor": "lm_eval:local-completions,api_key=sk-abcdef",
            "api_token": "tok-abcdef",
            "cache": "/x",
            "temperature": 0.5,
        }
    )
    shown = json.dumps(public(settings))
    assert "abcdef" not in shown
    assert json.loads(shown) | {"temperature": [0.5], "cache": "/x", "fusor": "lm_eval:local-completions"} == json.loads(shown)  # fmt: skip
    assert json.loads(shown)["model"] == ["lm_eval:hf", "m"]
    assert "max_tokens" not in public(settings)


def test_prices_and_a_budget_are_numbers_of_dollars() -> None:
    settings = parse({"price_in": "0.5", "price_out": 0, "budget": "2.5"})
    assert (settings.price_in, settings.price_out, settings.budget) == (0.5, 0.0, 2.5)
    assert public(settings)["budget"] == 2.5


@pytest.mark.parametrize(
    ("name", "value"),
    [("budget", 0), ("budget", -1), ("budget", "nan"), ("price_in", -1), ("price_out", "$1")],
)
def test_a_wrong_amount_of_dollars_is_an_error(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"{name}=.* should be a number (from|above) 0"):
        parse({"price_in": 1, "price_out": 1} | {name: value})


@pytest.mark.parametrize("given", ["price_in", "price_out"])
def test_one_of_the_two_prices_is_not_enough(given: str) -> None:
    with pytest.raises(ConfigError, match="price_in= and price_out= go together"):
        parse({given: 1})


@pytest.mark.parametrize("names", [None, 3, ["chrf", 4], {"chrf": 1}])
def test_names_are_a_text_or_a_list_of_texts(names: object) -> None:
    with pytest.raises(ConfigError, match="should be a text with commas, or a list of texts"):
        names_in(names)  # type: ignore[arg-type]  # a caller without type hints
