"""Whole runs against an endpoint that fails: every prompt is answered, no score changes, and no call is wasted."""

from __future__ import annotations

import itertools
import json
import random
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Fault, Plan, Reply, Request, Server, default_reply, prompt_text

from fusion_eval.errors import EndpointError, FusionEvalError
from fusion_eval.harness import run as harness_run
from fusion_eval.models import limited
from fusion_eval.models.endpoint import GIVE_UP_AFTER
from fusion_eval.report.outcome import Outcome
from fusion_eval.runs.traces import read_traces

Start = Callable[[Plan], Server]
TASKS, PROMPTS, N = ("fusion_demo_fr", "fusion_demo_ja"), 28, 5
STRATEGIES = ("single", "bon", "fusion")
RETRIES, TIMEOUT = 5, 2.0


def body_with(text: str, finish_reason: str, tokens: int) -> dict[str, Any]:
    """Return a reply with one choice, in the forms of both endpoints."""
    choice = {"text": text, "message": {"content": text}, "finish_reason": finish_reason}
    return {"choices": [choice], "usage": {"completion_tokens": tokens}}


REPEATED = {
    "429": Fault("status", 429),
    "429, in 0.02 s": Fault("status", 429, retry_after=0.02),
    "429, at once": Fault("status", 429, retry_after=0),
    "500": Fault("status", 500),
    "503": Fault("status", 503),
    "reset": Fault("reset"),
    "hang": Fault("hang"),
    "truncated JSON": Fault("truncated_json"),
    "no body": Fault("empty_body"),
    "tokens but no text": Fault("status", 200, body=body_with("", "stop", 7)),
    "cut short": Fault("status", 200, body=body_with("The answer beg", "length", 3)),
    "no choices": Fault("status", 200, body={"choices": []}),
}
"""Faults that are no answers: each costs one more call."""
ACCEPTED = {"wrong content type": Fault("wrong_content_type")}
"""Faults that are answers, as replies with fewer choices are: at most the missing choices cost another call."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "FIRST_PAUSE", 0.01)


# The endpoint


def reply(request: Request, index: int) -> Reply:
    """Return a rating, a fusion or a translation, as requested: a pure function of the request.

    One reply in 20 is a refusal and one in 20 has an unexpected form. The model wrote these, and no call has failed, so
    they are the same in every run and are neither repeated nor replaced.
    """
    text = default_reply(request, index)
    luck = zlib.crc32(text.encode(), 2)  # a start at which some of the few fusions are refused
    if luck % 20 == 0:
        return Reply(None, refusal="I would rather not.")
    if luck % 20 == 1:
        return Reply(text)
    if is_rating(request):
        return Reply(f"It will do. [[{1 + luck % 10}]]")
    return Reply(f"Comparison: they differ.\nAnswer: [[ {text} ]]" if is_fusion(request) else text)


def is_rating(request: Request) -> bool:
    return "Rate the response." in prompt_text(request)


def is_fusion(request: Request) -> bool:
    return "Answer: [[ <the final response> ]]" in prompt_text(request)


def identify(request: Request) -> tuple[str, int]:
    """Return prompt and seed, which identify a call. The number of choices may differ between its tries."""
    return prompt_text(request), request["seed"]


class FaultyFifth:
    """Give faults of all `kinds` in turn to a fifth of the calls; a call that has failed three times succeeds.

    Whether a call fails depends on the call and on the number of its tries, not on the order in which calls arrive.
    The kind of its fault does depend on that order. A call meets each kind once at most, because an answer that is cut
    short twice at the same number of tokens is believed.
    `counts` counts the faults of each kind.
    """

    def __init__(self, kinds: dict[str, Fault]) -> None:
        self.counts: Counter[str] = Counter()
        self._tries: Counter[tuple[str, int]] = Counter()
        self._most = min(3, len(kinds))
        self._kinds = itertools.cycle(kinds.items())
        self._met: set[tuple[tuple[str, int], str]] = set()
        self._fewer_choices = itertools.cycle([True, False])

    def __call__(self, number: int, request: Request) -> Fault | None:
        call = identify(request)
        self._tries[call] += 1
        if self._tries[call] > self._most or random.Random(f"{call} {self._tries[call]}").random() >= 0.2:
            return None
        if request.get("n", 1) > 1 and next(
            self._fewer_choices
        ):  # half of the faulty calls for several choices
            kind, fault = "fewer choices", Fault("fewer_choices")
        else:
            kind, fault = next(one for one in self._kinds if (call, one[0]) not in self._met)
            self._met.add((call, kind))
        self.counts[kind] += 1
        return fault


# Runs and what they leave


def run(
    server: Server, folder: Path, strategies: tuple[str, ...] = STRATEGIES, **model_args: object
) -> Outcome | None:
    plan = harness_run.Plan(
        output=folder / "out",
        tasks=TASKS,
        strategies=strategies,
        model_args={
            "model": "test-model", "base_url": server.base_url, "n": N, "timeout": TIMEOUT, "max_retries": RETRIES,
            "cache": str(folder / "store.sqlite"), **model_args,
        },
    )  # fmt: skip
    return harness_run.run(plan, lambda line: None)


def results(folder: Path) -> dict[str, Any]:
    """Return the newest results file of each strategy."""
    files = {name: max((folder / "out" / name).rglob("results_*.json")) for name in STRATEGIES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}


def samples(folder: Path) -> dict[str, bytes]:
    """Return the newest sample file of each strategy and task."""
    paths = sorted((folder / "out").rglob("samples_*.jsonl"))
    return {
        f"{path.relative_to(folder / 'out').parts[0]} {path.name[:22]}": path.read_bytes() for path in paths
    }


def texts(folder: Path, strategy: str) -> list[object]:
    """Return what the models wrote for each prompt, and the strategy's answer.

    Tokens and seconds are left out: they depend on how many choices a call asked for.
    """

    def written(candidates: tuple[Any, ...]) -> list[object]:
        return [(one.text, one.seed, one.finish_reason, one.error) for one in candidates]

    return [
        (trace.task, trace.doc_id, trace.final, trace.answer.scores, trace.answer.chosen, trace.answer.fallback,
         written(trace.pool.candidates), written(trace.answer.calls))
        for trace in read_traces(folder / "out" / strategy / "traces.jsonl")
    ]  # fmt: skip


def tries_of_calls(server: Server) -> Counter[tuple[str, int]]:
    return Counter(identify(call.body) for call in server.calls)


# Faults that pass


@pytest.mark.slow
def test_faults_of_every_kind_on_a_fifth_of_the_calls_change_no_answer_and_no_score(
    openai_server: Start, tmp_path: Path
) -> None:
    """Other tools lose such calls, score them as empty answers, or pass the fault on as a result."""
    # given a sound endpoint, and one with faults
    faults = FaultyFifth(REPEATED | ACCEPTED)
    sound, faulty = openai_server(Plan(reply=reply)), openai_server(Plan(reply=reply, faults=faults))
    # when
    run(sound, tmp_path / "sound")
    outcome = run(faulty, tmp_path / "faulty")
    # then every kind of fault has come, on about a fifth of the calls
    assert set(faults.counts) == {*REPEATED, *ACCEPTED, "fewer choices"}
    assert 0.12 < faults.counts.total() / len(faulty.calls) < 0.28
    # and answers and scores are the same
    expected, actual = results(tmp_path / "sound"), results(tmp_path / "faulty")
    for strategy in STRATEGIES:
        assert actual[strategy]["results"] == expected[strategy]["results"]
        assert texts(tmp_path / "faulty", strategy) == texts(tmp_path / "sound", strategy)
        assert len(texts(tmp_path / "faulty", strategy)) == PROMPTS
    assert samples(tmp_path / "faulty") == samples(tmp_path / "sound")
    scores = {json.dumps(actual[name]["results"]["fusion_demo_fr"]["chrf,none"]) for name in STRATEGIES}
    assert len(scores) == 3, "the strategies' scores differ"
    # and no candidate has failed, while refusals of fusor and judge count as in the sound run
    assert outcome is not None
    for strategy, totals in outcome.totals.items():
        counted = expected[strategy]["config"]["totals"]
        assert (totals.prompts, totals.candidates, totals.failed_candidates) == (PROMPTS, PROMPTS * N, 0)
        assert (totals.fallbacks, totals.departures) == (counted["fallbacks"], counted["departures"])
    assert outcome.totals["fusion"].fallbacks > 0
    # and each fault that is no answer costs one more call, and nothing else does
    repeated = sum(faults.counts[kind] for kind in REPEATED)
    assert len(faulty.calls) - len(tries_of_calls(faulty)) == repeated
    assert set(tries_of_calls(sound).values()) == {1}
    # and the retries are in the totals and in the results files; all strategies share the sampler's
    retries = {
        (strategy, role): used.retries
        for strategy, totals in outcome.totals.items()
        for role, used in totals.roles.items()
    }
    assert retries["single", "sampler"] == retries["fusion", "sampler"] > 0
    retried = retries["single", "sampler"] + retries["bon", "scorer"] + retries["fusion", "fusor"]
    # replies that contradict themselves are counted apart; those of the shared pool stand in every strategy's totals
    pool, *others = (outcome.totals[name].rechecks for name in ("single", "bon", "fusion"))
    assert retried + pool + sum(other - pool for other in others) == repeated
    fusor = actual["fusion"]["config"]["totals"]["roles"]["fusor"]
    assert fusor["retries"] == retries["fusion", "fusor"] > 0


def test_a_finished_run_sends_no_call_when_it_is_repeated(openai_server: Start, tmp_path: Path) -> None:
    """Other tools ask again for what failed on the way."""
    # given
    server = openai_server(Plan(reply=reply, faults=FaultyFifth({"500": Fault("status", 500), **ACCEPTED})))
    run(server, tmp_path)
    sent, first = len(server.calls), samples(tmp_path)
    # when
    run(server, tmp_path)
    # then
    assert len(server.calls) == sent
    assert samples(tmp_path) == first


# Faults that last


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (Fault("status", 500), 3),
        (Fault("truncated_json"), 3),
        (Fault("reset"), 3),
        (Fault("status", 400, body="This option is not known."), 1),
    ],
    ids=["500", "truncated JSON", "reset", "400"],
)
def test_an_endpoint_that_always_fails_ends_the_run_with_one_message_after_few_calls(
    openai_server: Start, tmp_path: Path, fault: Fault, tries: int
) -> None:
    """Another tool repeated one deterministic 500 for 1,149 times."""
    server = openai_server(Plan(faults=lambda number, request: fault))
    with pytest.raises(EndpointError, match=f"failed on {GIVE_UP_AFTER} prompts in a row and was given up"):
        run(server, tmp_path, concurrency=4, max_retries=2)
    assert max(tries_of_calls(server).values()) <= tries
    assert len(server.calls) <= (GIVE_UP_AFTER + 4) * tries, "of 28 prompts, four at a time"


def test_an_endpoint_that_fails_to_fuse_ends_the_run_and_costs_no_candidate(
    openai_server: Start, tmp_path: Path
) -> None:
    # given an endpoint that fails for every fusion until it is healed
    healed = threading.Event()

    def faults(number: int, request: Request) -> Fault | None:
        return Fault("status", 500) if is_fusion(request) and not healed.is_set() else None

    server = openai_server(Plan(reply=reply, faults=faults))
    with pytest.raises(EndpointError, match="Finished calls are kept; run the same command again"):
        run(server, tmp_path, concurrency=4, max_retries=2)
    fusions = [call for call in server.calls if is_fusion(call.body)]
    assert len(fusions) <= (GIVE_UP_AFTER + 4) * 3
    # when the run is repeated
    healed.set()
    before = len(server.calls)
    run(server, tmp_path, concurrency=4, max_retries=2)
    # then only calls that were in flight when the run ended are made again, and each prompt is fused once
    made = {identify(call.body) for call in server.calls[:before] if not is_fusion(call.body)}
    again = made & {identify(call.body) for call in server.calls[before:] if not is_fusion(call.body)}
    assert len(again) <= 4, "as many as concurrency allows"
    assert sum(is_fusion(call.body) for call in server.calls[before:]) == PROMPTS


def test_one_prompt_that_always_fails_is_reported_and_is_all_that_is_asked_for_again(
    openai_server: Start, tmp_path: Path
) -> None:
    # given an endpoint that fails for one prompt until it is healed
    failing: list[str] = []
    healed = threading.Event()

    def faults(number: int, request: Request) -> Fault | None:
        if number == 3:
            failing.append(prompt_text(request))
        return Fault("status", 500) if prompt_text(request) in failing and not healed.is_set() else None

    server = openai_server(Plan(reply=reply, faults=faults))
    # when
    message = f"1 of {PROMPTS} prompts have no answer .* All others are kept"
    with pytest.raises(FusionEvalError, match=message):
        run(server, tmp_path, max_retries=2)
    # then it has been tried max_retries + 1 times, and the others once
    tries = Counter(
        identify(call.body) for call in server.calls if not (is_rating(call.body) or is_fusion(call.body))
    )
    assert len(tries) == PROMPTS
    assert tries.pop((failing[0], 0)) == 3
    assert set(tries.values()) == {1}
    # when the run is repeated, then no other candidate is asked for
    healed.set()
    before = len(server.calls)
    run(server, tmp_path, max_retries=2)
    sampled = [call for call in server.calls[before:] if not (is_rating(call.body) or is_fusion(call.body))]
    assert [prompt_text(call.body) for call in sampled] == failing
