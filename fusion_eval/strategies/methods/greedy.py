"""A control: what the first model answers without chance."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from fusion_eval.errors import RequestError
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Greedy:
    """Ask the first of the models that sample once more, at temperature 0.

    The other options of the sampling are those of the pool. The pool itself is only used where the model fails.
    """

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the model's answer at temperature 0. Fall back on a candidate if the model fails."""
        sampling = dataclasses.replace(tools.sampling, temperature=0.0)
        try:
            [reply] = await tools.samplers[0].sample(pool.prompt, sampling, 1)
        except RequestError as error:
            return fall_back(pool, f"the model failed at temperature 0: {error}")
        if reply.error:
            reason = f"the model failed at temperature 0: {reply.error}"
            return dataclasses.replace(fall_back(pool, reason, (reply,)), sampler_calls=1)
        return Answer(reply.text, calls=(reply,), sampler_calls=1)

    def __repr__(self) -> str:
        return format_spec(self)
