"""What the strategy `fusion` asks its fusor."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.strategies.fusing import COMPARISON_TOKENS
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.types import Candidate, Message, Prompt

FUSED = "Comparison: they differ.\nAnswer: [[ forty-two ]]"
CHAT = Prompt(
    messages=(
        Message("system", "Answer as a pirate."),
        Message("user", "2 + 2?"),
        Message("assistant", "4, arr."),
        Message("user", "6 · 7?"),
    )
)


def order(written: str, texts: list[str]) -> list[str]:
    """The candidates in the order in which the fusor's prompt shows them."""
    return sorted(texts, key=lambda text: written.index(f"\n{text}\n"))


async def test_the_fusor_sees_the_system_instruction_the_few_shot_turns_and_every_candidate() -> None:
    """Without the system instruction and the language, answers drift to English."""
    fusor = Scripted(FUSED)
    await Fusion()(pool_of("a one", "a two", "a three", prompt=CHAT), tools(fusor, language="it"))
    [(prompt, sampling)] = fusor.requests
    [turn] = prompt.messages
    assert turn.role == "user"
    for text in [*(message.content for message in CHAT.messages), "a one", "a two", "a three"]:
        assert f"\n{text}\n" in turn.content
    assert "Write it in Italian" in turn.content
    assert (sampling.temperature, sampling.stop) == (0.0, ())


async def test_the_fusor_does_not_see_who_wrote_a_candidate() -> None:
    """The name of a model beside its candidate would bias the fusor."""
    fusor = Scripted(FUSED)
    await Fusion()(pool_of("one", "two"), tools(fusor))
    assert "model-" not in fusor.prompt_texts[0] and "vendor" not in fusor.prompt_texts[0]


async def test_the_fusor_does_not_see_failed_candidates() -> None:
    fusor = Scripted(FUSED)
    failed = Candidate("", "m", 0, error="HTTP 500: no luck")
    await Fusion()(pool_of("one", failed, "three"), tools(fusor))
    assert "2 candidate responses" in fusor.prompt_texts[0] and "500" not in fusor.prompt_texts[0]


async def test_the_seed_decides_the_order_of_the_candidates() -> None:
    texts = [f"text {letter}" for letter in "abcdefgh"]
    orders = []
    for seed in (0, 0, 1, 2, 3):
        fusor = Scripted(FUSED)
        await Fusion()(pool_of(*texts), tools(fusor, seed=seed))
        orders.append(tuple(order(fusor.prompt_texts[0], texts)))
    assert orders[0] == orders[1]
    assert len(set(orders)) == 4
    assert tuple(texts) not in orders


async def test_over_many_prompts_every_place_of_the_pool_comes_first() -> None:
    """If the seed alone decided the order, a fusor that prefers the first candidate would always prefer one place."""
    firsts = set()
    for number in range(20):
        fusor = Scripted(FUSED)
        texts = [f"{number} {letter}" for letter in "abc"]
        await Fusion()(pool_of(*texts), tools(fusor))
        firsts.add(texts.index(order(fusor.prompt_texts[0], texts)[0]))
    assert firsts == {0, 1, 2}


@settings(max_examples=30)  # each has an event loop of its own
@given(st.lists(st.integers(0, 99).map("text {}".format), min_size=1, max_size=8), st.integers(0, 9))
async def test_every_candidate_is_shown_exactly_once(texts: list[str], seed: int) -> None:
    fusor = Scripted(FUSED)
    await Fusion()(pool_of(*texts), tools(fusor, seed=seed))
    shown = [line for line in fusor.prompt_texts[0].splitlines() if line.startswith("text ")]
    assert sorted(shown) == sorted(texts)


async def test_a_base_model_gets_plain_text_and_the_tasks_stop_strings() -> None:
    fusor = Scripted(" forty-two\nTask: more", chat=False)
    answer = await Fusion()(pool_of("one", "two"), tools(fusor, template="few_shot", stop=("\n",)))
    [(prompt, sampling)] = fusor.requests
    assert prompt.messages == () and prompt.text.endswith("Final:")
    assert sampling.stop == ("\n\nTask:", "\n")
    assert answer.text == "forty-two"  # though this server did not stop


@pytest.mark.parametrize(
    ("template", "fusor_max_tokens", "room"),
    [("paper", None, 100 + COMPARISON_TOKENS), ("direct", None, 100), ("paper", 300, 300)],
)
async def test_the_reply_has_room_for_the_comparison_and_the_answer(
    template: str, fusor_max_tokens: int | None, room: int
) -> None:
    fusor = Scripted(FUSED)
    await Fusion()(pool_of("one"), tools(fusor, template=template, fusor_max_tokens=fusor_max_tokens))
    assert fusor.requests[0][1].max_tokens == room


async def test_the_strategys_own_options_win_over_the_model_arguments() -> None:
    # given tools with the prompt `paper` at temperature 0
    fusor = Scripted("forty-two")
    # when the strategy has options of its own
    await Fusion("direct", fusor_temperature=0.5, fusor_max_tokens=7)(pool_of("one"), tools(fusor))
    # then the fusor is asked by these
    [(prompt, sampling)] = fusor.requests
    assert "Comparison" not in prompt.messages[0].content
    assert (sampling.temperature, sampling.max_tokens) == (0.5, 7)
