"""`mbr` takes the candidate with the highest mean utility against all others."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.methods.mbr import MinimumBayesRisk
from fusion_eval.strategies.scorers.chrf import Chrf
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.strategies.utilities import _mbrs, bleu, chrf
from fusion_eval.types import Candidate, Message, Prompt

texts = st.lists(st.text("ab c猫", max_size=8), min_size=1, max_size=5)
METRICS = {
    "chrf": lambda text, other: sacrebleu.sentence_chrf(text, [other]).score,
    "bleu": lambda text, other: sacrebleu.sentence_bleu(text, [other]).score,
}


@pytest.mark.parametrize("utility", METRICS)
@settings(max_examples=30)
@given(candidates=texts)
async def test_it_agrees_with_its_definition(utility: str, candidates: list[str]) -> None:
    # given the mean of sacrebleu's metric over all other candidates as references
    means = []
    for i, text in enumerate(candidates):
        others = candidates[:i] + candidates[i + 1 :]
        means.append(sum(METRICS[utility](text, other) for other in others) / max(len(others), 1))

    answer = await MinimumBayesRisk(utility)(pool_of(*candidates), tools())  # type: ignore[arg-type]

    assert answer.scores == pytest.approx(means)
    assert answer.text == candidates[answer.chosen or 0]
    assert means[answer.chosen or 0] == pytest.approx(max(means))


@settings(max_examples=30)
@given(candidates=texts)
async def test_with_chrf_it_chooses_as_best_of_n_does(candidates: list[str]) -> None:
    pool = pool_of(*candidates)

    mbr, bon = await MinimumBayesRisk()(pool, tools()), await BestOfN(Chrf())(pool, tools())

    assert mbr.scores == pytest.approx(bon.scores)


@settings(max_examples=30)
@given(candidates=texts)
def test_fastchrf_and_sacrebleu_give_the_same_numbers(candidates: list[str]) -> None:
    # given the numbers with fastchrf, if it is here
    pytest.importorskip("fastchrf")
    fast = chrf(candidates)
    # when it is not installed
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fastchrf", None)
        slow = chrf(candidates)
    # then the numbers are those of sacrebleu
    for fast_row, slow_row in zip(fast, slow, strict=True):
        assert fast_row == pytest.approx(slow_row, abs=1e-4)


def test_bleu_splits_chinese_japanese_and_korean_without_spaces() -> None:
    for language, text in {"zh": "今天天气很好", "ja": "今日は天気がいい", "ko": "오늘날씨가좋다"}.items():
        assert bleu([text, text[:-1]], language)[0][1] > 0


async def test_failed_candidates_have_no_part_and_one_alone_wins() -> None:
    failed = Candidate("", "m", 0, error="timeout")

    answer = await MinimumBayesRisk()(pool_of(failed, "only"), tools())

    assert (answer.text, answer.chosen, answer.scores, answer.calls) == ("only", 0, (0.0,), ())


def test_an_unknown_utility_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="utility should be one of chrf, bleu, bertscore, comet"):
        load_strategy("mbr(utility=rouge)")


class FakeMetric:
    """A stand-in for a metric of mbrs, whose utility is the number of words that two texts share."""

    calls: list[tuple[dict[str, Any], str | None]] = []  # noqa: RUF012 - the test empties it

    class Config:
        def __init__(self, **options: Any) -> None:
            self.options = options

    def __init__(self, config: FakeMetric.Config) -> None:
        self.config = config

    def pairwise_scores(self, texts: list[str], references: list[str], source: str | None = None) -> Any:
        self.calls.append((self.config.options, source))
        return np.array([[float(len({*a.split()} & {*b.split()})) for b in references] for a in texts])


@pytest.fixture
def mbrs(monkeypatch: pytest.MonkeyPatch) -> type[FakeMetric]:
    """Install a fake library mbrs."""
    metrics = types.ModuleType("mbrs.metrics")
    metrics.MetricCOMET = metrics.MetricBERTScore = FakeMetric  # type: ignore[attr-defined]
    library = types.ModuleType("mbrs")
    library.__spec__ = importlib.machinery.ModuleSpec("mbrs", None)
    monkeypatch.setitem(sys.modules, "mbrs", library)
    monkeypatch.setitem(sys.modules, "mbrs.metrics", metrics)
    FakeMetric.calls.clear()
    _mbrs.cache_clear()
    return FakeMetric


@pytest.mark.parametrize(
    ("utility", "options"), [("comet", {}), ("bertscore", {"lang": "de"})], ids=["comet", "bertscore"]
)
async def test_neural_utilities_are_those_of_mbrs(
    mbrs: type[FakeMetric], utility: Any, options: dict[str, Any]
) -> None:
    prompt = Prompt(messages=(Message("system", "Translate."), Message("user", "the source")))

    answer = await MinimumBayesRisk(utility)(pool_of("x", "a b", "b c", prompt=prompt), tools(language="de"))

    assert (answer.text, answer.scores) == ("a b", (0.0, 0.5, 0.5))
    assert mbrs.calls == [(options, "the source")]


@pytest.mark.parametrize("utility", ["comet", "bertscore"])
def test_without_mbrs_one_sentence_says_how_to_install_it(
    utility: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(
        ConfigError, match=r"needs the library mbrs; install it with: pip install 'fusion-eval\[mbr\]'"
    ):
        load_strategy(f"mbr(utility={utility})")
