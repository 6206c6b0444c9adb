"""The chat model with its real weights: sampler, fusor, scorer and judge, with few tokens."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from local_judge import open_run

from fusion_eval.cli.main import main
from fusion_eval.harness.lm import BestOfNLM, FusionLM
from fusion_eval.models.embedded.door import has_chat_template, open_embedded
from fusion_eval.models.embedded.weights import QWEN
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Candidate, Message, Prompt, Sampling, Trace

QUESTION = "Reply with one word. What is the capital of France?"
MODEL = "qwen-coder-1.5b"

pytestmark = pytest.mark.usefixtures("chat_weights")


def ask(prompt: Prompt, n: int) -> list[Candidate]:
    """Sample once from the chat model, and close it."""

    async def sample_and_close() -> list[Candidate]:
        model = open_embedded(MODEL)
        try:
            return await model.sample(prompt, Sampling(max_tokens=6, temperature=0.7, seed=0), n)
        finally:
            await model.close()

    return asyncio.run(sample_and_close())


def answer(strategy: type[FusionLM] | type[BestOfNLM], folder: Path, **arguments: object) -> Trace:
    """Answer the question with a strategy, and return the trace."""
    from lm_eval.api.instance import Instance

    request = Instance(
        "generate_until", {}, (QUESTION, {"until": ["\n"], "max_gen_toks": 6}), 0, ("task", 0, 1)
    )
    lm = strategy(trace_dir=str(folder), cache=str(folder / "store.sqlite"), n=2, **arguments)
    [text] = lm.generate_until([request])
    [trace] = read_traces(folder / "traces.jsonl")
    assert trace.final == text
    return trace


def test_it_answers_chat_messages_with_its_own_template(chat_weights: Path) -> None:
    # given
    messages = (Message("system", "You are a geographer."), Message("user", QUESTION))
    # when
    candidates = ask(Prompt(messages=messages), 2)
    # then
    assert has_chat_template(chat_weights)
    assert all("Paris" in candidate.text for candidate in candidates)
    assert all(candidate.mean_logprob is not None for candidate in candidates)


def test_it_fuses_the_candidates_of_the_base_model(weights: Path, tmp_path: Path) -> None:
    # when
    trace = answer(FusionLM, tmp_path, model="embedded", fusor=MODEL, fusor_prompt="direct")
    # then
    assert {candidate.model for candidate in trace.pool.candidates} == {"embedded"}
    assert [call.model for call in trace.answer.calls] == [MODEL]
    assert "Paris" in trace.final


def test_its_default_prompt_as_a_fusor_is_the_paper_s(tmp_path: Path) -> None:
    trace = answer(FusionLM, tmp_path, model=MODEL, fusor_max_tokens=24)

    assert [call.model for call in trace.answer.calls] == [MODEL]
    assert trace.answer.calls[0].text.startswith("Comparison:")


def test_it_rates_candidates_as_a_scorer(weights: Path, tmp_path: Path) -> None:
    trace = answer(
        BestOfNLM, tmp_path, model="embedded", scorer="judge", scorer_model=MODEL, scorer_max_tokens=64
    )

    assert {call.model for call in trace.answer.calls} == {MODEL}
    assert len(trace.answer.scores) == 2


def test_it_judges_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    runs = [
        open_run(tmp_path / name, [text], prompt=["What is the capital of France?"])
        for name, text in (
            ("right", "Paris is the capital of France."),
            ("wrong", "I do not like questions."),
        )
    ]
    # when
    code = main(
        [
            "judge",
            *map(str, runs),
            "--judge",
            MODEL,
            "--judge_args",
            "cache=off",
            "--output",
            str(tmp_path / "o"),
        ]
    )
    # then
    assert code == 0, capsys.readouterr()
    assert (tmp_path / "o" / "verdicts.jsonl").read_text(encoding="utf-8").strip()


def test_no_module_of_the_weights_packages_is_imported() -> None:
    # given
    assert ask(Prompt(QUESTION), 1)
    # then
    modules = {name.partition("/")[0] for _, name in QWEN.parts}
    assert not modules & set(sys.modules)
