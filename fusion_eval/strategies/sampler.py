"""Draw a pool: n candidates for a prompt, from one model or from several teachers; cut texts at stop strings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.system_prompts import with_system_prompt
from fusion_eval.types import Candidate, Pool, Prompt, Sampling

NEEDS_TASK = {
    "adaptive": "adaptive=true stops by the answers that a task extracts from replies, and there is no task here; leave it out",
    "cross_lingual": "cross_lingual= draws for the prompt of the same task in English, and there is no task here; leave it out",
}
"""For each model argument that needs a task to draw a pool, why it does."""


def check_needs_no_task(arguments: ModelArguments) -> None:
    """Raise a ConfigError for model arguments by which a pool cannot be drawn for a prompt alone."""
    for name, reason in NEEDS_TASK.items():
        if getattr(arguments, name):
            raise ConfigError(reason)


async def draw(
    models: Sequence[Model],
    temperatures: Sequence[float],
    prompt: Prompt,
    sampling: Sampling,
    n: int,
    system_prompts: Sequence[str] = (),
) -> Pool:
    """Draw n candidates.

    The i-th comes from the i-th model at the i-th temperature with the i-th system prompt, all three cycled.
    Candidates of one model at one temperature with one system prompt are requested together and have consecutive
    seeds. So a larger n keeps the candidates of a smaller n, and a model that is named twice gives no candidate twice.
    """
    candidates = await draw_range(models, temperatures, prompt, sampling, range(n), system_prompts)
    return Pool(prompt, candidates)


async def draw_range(
    models: Sequence[Model],
    temperatures: Sequence[float],
    prompt: Prompt,
    sampling: Sampling,
    places: range,
    system_prompts: Sequence[str] = (),
) -> tuple[Candidate, ...]:
    """Draw the candidates at some places of a pool; the same ones that `draw` gives there."""
    systems = system_prompts or ("",)
    if (
        len(models) == len(temperatures) == len(systems) == 1
    ):  # most pools: one request, and nothing to put in order
        own = _from(sampling, temperatures[0], places.start)
        return tuple(await models[0].sample(with_system_prompt(prompt, systems[0]), own, len(places)))
    by_identity = {model.identity: model for model in models}
    groups: dict[tuple[str, float, str], list[int]] = {}
    for i in range(places.stop):
        model, temperature = models[i % len(models)], temperatures[i % len(temperatures)]
        groups.setdefault((model.identity, temperature, systems[i % len(systems)]), []).append(i)
    wanted = {group: [i for i in members if i in places] for group, members in groups.items()}
    wanted = {group: members for group, members in wanted.items() if members}
    drawn = await gather_or_cancel(
        by_identity[identity].sample(
            with_system_prompt(prompt, system),
            _from(sampling, temperature, groups[identity, temperature, system].index(members[0])),
            len(members),
        )
        for (identity, temperature, system), members in wanted.items()
    )
    ordered: dict[int, Candidate] = {}
    for members, candidates in zip(wanted.values(), drawn, strict=True):
        ordered |= dict(zip(members, candidates, strict=True))
    return tuple(ordered[i] for i in places)


def _from(sampling: Sampling, temperature: float, place: int) -> Sampling:
    """Return the sampling options at a temperature, with the seed of the candidate at a place of its group."""
    if temperature == sampling.temperature and not place:
        return sampling
    return dataclasses.replace(sampling, temperature=temperature, seed=sampling.seed + place)


def cut_pool(pool: Pool, stops: Sequence[str]) -> Pool:
    """Return the pool with the texts of its candidates up to the first stop string; most pools hold none."""
    for candidate in pool.candidates:
        for stop in stops:
            if stop in candidate.text:
                cut_candidates = tuple([cut(each, stops) for each in pool.candidates])
                return Pool(pool.prompt, cut_candidates, pool.cross_lingual)
    return pool


def cut(candidate: Candidate, stops: Sequence[str]) -> Candidate:
    """Return the candidate with its text up to the first stop string."""
    text = cut_at_stop(candidate.text, stops)
    return candidate if text == candidate.text else msgspec.structs.replace(candidate, text=text)


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first stop string, because some endpoints ignore stop strings."""
    positions = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return text[: min(positions)] if positions else text
