"""What users mistype in strategies and scorers: one line that names what is wrong and what is right, before any call."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import read_strategies

MISTAKES = {
    # an option that a strategy lacks
    "genselect(windw=4)": "The strategy 'genselect' has no option 'windw'. Did you mean 'window'?",
    "bon(by=chrf)": "The strategy 'bon' has no option 'by'. Did you mean 'scorer'?",
    "rank_fusion(scorer=chrf)": "The strategy 'rank_fusion' has no option 'scorer'. Did you mean 'by'?",
    "mbr(metric=bleu)": "The strategy 'mbr' has no option 'metric'. Did you mean 'utility'?",
    "rsa(layers=2)": "The strategy 'rsa' has no option 'layers'. Did you mean 'rounds'?",
    "single(n=3)": "has no option 'n'. It has none; write single. n= is a model argument",
    "bon(scorer=chrf(k=2))": "The scorer 'chrf' has no option 'k'. It has none; write chrf",
    # a name that is none, or of another kind
    "FUSION": "There is no strategy 'FUSION'. Did you mean 'fusion'?",
    "self_consistency": "There is no strategy 'self_consistency'. Did you mean 'majority'?",
    "judge": "There is no strategy 'judge'. It is a scorer: bon(scorer=judge).",
    "bon(scorer=mbr)": "There is no scorer 'mbr'. It is a strategy.",
    "bon(scorer=jugde)": "There is no scorer 'jugde'. Did you mean 'judge'?",
    "longest:3": "The strategy 'longest' takes nothing after a colon; write longest",
    # a value out of its range, with the strategy that has it
    "rsa(k=20)": "rsa(k=20) draws more members than a population of 16 has; use k=16 at most",
    "usc(max_tokens=0)": "usc(max_tokens=0): max_tokens=0 should be a whole number, 1 or more",
    "bon(scorer=judge(temperature=9))": "judge(temperature=9): temperature=9.0 should be a number from 0 to 5",
    "pairrank(budget=0n)": "should be comparisons per candidate, such as 3n, or in all, such as 20",
    "route(above=60)": "route(above=60): above=60.0 should be a number above 0 to 1",
    "weighted_majority(votes=bord)": "one of score, probability, borda, or none. Did you mean 'borda'?",
    "fusion(prompt=analisis)": "Did you mean 'analysis'?",
    # what does not go together
    "guarded_fusion(by=self_certainty)": "use guarded_fusion(by=judge), or by=chrf",
    "rank_fusion(k=9)": "raise n above 9, or lower k",
    "rsa(k=8)": "rsa(k=8) needs pools of 8 candidates, and n=4; raise n to 8 or more",
    "bon(scorer=task)": "scorer=task is the oracle",
    "bon(scorer=endpoint:localhost)": "It looks like endpoint:http://localhost:8000/classify",
    "bon(scorer=reward)": "scorer=reward needs a model: reward:NAME",
    "bon,bon": "The strategy bon is named 2 times; name it once",
    "bon(scorer": "'bon(scorer' should give an option as bon(option=value)",
}  # fmt: skip
EXTRAS = {
    "bon(scorer=reward:NAME)": ("transformers", "pip install 'fusion-eval[reward]'"),
    "bon(scorer=comet:NAME)": ("comet", "pip install 'fusion-eval[comet]'"),
    "mbr(utility=comet)": ("mbrs", "pip install 'fusion-eval[mbr]'"),
}
"""Strategies that need a package, the package, and how to install it."""


@pytest.fixture
def server(openai_server: Any) -> Server:
    started: Server = openai_server(Plan())
    return started


def error_of(strategies: str, server: Server) -> str:
    """Return the error of a run of these strategies, which has made no call."""
    arguments = parse({"model": "test-model", "base_url": server.base_url, "n": 4, "cache": "off"})
    with pytest.raises(ConfigError) as error:
        for strategy in read_strategies(strategies):
            Solver(strategy, arguments, Opener(arguments, Store(None)))
    assert not server.calls
    return str(error.value)


@pytest.mark.parametrize(("strategies", "message"), MISTAKES.items())
def test_a_mistake_is_named_in_one_line_with_the_nearest_right_thing(
    server: Server, strategies: str, message: str
) -> None:
    error = error_of(strategies, server)
    assert message in error and "\n" not in error


@pytest.mark.parametrize(("strategy", "package", "command"), [(name, *rest) for name, rest in EXTRAS.items()])
def test_a_scorer_or_utility_without_its_extra_says_how_to_install_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, strategy: str, package: str, command: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    assert command in error_of(strategy, server)
