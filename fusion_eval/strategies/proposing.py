"""Let the models that drew a pool write new proposals out of texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.asking import ask, made, refusal_in
from fusion_eval.strategies.fusing import stops_for
from fusion_eval.strategies.fusor_prompt import prompt_to_write
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.types import ALTERNATIVES, Candidate, Pool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal to write: its place in its round, the round, and the texts that it is written from."""

    place: int
    round: int
    texts: tuple[str, ...]


async def propose(
    proposals: Sequence[Proposal], prompt: str, pool: Pool, tools: Tools
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Write the proposals of one round, all at once.

    Samplers and temperatures take turns, as they do when they draw candidates. Proposals of one model at one
    temperature from the same texts are one request for several replies, so that no reply counts twice. Seeds are
    beyond the pool's, and other ones in each round.

    Args:
        proposals: What to write.
        prompt: The name of the shipped prompt; see `prompt_to_write`.
        pool: The pool of the prompt.
        tools: The samplers and how they sampled.

    Returns:
        All replies to accepted requests, and those that can be used: not failed, not empty and no refusal.
    """
    by_identity = {model.identity: model for model in tools.samplers}
    temperatures = tools.temperatures or (tools.sampling.temperature,)
    stride = max(len(pool.drawn), len(proposals))
    groups: dict[tuple[str, float, tuple[str, ...]], list[Proposal]] = {}
    for proposal in proposals:
        model = tools.samplers[proposal.place % len(tools.samplers)]
        temperature = temperatures[proposal.place % len(temperatures)]
        groups.setdefault((model.identity, temperature, proposal.texts), []).append(proposal)
    asked = await gather_or_cancel(
        _ask(group, by_identity[identity], temperature, prompt, pool, tools, stride)
        for (identity, temperature, _), group in groups.items()
    )
    in_order = {
        proposal.place: reply
        for group, replies in zip(groups.values(), asked, strict=True)
        for proposal, reply in zip(group, replies, strict=True)
    }
    replies = [in_order[proposal.place] for proposal in proposals]
    usable = (_proposal(reply, pool, tools) for reply in replies)
    return made(replies), tuple(candidate for candidate in usable if candidate is not None)


async def _ask(
    group: Sequence[Proposal],
    model: Model,
    temperature: float,
    prompt: str,
    pool: Pool,
    tools: Tools,
    stride: int,
) -> list[Candidate]:
    first, template = group[0], prompt_to_write(prompt, chat=model.chat)
    sampling = dataclasses.replace(
        tools.sampling,
        temperature=temperature,
        seed=tools.sampling.seed + first.round * stride + first.place,
        stop=stops_for(model, template, tools),
        logprobs=False,
        extra=tuple(option for option in tools.sampling.extra if option[0] != ALTERNATIVES),
    )
    replies, _ = await ask(model, template, pool.prompt, first.texts, tools, sampling, len(group), fewest=1)
    return replies


def _proposal(reply: Candidate, pool: Pool, tools: Tools) -> Candidate | None:
    """Return a reply as a candidate, cut at the task's stop strings; None if it cannot be used."""
    text = cut_at_stop(reply.text, tools.sampling.stop).strip()
    if reply.error or not text or refusal_in(text, reply, [candidate.text for candidate in pool.evidence]):
        return None
    return msgspec.structs.replace(reply, text=text)
