"""Self-Refine: the model criticizes the best answer and rewrites it, for some rounds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.strategies.asking import ask, failure, made, problem
from fusion_eval.strategies.fusor_prompt import shipped
from fusion_eval.strategies.interface import Scorer, Tools, fall_back
from fusion_eval.strategies.ranking import best_first
from fusion_eval.strategies.specs import format_spec
from fusion_eval.strategies.stand_ins import read_reply
from fusion_eval.types import Answer, Candidate, Pool, Sampling

_VERDICT = re.compile(r"\[\[(CHANGE|KEEP)\]\][\s*_.`]*\Z")


@dataclass(frozen=True, repr=False)
class Refine:
    """Improve the candidate with the best score: feedback on the draft, then a new draft, in each round.

    Source: Self-Refine (Madaan et al. 2023, arXiv 2303.17651, algorithm 1). A round sees the earlier drafts with their
    feedback, and the feedback can end the loop.

    Deviations from the source:

    - The first draft is the best candidate of the pool.
    - The prompts are the same for all tasks and have no examples.
    - The temperature is the fusor's, not 0.7.

    Args:
        rounds: The most rounds; each costs two calls.
        by: Rates the candidates; None leaves the choice to the model argument `scorer=`.
        max_tokens: The most tokens of a feedback.

    Raises:
        ConfigError: `rounds` or `max_tokens` is below 1.
    """

    uses: ClassVar = ("fusor", "scorer")

    rounds: int = 1
    by: Scorer | None = None
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        integer_reader(1)("rounds", self.rounds)
        integer_reader(1)("max_tokens", self.max_tokens)

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own scorer, if it has one."""
        return tools.override(scorer=self.by)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the last draft. A round that fails ends the loop: the draft before it counts, as a fallback.

        `Answer.chosen` is set where the feedback keeps the candidate as it stands. A pool without scores starts from
        the candidate that its model found likeliest.
        """
        tools = self.own_tools(tools)
        scored = await tools.scorer(pool, tools)
        ranked = best_first(scored.scores)
        start = replace(
            fall_back(pool, "no candidate could be scored", scorer_calls=scored.calls), scores=scored.scores
        )
        if ranked:
            start = replace(start, text=pool.usable[ranked[0]].text, chosen=ranked[0], fallback=None)
        answer = start
        # The seeds are new in each round: a draft that comes back unchanged gets new feedback.
        first = tools.sampling.seed + len(pool.candidates)
        history: list[str] = []
        for seed in range(first, first + self.rounds):
            feedback = await _ask(pool, "refine_feedback", answer.text, tools, seed, self.max_tokens)
            answer = replace(answer, calls=(*answer.calls, *made([feedback])))
            criticism, verdict = read_reply(feedback.text, _read, (feedback.text, "CHANGE"))
            if verdict is None:
                return replace(answer, fallback=failure(feedback) or "the feedback has no verdict at its end")
            if verdict == "KEEP":
                break
            room = tools.fusor_max_tokens or tools.sampling.max_tokens
            reply = await _ask(
                pool, "refine", answer.text, tools, seed, room, feedback=criticism, history=tuple(history)
            )
            history += [answer.text, criticism]
            answer = replace(answer, calls=(*answer.calls, *made([reply])))
            if failed := problem(reply, reply.text.strip(), [answer.text]):
                return replace(answer, fallback=failed)
            cut = ("truncated",) if reply.finish_reason == "length" else ()
            answer = replace(answer, text=reply.text.strip(), chosen=None, departures=cut)
        return answer

    def __repr__(self) -> str:
        return format_spec(self)


def _read(feedback: str) -> tuple[str, str | None]:
    """Return the criticism and the verdict at the end of a feedback; None if it has no verdict."""
    found = _VERDICT.search(feedback)
    return (feedback[: found.start()].strip(), found[1]) if found else (feedback, None)


async def _ask(
    pool: Pool, template: str, draft: str, tools: Tools, seed: int, max_tokens: int, **variables: object
) -> Candidate:
    sampling = Sampling(max_tokens, tools.fusor_temperature, seed)
    texts = [draft.strip()]
    [reply], _ = await ask(
        tools.fusor, shipped(template), pool.prompt, texts, tools, sampling, variables=variables
    )
    return reply
