"""What the OpenAI door reads from a reply: text, reasoning, tokens, log-probabilities and finish reason."""

from __future__ import annotations

import pytest
from doors import SAMPLING, StartServer, sample
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan, Reply, default_text, token_logprob

from fusion_eval.models.openai import wire
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.types import Prompt, Sampling

WITH_LOGPROBS = Sampling(max_tokens=32, temperature=0.7, seed=3, logprobs=True)


def replying(reply: str | Reply) -> Plan:
    return Plan(reply=lambda request, index: reply)


def test_choices_are_sorted_by_their_index() -> None:
    reply = wire.Reply([wire.ReplyChoice(index=i, text=str(i)) for i in (2, 0, 1)])
    assert [c.text for c in candidates_of(reply, "m", SAMPLING, 0.1)] == ["0", "1", "2"]


# Log-probabilities


@pytest.mark.parametrize("chat", [True, False])
async def test_the_mean_log_probability_covers_the_generated_tokens(
    openai_server: StartServer, chat: bool
) -> None:
    [candidate] = await sample(openai_server(replying("It is blue.")), WITH_LOGPROBS, chat=chat)

    expected = [token_logprob(token) for token in ("It", " is", " blue.")]
    assert candidate.mean_logprob == pytest.approx(sum(expected) / 3)
    assert candidate.completion_tokens == 3


@pytest.mark.parametrize("chat", [True, False])
async def test_missing_log_probabilities_stay_unknown(openai_server: StartServer, chat: bool) -> None:
    [candidate] = await sample(openai_server(Plan(logprobs=False)), WITH_LOGPROBS, chat=chat)
    assert candidate.mean_logprob is None and candidate.text


# Tokens


async def test_the_tokens_of_candidates_add_up_to_those_of_the_request(openai_server: StartServer) -> None:
    texts = ["one two three", "one", "one two"]
    server = openai_server(Plan(reply=lambda request, index: texts[index]))

    candidates = await sample(server, n=3, prompt=Prompt("a prompt of five words"))

    assert [c.prompt_tokens for c in candidates] == [5, 0, 0]
    assert sum(c.completion_tokens for c in candidates) == 6


@given(st.lists(st.none() | st.integers(0, 20), max_size=6), st.none() | st.integers(0, 200))
def test_tokens_add_up_to_the_larger_of_the_total_and_the_log_probabilities(
    with_logprobs: list[int | None], total: int | None
) -> None:
    """Some servers count only one of n choices; others count reasoning that no choice shows."""
    # given
    choices = [
        wire.ReplyChoice(
            text="a", logprobs=None if k is None else wire.Logprobs(content=[wire.TokenLogprob(-1.0)] * k)
        )
        for k in with_logprobs
    ]
    reply = wire.Reply(choices, wire.ReplyUsage(7, total))
    # when
    tokens = [c.completion_tokens for c in candidates_of(reply, "m", SAMPLING, 0.1)]
    # then
    if tokens:
        assert sum(tokens) == max(total or 0, sum(k or 0 for k in with_logprobs))
        shares = [own - (k or 0) for own, k in zip(tokens, with_logprobs, strict=True)]
        assert max(shares) - min(shares) <= 1 and min(shares) >= 0


def test_a_reply_without_usage_counts_no_tokens() -> None:
    [candidate] = candidates_of(wire.Reply([wire.ReplyChoice(text="a")]), "m", SAMPLING, 0.5)
    assert (candidate.prompt_tokens, candidate.completion_tokens, candidate.latency) == (0, 0, 0.5)


# Text and finish reason


@pytest.mark.parametrize(
    ("reply", "text", "reasoning"),
    [
        (Reply("Blue.", reasoning_content="Rayleigh …"), "Blue.", "Rayleigh …"),
        (Reply("<think>Rayleigh …</think>\n\nBlue."), "Blue.", "Rayleigh …"),
        (Reply("<think>Rayleigh …", finish_reason="length"), "", "Rayleigh …"),
        (Reply(None, finish_reason="length", reasoning_content="Rayleigh …"), "", "Rayleigh …"),
    ],
    ids=["in a field", "in the text", "in the text, cut off", "in a field, cut off"],
)
async def test_reasoning_is_separated_from_the_text(
    openai_server: StartServer, reply: Reply, text: str, reasoning: str
) -> None:
    [candidate] = await sample(openai_server(replying(reply)))
    assert (candidate.text, candidate.reasoning) == (text, reasoning)


async def test_a_refusal_is_an_answer_with_its_own_finish_reason(openai_server: StartServer) -> None:
    [candidate] = await sample(openai_server(replying(Reply(None, refusal="I cannot help with that."))))

    assert candidate.text == "I cannot help with that."
    assert candidate.finish_reason == "refusal"
    assert candidate.error is None


async def test_an_answer_cut_at_max_tokens_has_the_finish_reason_length(openai_server: StartServer) -> None:
    sampling = Sampling(max_tokens=2, temperature=1.0, seed=0)
    [candidate] = await sample(openai_server(replying("one two three")), sampling)
    assert (candidate.text, candidate.finish_reason) == ("one two", "length")


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
async def test_the_servers_finish_reason_is_kept(openai_server: StartServer, reason: str) -> None:
    [candidate] = await sample(openai_server(replying(Reply("a", finish_reason=reason))))
    assert candidate.finish_reason == reason


def test_a_missing_finish_reason_is_unknown() -> None:
    reply = wire.Reply([wire.ReplyChoice(text="a")])
    assert candidates_of(reply, "m", SAMPLING, 0.1)[0].finish_reason == "unknown"


# Unusual replies


async def test_json_with_a_wrong_content_type_is_read(openai_server: StartServer) -> None:
    server = openai_server(Plan(faults=lambda number, request: Fault("wrong_content_type")))
    [candidate] = await sample(server)
    assert candidate.text == default_text("test-model", "Why?", 3, 0.7)


async def test_a_text_cut_within_a_character_is_read(openai_server: StartServer) -> None:
    """Some servers cut at a byte and send half an emoji as an escape, which strict JSON readers reject."""
    body = '{"choices": [{"message": {"content": "so \\ud83d"}, "finish_reason": "length"}]}'
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 200, body=body)))
    [candidate] = await sample(server)
    assert candidate.text == "so ?"
