"""Options of a strategy stand among the model arguments: under their own names, or in `strategy_args=`."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from third_party import install

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.strategies.argument_options import take_options
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.strategies.methods.rank_fusion import RankFusion
from fusion_eval.strategies.scorers.chrf import Chrf
from fusion_eval.strategies.scorers.judge import Judge


@pytest.fixture(scope="module", autouse=True)
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install(tmp_path_factory.mktemp("site"), patch)
        yield


def everything(**options: Any) -> Any:
    """The third party's strategy that has an option of every type."""
    return importlib.import_module("third_party_of_tests").Everything(**options)


def test_options_that_are_no_model_arguments_are_taken_out_of_the_flat_list() -> None:
    # given model arguments as lm-eval's command line reads them
    arguments = {"k": 2, "keep": False, "by": "judge(temperature=0.5)", "label": "a, b", "n": 4}
    # when the options of the strategy are taken
    strategy, rest = take_options("everything", arguments)
    # then the others are left
    assert strategy == everything(k=2, keep=False, by=Judge(0.5), label="a, b")
    assert rest == {"n": 4}


def test_options_that_are_model_arguments_stay_model_arguments() -> None:
    strategy, rest = take_options("fusion", {"fusor_prompt": "direct", "fusor_temperature": 1})
    assert strategy == Fusion()
    assert rest == {"fusor_prompt": "direct", "fusor_temperature": 1}


def test_an_option_that_is_none_counts_as_left_out() -> None:
    assert take_options("everything", {"k": None}) == (everything(), {})


def test_an_option_in_the_spec_and_among_the_model_arguments_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^k= stands in everything\(k=2\) and among the model arguments"):
        take_options("everything(k=2)", {"k": 3})


def test_a_wrong_option_among_the_model_arguments_is_the_same_error_as_in_a_spec() -> None:
    with pytest.raises(ConfigError, match=r"^everything\(k=two\): k should be a whole number"):
        take_options("everything", {"k": "two"})


# strategy_args=


@pytest.mark.parametrize(
    ("strategy", "value", "expected"),
    [
        ("fusion", "prompt=analysis", Fusion(prompt="analysis")),
        ("fusion", "(prompt=analysis,fusor_max_tokens=64)", Fusion(prompt="analysis", fusor_max_tokens=64)),
        ("fusion", " ( prompt = analysis ) ", Fusion(prompt="analysis")),
        ("fusion", "()", Fusion()),
        ("fusion", None, Fusion()),
        ("bon", "(scorer=judge(temperature=0.5,max_tokens=9))", BestOfN(Judge(0.5, 9))),
        ("rank_fusion", "(k=2,by=chrf)", RankFusion(2, Chrf())),
        ("rank_fusion", {"k": 2, "by": "chrf"}, RankFusion(2, Chrf())),
    ],
)
def test_every_option_of_a_strategy_can_stand_in_strategy_args(
    strategy: str, value: object, expected: Any
) -> None:
    assert take_options(strategy, {"strategy_args": value, "n": 4}) == (expected, {"n": 4})


def test_the_harness_reads_the_parenthesized_form_as_one_value() -> None:
    # given what lm_eval's own command line makes of --model_args, in a process of its own: where its module is loaded,
    # errors end the process
    value = "model=a,strategy_args=(k=2,by=judge(temperature=0.5,max_tokens=9)),n=4"
    code = f"import json; from lm_eval._cli.utils import key_val_to_dict as read; print(json.dumps(read({value!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    arguments = json.loads(done.stdout)
    # then the strategy gets all its options
    strategy, rest = take_options("rank_fusion", arguments)
    assert strategy == RankFusion(2, Judge(0.5, 9))
    assert rest == {"model": "a", "n": 4}


@pytest.mark.parametrize(
    ("strategy", "arguments", "message"),
    [
        ("fusion", {"strategy_args": "prompt=a", "fusor_prompt": "b"}, "prompt= stands in strategy_args= and beside it as fusor_prompt=; leave one"),
        ("fusion", {"strategy_args": "fusor_prompt=a", "fusor_prompt": "b"}, "fusor_prompt= stands in strategy_args= and beside it as fusor_prompt="),
        ("rank_fusion", {"strategy_args": "k=2", "k": 3}, "k= stands in strategy_args= and beside it as k=; leave one"),
        ("rank_fusion", {"strategy_args": "by=chrf", "scorer": "judge"}, "by= stands in strategy_args= and beside it as scorer="),
        ("rank_fusion(k=2)", {"strategy_args": "k=3"}, "k= stands in rank_fusion(k=2) and among the model arguments"),
        ("fusion", {"strategy_args": "promt=direct"}, "The strategy 'fusion' has no option 'promt'. Did you mean 'prompt'"),
        ("fusion", {"strategy_args": "(prompt=analysis"}, "strategy_args=(prompt=analysis should be options of fusion in parentheses"),
        ("fusion", {"strategy_args": "analysis"}, "strategy_args=analysis should be options of fusion in parentheses"),
    ],
)  # fmt: skip
def test_an_option_in_two_places_or_a_wrong_one_is_one_sentence(
    strategy: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        take_options(strategy, arguments)
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)


def test_where_strategies_are_named_with_their_options_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="strategy_args= is an argument of lm_eval"):
        parse({"model": "m", "strategy_args": "(k=2)"})


@pytest.mark.parametrize("name", ["strategy", "strategies"])
def test_a_strategy_among_the_model_arguments_is_told_its_place(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}= is no model argument; .* lm_eval --model bon"):
        parse({"model": "m", name: "bon"})
