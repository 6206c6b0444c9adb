"""Requests of the harness become questions: their options, the seeds of repeats, chat prompts."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.instance import Instance

from fusion_eval.errors import ConfigError
from fusion_eval.harness.questions import (
    COPY_STRIDE,
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    ChatPrompt,
    questions_of,
)
from fusion_eval.model_arguments import parse
from fusion_eval.strategies.question import Question
from fusion_eval.types import Message, Prompt


def instance(
    options: dict[str, Any] | None = None,
    *,
    context: str = "Q",
    task: str = "t",
    doc_id: int = 0,
    repeats: int = 1,
) -> Instance:
    """Make a request as the harness makes it."""
    return Instance(
        "generate_until",
        doc={},
        arguments=(context, options),
        idx=0,
        task_name=task,
        doc_id=doc_id,
        metadata=(task, doc_id, repeats),
    )


def question(options: dict[str, Any] | None = None, **arguments: object) -> Question:
    [one] = questions_of([instance(options)], parse(arguments))
    return one


# Options


@pytest.mark.parametrize(
    ("until", "stop"),
    [
        ("\n", ("\n",)),
        (["\n", "Q:"], ("\n", "Q:")),
        (("\n",), ("\n",)),
        ([], ()),
        (None, ()),
        ("", ()),
        (["", "\n"], ("\n",)),  # some servers would stop at once at an empty one
    ],
)
def test_until_may_be_a_text_or_a_list_or_missing(until: object, stop: tuple[str, ...]) -> None:
    assert question({"until": until}).sampling.stop == stop
    assert question({}).sampling.stop == question(None).sampling.stop == ()


@pytest.mark.parametrize("name", ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"])
def test_the_length_limit_has_four_names(name: str) -> None:
    made = question({name: 64}).sampling
    assert (made.max_tokens, made.extra) == (64, ())
    assert question({name: "64"}).sampling.max_tokens == 64
    assert question({name: 64}, max_tokens=9).sampling.max_tokens == 9
    assert question({name: None}).sampling.max_tokens == DEFAULT_MAX_TOKENS


def test_with_two_length_limits_the_one_that_the_harness_takes_counts() -> None:
    from lm_eval.models.utils import normalize_gen_kwargs

    options = {"max_completion_tokens": 4, "max_tokens": 3, "max_new_tokens": 2, "max_gen_toks": 1}
    while options:
        theirs = normalize_gen_kwargs({"do_sample": False, **options})["max_gen_toks"]
        assert question(options).sampling.max_tokens == theirs
        options.pop(min(options, key=lambda name: options[name]))


@pytest.mark.parametrize(
    ("options", "arguments", "temperatures"),
    [
        ({}, {}, (DEFAULT_TEMPERATURE,)),
        ({"temperature": 0.0, "do_sample": False}, {}, (DEFAULT_TEMPERATURE,)),
        ({"temperature": 0}, {}, (DEFAULT_TEMPERATURE,)),
        ({"do_sample": True}, {}, (DEFAULT_TEMPERATURE,)),
        ({"temperature": 0.3}, {}, (0.3,)),
        ({"temperature": "0.3", "do_sample": True}, {}, (0.3,)),
        ({"temperature": 0.3, "do_sample": False}, {}, (0.3,)),  # --gen_kwargs over a greedy task
        ({"temperature": 0.3}, {"temperature": 0.9}, (0.9,)),
        ({"temperature": 0.0}, {"temperature": "0.2|0.9"}, (0.2, 0.9)),
    ],
)
def test_the_temperature_is_the_argument_else_the_tasks_if_above_0_else_the_default(
    options: dict[str, Any], arguments: dict[str, object], temperatures: tuple[float, ...]
) -> None:
    # a task's temperature of 0 would make all N candidates the same
    made = question(options, **arguments)
    assert made.temperatures == temperatures
    assert made.sampling.temperature == temperatures[0]
    assert made.sampling.extra == ()


def test_top_p_and_seed_of_the_task_count_unless_the_arguments_set_them() -> None:
    assert question({"top_p": 0.9, "seed": 3}).sampling.top_p == 0.9
    assert question({"top_p": 0.9}, top_p=0.5).sampling.top_p == 0.5
    assert question({"seed": 3}).sampling.seed == 3
    assert question({"seed": 3}, seed=7).sampling.seed == 7
    assert question({}).sampling.top_p is None


def test_other_options_are_passed_on_in_sorted_order() -> None:
    assert question({"top_k": 5, "min_p": 0.1, "until": ["x"]}).sampling.extra == (
        ("min_p", 0.1),
        ("top_k", 5),
    )


def test_objects_and_lists_are_passed_on_as_json() -> None:
    options = {
        "chat_template_kwargs": {"enable_thinking": False},
        "logit_bias": {"5": 1},
        "bad_words": ["x"],
        "extra_body": {"top_k": 5, "thinking": {"type": "disabled"}},
        "until": ["x"],
    }
    extra = dict(question(options).sampling.extra)
    assert msgspec.json.decode(msgspec.json.encode(extra)) == {
        "chat_template_kwargs": {"enable_thinking": False},
        "logit_bias": {"5": 1},
        "bad_words": ["x"],
        "top_k": 5,
        "thinking": {"type": "disabled"},
    }
    as_text = {"chat_template_kwargs": '{"enable_thinking": false}', "until": ["x"]}
    assert (
        bytes(dict(question(as_text).sampling.extra)["chat_template_kwargs"]) == b'{"enable_thinking":false}'
    )


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": "hot"},
        {"max_gen_toks": "many"},
        {"max_gen_toks": [1]},
        {"seed": "x"},
        {"top_p": {}},
        {"until": [1]},
        {"logit_bias": {"5": object()}},
        {"chat_template_kwargs": "no JSON"},
        {"extra_body": [1]},
        {"stop": ["x"]},
    ],
)
def test_an_error_names_the_option_that_cannot_be_used(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"The generation option {next(iter(options))}="):
        question(options)


def test_log_probabilities_are_requested_if_the_scorer_needs_them() -> None:
    assert question({}, model="m", scorer="logprob").sampling.logprobs
    assert not question({}, model="m", scorer="chrf").sampling.logprobs


def test_the_options_of_the_task_are_not_changed() -> None:
    # the harness passes the same dict for all documents of a task
    options = {"until": ["\n"], "temperature": 0.0, "max_gen_toks": 5}
    before = copy.deepcopy(options)
    question(options)
    assert options == before


# Repeats


def test_a_request_repeated_k_times_gives_k_questions_with_seeds_of_their_own() -> None:
    # the harness passes the same object K times
    first, second = instance(repeats=3, doc_id=0), instance(repeats=3, doc_id=1)
    made = questions_of([first] * 3 + [second] * 3, parse({"seed": 7}))
    assert [(q.doc_id, q.copy) for q in made] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert [q.sampling.seed - 7 for q in made[:3]] == [0, COPY_STRIDE, 2 * COPY_STRIDE]


@given(st.integers(1, 1_000), st.integers(1, 10_000), st.integers(0, 2**31))
def test_seeds_of_copies_never_overlap_however_far_n_is_raised(repeats: int, n: int, seed: int) -> None:
    one = instance(repeats=repeats)
    starts = [q.sampling.seed for q in questions_of([one] * min(repeats, 5), parse({"seed": seed}))]
    ranges = [range(start, start + n) for start in starts]
    assert all(a.stop <= b.start for a, b in itertools.pairwise(ranges))


def test_the_padding_of_a_parallel_run_repeats_questions() -> None:
    # ranks with fewer requests repeat their last one more often than its repeats
    made = questions_of([one := instance(repeats=2)] * 4, parse({}))
    assert [q.copy for q in made] == [0, 1, 0, 1]
    assert made[0].sampling == made[2].sampling
    assert questions_of([one], parse({}))[0].copy == 0


def test_order_task_document_and_language_are_kept() -> None:
    requests = [instance(task="mgsm_direct_ja", doc_id=4), instance(task="gsm8k", doc_id=2)]
    made = questions_of(requests, parse({}))
    assert [(q.task, q.doc_id, q.language) for q in made] == [
        ("mgsm_direct_ja", 4, "ja"),
        ("gsm8k", 2, None),
    ]
    assert made[0].prompt == Prompt("Q")


# Chat

TURNS = (Message("system", "Be brief."), Message("user", "Why? 😀"))


def test_a_chat_prompt_reaches_the_model_as_messages() -> None:
    [made] = questions_of([instance(context=ChatPrompt("logged", TURNS))], parse({}))
    assert made.prompt == Prompt(messages=TURNS)


@pytest.mark.parametrize(
    "through",
    [copy.copy, copy.deepcopy, *(lambda x, p=p: pickle.loads(pickle.dumps(x, p)) for p in range(6))],
)
def test_a_chat_prompt_survives_the_harness_copying_and_pickling_it(through: Any) -> None:
    # its cache of requests pickles; a plain string would come back without messages
    prompt = through(ChatPrompt("logged", TURNS))
    assert isinstance(prompt, ChatPrompt) and prompt == "logged" and prompt.messages == TURNS
    inside = through({"arguments": (ChatPrompt("logged", TURNS), {})})
    assert inside["arguments"][0].messages == TURNS


def test_a_chat_prompt_is_a_plain_text_for_all_other_code() -> None:
    prompt = ChatPrompt("logged", TURNS)
    assert isinstance(prompt, str) and f"{prompt}!" == "logged!" and hash(prompt) == hash("logged")
