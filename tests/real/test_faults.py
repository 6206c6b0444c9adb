"""Whole runs against an endpoint that fails: every prompt is answered, the scores stay, and no call is wasted."""

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
from fusion_eval.harness import run as running
from fusion_eval.models import limited
from fusion_eval.models.endpoint import GIVE_UP_AFTER
from fusion_eval.report.outcome import Outcome
from fusion_eval.runs.traces import read_traces

Start = Callable[[Plan], Server]
TASKS, PROMPTS, N = ("fusion_demo_fr", "fusion_demo_ja"), 28, 5
STRATEGIES = ("single", "bon", "fusion")
RETRIES, TIMEOUT = 5, 2.0


def written(text: str, finish_reason: str, tokens: int) -> dict[str, Any]:
    """A reply with one choice for a plain completion, whatever was asked."""
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
    "no text": Fault("status", 200, body=written("", "stop", 0)),
    "cut short": Fault("status", 200, body=written("The answer beg", "length", 3)),
    "no choices": Fault("status", 200, body={"choices": []}),
}
"""These are no answers: the same call is made once more for each of them."""
ACCEPTED = {"wrong content type": Fault("wrong_content_type")}
"""These are answers, as those with fewer choices are: what they lack is asked for by another call, if anything."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "FIRST_PAUSE", 0.01)


def reply(request: Request, index: int) -> Reply:
    """A rating, a fusion or a translation, as asked.

    A pure function of the request. One in 20 is a refusal and one in 20 has another form than was asked for: that is what
    the model wrote, not a failure of the call, so it is the same in every run and is neither repeated nor replaced.
    """
    text = default_reply(request, index)
    luck = zlib.crc32(text.encode())
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


def asked(request: Request) -> tuple[str, int]:
    """Which call it is: the prompt and the seed. How many choices at once may differ from one try to the next."""
    return prompt_text(request), request["seed"]


class FaultyFifth:
    """Faults on a fifth of the calls, of all `kinds` in turn; a call that failed three times is let through.

    Whether a call fails is a function of the call and of how often it came before, not of the order in which calls
    arrive. `given` counts the kinds.
    """

    def __init__(self, kinds: dict[str, Fault]) -> None:
        self.given: Counter[str] = Counter()
        self._came: Counter[tuple[str, int]] = Counter()
        self._kinds = itertools.cycle(kinds.items())
        self._fewer = itertools.cycle([True, False])

    def __call__(self, number: int, request: Request) -> Fault | None:
        call = asked(request)
        self._came[call] += 1
        if self._came[call] > 3 or random.Random(f"{call} {self._came[call]}").random() >= 0.2:
            return None
        if request.get("n", 1) > 1 and next(
            self._fewer
        ):  # what only calls for a pool can show, half of them do
            kind, fault = "fewer choices", Fault("fewer_choices")
        else:
            kind, fault = next(self._kinds)
        self.given[kind] += 1
        return fault


def run(server: Server, folder: Path, **model_args: object) -> Outcome | None:
    plan = running.Plan(
        output=folder / "out",
        tasks=TASKS,
        strategies=STRATEGIES,
        model_args={
            "model": "test-model", "base_url": server.base_url, "n": N, "timeout": TIMEOUT, "max_retries": RETRIES,
            "cache": str(folder / "store.sqlite"), **model_args,
        },
    )  # fmt: skip
    return running.run(plan, lambda line: None)


def results(folder: Path) -> dict[str, Any]:
    """The newest results file of each strategy."""
    files = {name: max((folder / "out" / name).rglob("results_*.json")) for name in STRATEGIES}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}


def samples(folder: Path) -> dict[str, bytes]:
    """The newest sample file of each strategy and task."""
    found = sorted((folder / "out").rglob("samples_*.jsonl"))
    return {
        f"{path.relative_to(folder / 'out').parts[0]} {path.name[:22]}": path.read_bytes() for path in found
    }


def texts(folder: Path, strategy: str) -> list[object]:
    """What the models wrote, and what became of it, by prompt; tokens and seconds differ with how a pool was asked for."""

    def written(generations: tuple[Any, ...]) -> list[object]:
        return [(made.text, made.seed, made.finish_reason, made.error) for made in generations]

    return [
        (trace.task, trace.doc_id, trace.final, trace.answer.scores, trace.answer.chosen, trace.answer.fallback,
         written(trace.pool.candidates), written(trace.answer.calls))
        for trace in read_traces(folder / "out" / strategy / "traces.jsonl")
    ]  # fmt: skip


def times_asked(server: Server) -> Counter[tuple[str, int]]:
    return Counter(asked(call.body) for call in server.calls)


def test_faults_of_every_kind_on_a_fifth_of_the_calls_change_no_score(
    openai_server: Start, tmp_path: Path
) -> None:
    """Other tools lose such calls, score them as empty answers, or pass the fault on as a result."""
    faults = FaultyFifth(REPEATED | ACCEPTED)
    sound, faulty = openai_server(Plan(reply=reply)), openai_server(Plan(reply=reply, faults=faults))
    run(sound, tmp_path / "sound")
    outcome = run(faulty, tmp_path / "faulty")

    # Every kind came, to about a fifth of the calls.
    assert set(faults.given) == {*REPEATED, *ACCEPTED, "fewer choices"}
    assert 0.12 < faults.given.total() / len(faulty.calls) < 0.28
    # Every prompt is answered, by the same texts, with the same scores.
    expected, got = results(tmp_path / "sound"), results(tmp_path / "faulty")
    for strategy in STRATEGIES:
        assert got[strategy]["results"] == expected[strategy]["results"]
        assert texts(tmp_path / "faulty", strategy) == texts(tmp_path / "sound", strategy)
        assert len(texts(tmp_path / "faulty", strategy)) == PROMPTS
    assert samples(tmp_path / "faulty") == samples(tmp_path / "sound")
    assert (
        len({json.dumps(got[strategy]["results"]["fusion_demo_fr"]["chrf,none"]) for strategy in STRATEGIES})
        == 3
    )
    # Nothing counts as failed; the refusals of the fusor and the judge are counted, as in the sound run.
    assert outcome is not None
    for strategy, totals in outcome.totals.items():
        counted = expected[strategy]["config"]["totals"]
        assert (totals.prompts, totals.candidates, totals.failed_candidates) == (PROMPTS, PROMPTS * N, 0)
        assert (totals.fallbacks, totals.departures) == (counted["fallbacks"], counted["departures"])
    assert outcome.totals["fusion"].fallbacks > 0
    # A fault that is no answer costs one more call, and nothing else does: retries have one owner.
    repeated = sum(faults.given[kind] for kind in REPEATED)
    assert len(faulty.calls) - len(times_asked(faulty)) == repeated
    # Each is counted, in the results files too; the pool is the same in all three.
    own = {
        (strategy, role): used.retries
        for strategy, totals in outcome.totals.items()
        for role, used in totals.roles.items()
    }
    assert own["single", "sampler"] == own["fusion", "sampler"] > 0
    assert own["single", "sampler"] + own["bon", "scorer"] + own["fusion", "fusor"] == repeated
    assert got["fusion"]["config"]["totals"]["roles"]["fusor"]["retries"] == own["fusion", "fusor"] > 0
    assert set(times_asked(sound).values()) == {1}


def test_a_finished_run_is_not_done_again(openai_server: Start, tmp_path: Path) -> None:
    """Other tools take it up for ever, or ask once more for what failed on the way."""
    server = openai_server(Plan(reply=reply, faults=FaultyFifth({"500": Fault("status", 500), **ACCEPTED})))
    run(server, tmp_path)
    made, first = len(server.calls), samples(tmp_path)

    run(server, tmp_path)

    assert len(server.calls) == made
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
def test_a_deterministic_failure_ends_the_run_with_one_message_after_few_calls(
    openai_server: Start, tmp_path: Path, fault: Fault, tries: int
) -> None:
    """Others have repeated one deterministic 500 for 1,149 times."""
    server = openai_server(Plan(faults=lambda number, request: fault))

    with pytest.raises(EndpointError, match=f"failed on {GIVE_UP_AFTER} prompts in a row and was given up"):
        run(server, tmp_path, concurrency=4, max_retries=2)

    assert max(times_asked(server).values()) <= tries, "max_retries + 1, whoever might want to retry"
    assert len(server.calls) <= (GIVE_UP_AFTER + 4) * tries, "of 28 prompts, four at a time"


def test_an_endpoint_that_always_fails_to_fuse_ends_the_run_and_costs_no_candidate(
    openai_server: Start, tmp_path: Path
) -> None:
    well = threading.Event()

    def fails(number: int, request: Request) -> Fault | None:
        return Fault("status", 500) if is_fusion(request) and not well.is_set() else None

    server = openai_server(Plan(reply=reply, faults=fails))
    with pytest.raises(EndpointError, match="What is finished is kept; run again to go on"):
        run(server, tmp_path, concurrency=4, max_retries=2)
    fusions = [call for call in server.calls if is_fusion(call.body)]
    assert len(fusions) <= (GIVE_UP_AFTER + 4) * 3

    well.set()
    before = len(server.calls)
    run(server, tmp_path, concurrency=4, max_retries=2)
    assert all(is_fusion(call.body) for call in server.calls[before:])
    assert len(server.calls) - before <= PROMPTS


def test_one_prompt_that_always_fails_is_named_and_is_all_that_a_run_again_asks_for(
    openai_server: Start, tmp_path: Path
) -> None:
    poison: list[str] = []
    well = threading.Event()

    def fails(number: int, request: Request) -> Fault | None:
        if number == 3:
            poison.append(prompt_text(request))
        return Fault("status", 500) if prompt_text(request) in poison and not well.is_set() else None

    server = openai_server(Plan(reply=reply, faults=fails))
    with pytest.raises(
        FusionEvalError, match=f"1 of {PROMPTS} prompts have no answer .* All others are kept"
    ):
        run(server, tmp_path, max_retries=2)
    times = times_asked(server)
    assert len(times) == PROMPTS
    assert times.pop((poison[0], 0)) == 3, "max_retries + 1"
    assert set(times.values()) == {1}

    well.set()
    before = len(server.calls)
    run(server, tmp_path, max_retries=2)
    sampled = [call for call in server.calls[before:] if not (is_rating(call.body) or is_fusion(call.body))]
    assert [prompt_text(call.body) for call in sampled] == poison
