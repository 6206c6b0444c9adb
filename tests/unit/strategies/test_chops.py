"""`chops` lets the fusor write a checklist once, and then choose by it."""

from __future__ import annotations

import pytest
from choosing_models import always_failing, chooser, counted, failing, lying, reason_of, shown
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.chops import ChecklistSelection
from fusion_eval.strategies.specs import load_strategy

CHECKLIST = "Does it say what 6 times 7 is?"


def with_checklist(choice: str) -> Scripted:
    """Return a model that writes a checklist, and replies to the second prompt as said."""
    return Scripted(lambda prompt: choice if shown(prompt) else CHECKLIST)


async def test_a_checklist_is_written_without_candidates_and_shown_with_all_of_them() -> None:
    model = with_checklist("[[1]]")

    answer = await ChecklistSelection()(pool_of("a", "b", "c"), tools(model))

    first, second = model.prompt_texts
    assert shown(first) == []
    assert sorted(shown(second)) == ["a", "b", "c"]
    assert CHECKLIST in second
    assert answer.text == shown(second)[0]
    assert (len(answer.calls), answer.comparison, answer.fallback) == (2, CHECKLIST, None)


@pytest.mark.parametrize("seed", range(5))
async def test_the_named_candidate_wins_wherever_it_stands(seed: int) -> None:
    best = chooser(len)
    model = Scripted(lambda prompt: best._reply(prompt) if shown(prompt) else CHECKLIST)  # type: ignore[operator]

    answer = await ChecklistSelection()(pool_of("a", "bbb", "cc"), tools(model, seed=seed))

    assert answer.text == "bbb"


@always_failing
async def test_without_a_checklist_it_falls_back_after_one_call(failure: str) -> None:
    model = failing(failure)

    answer = await ChecklistSelection()(pool_of("a", "b"), tools(model))

    assert answer.text == "a"
    assert answer.fallback == f"there is no checklist: {reason_of(failure, 'the fusor')}"
    assert (len(model.requests), len(answer.calls)) == (1, counted(failure, 1))


async def test_an_empty_checklist_is_none() -> None:
    answer = await ChecklistSelection()(pool_of("a", "b"), tools(Scripted(" ")))

    assert answer.fallback == "there is no checklist: it is empty (stop)"


@lying
async def test_a_reply_that_names_no_candidate_leads_to_a_fallback(lie: str) -> None:
    answer = await ChecklistSelection()(pool_of("a", "b"), tools(with_checklist(lie)))

    assert answer.text == "a"
    assert "named no candidate that it was shown" in (answer.fallback or "")
    assert len(answer.calls) == 2


async def test_equal_texts_are_not_asked_about() -> None:
    answer = await ChecklistSelection()(pool_of("a", "a"), tools())

    assert (answer.text, answer.calls) == ("a", ())


@pytest.mark.parametrize("option", ["temperature=9.5", "max_tokens=0"])
def test_an_option_out_of_range_is_an_error(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} should be"):
        load_strategy(f"chops({option})")
