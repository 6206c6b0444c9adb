"""Every strategy answers with the embedded model's real weights, and all eleven languages are among the prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.plugins import STRATEGIES, names
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.shares import solve_all
from fusion_eval.strategies.solver import Solver
from fusion_eval.text.specs import spec_name
from fusion_eval.types import Prompt, Sampling, Trace

LANGUAGES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "pt": "Portuguese", "ru": "Russian", "zh": "Chinese",
}  # fmt: skip
CHOOSING = (
    "single", "random", "longest", "bon", "bon(scorer=chrf)", "mbr", "majority", "weighted_majority(by=logprob)",
)  # fmt: skip
"""Strategies that need no call beside the pool's. They answer in every language."""
ASKING = (
    "greedy", "fusion", "usc(max_tokens=2)", "genselect(window=2,max_tokens=2)", "pairrank(budget=1n,max_tokens=2)",
    "chops(max_tokens=2)", "council(max_tokens=2)", "route", "rank_fusion(k=1,by=logprob)",
    "guarded_fusion(by=chrf)", "refine(by=logprob,max_tokens=4)", "moa(layers=1)", "rsa(population=3,k=2,rounds=1)",
)  # fmt: skip
"""Strategies that ask the model again, which takes a second a call. Each answers in one language, in turn."""


def questions(languages: Sequence[str]) -> list[Question]:
    """Return a short prompt for a base model in each language. The answer that votes count is a reply's first word."""
    sampling = Sampling(max_tokens=3, temperature=0.7, seed=0, stop=("\n",), logprobs=True)
    return [
        Question(
            task=f"greeting_{language}",
            doc_id=0,
            copy=0,
            language=language,
            prompt=Prompt(f"Dutch: Goedenacht.\n{LANGUAGES[language]}:"),
            sampling=sampling,
            temperatures=(0.7,),
            extract=lambda reply: next(iter(reply.split()), None),
        )
        for language in languages
    ]


def solve_each(weights: Path, runs: Sequence[tuple[str, Sequence[str]]]) -> list[Trace]:
    """Answer by each strategy in its languages, with one store and one model."""
    arguments = parse({"model": f"gguf:{weights}", "n": 2, "cache": "off", "fusor_max_tokens": 4})
    traces: list[Trace] = []

    async def solve() -> None:
        opener = Opener(arguments, Store(None))
        try:
            for strategy, languages in runs:
                solver = Solver(strategy, arguments, opener)
                await solve_all(questions(languages), solver, 8, lambda index, trace: traces.append(trace))
        finally:
            await opener.close()

    asyncio.run(solve())
    return traces


def test_no_strategy_is_left_out() -> None:
    assert {spec_name(strategy) for strategy in (*CHOOSING, *ASKING)} == set(names(STRATEGIES))


@pytest.mark.slow
def test_every_strategy_answers_with_real_weights(weights: Path) -> None:
    # given each strategy that chooses in all languages, and each other one in the next language
    languages = list(LANGUAGES)
    turns = [(strategy, [languages[i % len(languages)]]) for i, strategy in enumerate(ASKING)]
    # when
    traces = solve_each(weights, [*((strategy, languages) for strategy in CHOOSING), *turns])
    # then every prompt has an answer, which is a candidate or what the model wrote
    assert len(traces) == len(CHOOSING) * len(languages) + len(ASKING)
    assert {trace.language for trace in traces[-len(ASKING) :]} == set(languages)
    for trace in traces:
        answer, pool = trace.answer, trace.pool
        assert len(pool.usable) == 2, trace.strategy
        written = [call.text for call in answer.calls if call.error is None]
        if answer.chosen is not None:
            assert answer.text == pool.usable[answer.chosen].text
        else:
            assert any(answer.text.strip() in text for text in written), trace.strategy
        if spec_name(trace.strategy) in map(spec_name, CHOOSING):
            assert answer.calls == () and answer.fallback is None
    # and strategies that asked say so, unless there was nothing to ask about
    for trace in traces[-len(ASKING) :]:
        alike = len({candidate.text.strip() for candidate in trace.pool.usable}) == 1
        assert trace.answer.calls or trace.answer.fallback or alike or spec_name(trace.strategy) == "route"
