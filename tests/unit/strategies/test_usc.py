"""`usc` takes the candidate that the fusor names as the most consistent with the others."""

from __future__ import annotations

import pytest
from choosing_models import always_failing, chooser, counted, failing, lying, reason_of, shown
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.usc import UniversalSelfConsistency
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate


@pytest.mark.parametrize("seed", range(5))
async def test_the_candidate_that_the_fusor_names_wins_wherever_it_stands(seed: int) -> None:
    # given a model that counts how often each text is there
    texts = ["It is 41.", "So 42.", "So 42.", "Perhaps 43."]
    model = chooser(lambda text: texts.count(text))

    answer = await UniversalSelfConsistency()(pool_of(*texts), tools(model, seed=seed))

    assert (answer.text, answer.fallback, len(answer.calls)) == ("So 42.", None, 1)
    assert sorted(shown(model.prompt_texts[0])) == sorted(texts)


async def test_failed_candidates_are_not_shown() -> None:
    model = chooser(len)
    failed = Candidate("", "m", 0, error="timeout")

    answer = await UniversalSelfConsistency()(pool_of(failed, "a", "bb"), tools(model))

    assert (answer.text, answer.chosen) == ("bb", 1)
    assert sorted(shown(model.prompt_texts[0])) == ["a", "bb"]


async def test_equal_texts_are_not_asked_about() -> None:
    answer = await UniversalSelfConsistency()(pool_of("a", "a "), tools(failing("an error reply")))

    assert (answer.text, answer.calls, answer.fallback) == ("a", (), None)


@always_failing
async def test_a_failing_model_leads_to_a_fallback(failure: str) -> None:
    answer = await UniversalSelfConsistency()(pool_of("a", "b"), tools(failing(failure)))

    assert answer.text == "a"
    assert answer.fallback == reason_of(failure)
    assert len(answer.calls) == counted(failure, 1)


@lying
async def test_a_reply_that_names_no_candidate_leads_to_a_fallback(lie: str) -> None:
    answer = await UniversalSelfConsistency()(pool_of("a", "b"), tools(Scripted(lie)))

    assert answer.text == "a"
    assert answer.fallback == "the model that chooses named no candidate that it was shown (stop)"
    assert len(answer.calls) == 1


@pytest.mark.parametrize("option", ["temperature=9.5", "max_tokens=0"])
def test_an_option_out_of_range_is_an_error(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} should be"):
        load_strategy(f"usc({option})")
