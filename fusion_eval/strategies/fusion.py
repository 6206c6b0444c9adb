"""Fusion-of-N (FusioN, arXiv 2510.00931): an LLM writes one answer out of all candidates."""

from __future__ import annotations

import dataclasses
import functools
import random
from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.strategies.fused_text import read_fused
from fusion_eval.strategies.fusor_prompt import load_template, render
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.refusal import is_refusal
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.strategies.specs import format_spec
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Sampling, prompt_of

COMPARISON_TOKENS = 1024
"""Room for the comparison that the prompt `paper` asks for before the answer."""


@dataclass(frozen=True, repr=False)
class Fusion:
    """Let a fusor write one answer out of all candidates.

    Options have the names of the model arguments; None leaves the value to those.

    Args:
        fusor_prompt: The name of a prompt that ships with the package, or the file of another one.
        fusor_temperature: The fusor's temperature.
        fusor_max_tokens: The most tokens that the fusor may write.

    Raises:
        ConfigError: The prompt cannot be read, or a number is out of its range.
    """

    uses: ClassVar = ("fusor", "prompt")

    fusor_prompt: str | None = None
    fusor_temperature: float | None = None
    fusor_max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.fusor_prompt is not None:
            load_template(self.fusor_prompt)
        if self.fusor_temperature is not None:
            number_reader(0, 5)("fusor_temperature", self.fusor_temperature)
        if self.fusor_max_tokens is not None:
            integer_reader(1)("fusor_max_tokens", self.fusor_max_tokens)

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own options in place of the model arguments."""
        return tools.override(
            template=self._template,
            fusor_temperature=self.fusor_temperature,
            fusor_max_tokens=self.fusor_max_tokens,
        )

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the fused answer. Fall back on a candidate if the fusor fails, refuses or writes nothing.

        Candidates are shown in an order that the seed and their texts decide. If they do not fit the fusor's context,
        the last ones are dropped.
        """
        tools = self.own_tools(tools)
        texts = [candidate.text.strip() for candidate in pool.usable]
        random.Random(f"{tools.sampling.seed}|{texts}").shuffle(texts)  # noqa: S311 - an order, not a secret
        for kept in range(len(texts), 0, -1):
            try:
                answer = _answer(pool, await _request(pool.prompt, texts[:kept], tools), tools)
            except ContextOverflowError:
                continue
            except RequestError as error:
                answer = fall_back(pool, f"the fusor's endpoint refused: {error}")
            return dataclasses.replace(answer, dropped=len(texts) - kept)
        answer = fall_back(pool, "not even one candidate fits the fusor's context")
        return dataclasses.replace(answer, dropped=len(texts))

    def __repr__(self) -> str:
        return format_spec(self)

    @functools.cached_property
    def _template(self) -> Template | None:
        return None if self.fusor_prompt is None else load_template(self.fusor_prompt)


async def _request(prompt: Prompt, texts: list[str], tools: Tools) -> Candidate:
    """Ask the fusor once, with these candidates."""
    written = render(tools.template, prompt, candidates=texts, language=tools.language)
    room = tools.sampling.max_tokens + (COMPARISON_TOKENS if tools.template.bracketed else 0)
    sampling = Sampling(
        max_tokens=tools.fusor_max_tokens or room,
        temperature=tools.fusor_temperature,
        seed=tools.sampling.seed,
        stop=_stops(tools),
    )
    return (await tools.fusor.sample(prompt_of(written, chat=tools.fusor.chat), sampling, 1))[0]


def _stops(tools: Tools) -> tuple[str, ...]:
    """Return stop strings for plain text only.

    A chat reply may hold more than the answer, so the answer is cut at the task's stop strings later.
    """
    if tools.fusor.chat or tools.template.bracketed:
        return ()
    return (*tools.template.stop, *tools.sampling.stop)


def _answer(pool: Pool, reply: Candidate, tools: Tools) -> Answer:
    """Read the answer out of the fusor's reply, or fall back."""
    calls = (reply,)
    if reply.error:
        return fall_back(pool, f"the fusor failed: {reply.error}", calls)
    fused = read_fused(cut_at_stop(reply.text, _stops(tools)), bracketed=tools.template.bracketed)
    unfilled = fused.answer.startswith("<") and f"[[ {fused.answer} ]]" in tools.template.source
    if not fused.answer or unfilled:
        return fall_back(pool, f"the fusor wrote no answer ({reply.finish_reason})", calls)
    if reply.finish_reason in ("refusal", "content_filter") or is_refusal(
        fused.answer, [candidate.text for candidate in pool.usable]
    ):
        return fall_back(pool, "the fusor refused", calls)
    departures = fused.departures + (("truncated",) if reply.finish_reason == "length" else ())
    return Answer(fused.answer, calls=calls, comparison=fused.comparison, departures=departures)
