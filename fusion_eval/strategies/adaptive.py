"""Draw a pool that stops growing once its leading answer is safe: adaptive consistency (arXiv 2305.11860)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusion_eval.errors import ConfigError
from fusion_eval.models import Model
from fusion_eval.stats.adaptive_consistency import fewest_further
from fusion_eval.strategies.sampler import NEEDS_TASK, cut_at_stop, draw_range
from fusion_eval.strategies.votes import tally
from fusion_eval.types import Candidate, Pool, Prompt, Sampling


async def draw_adaptively(
    models: Sequence[Model],
    temperatures: Sequence[float],
    prompt: Prompt,
    sampling: Sampling,
    n: int,
    system_prompts: Sequence[str] = (),
    *,
    extract: Callable[[str], str | None] | None,
) -> Pool:
    """Draw candidates until the Beta criterion is met, n at most.

    The pool is the one that drawing one candidate at a time would give, and a prefix of the one that `draw` gives. Each
    batch is as large as it can be without a candidate that drawing one at a time would spare.

    Args:
        models: The models, which take turns.
        temperatures: The candidates' temperatures, cycled.
        prompt: What to ask.
        sampling: The other sampling options.
        n: The most candidates.
        system_prompts: The candidates' system prompts, cycled.
        extract: Extracts the answer from a reply, as the task does. A candidate that failed or gives no answer counts
            for none.

    Raises:
        ConfigError: There is no `extract`.
    """
    if extract is None:
        raise ConfigError(NEEDS_TASK["adaptive"])
    candidates: tuple[Candidate, ...] = ()
    answers: list[str | None] = []
    while further := min(_fewest_further(answers), n - len(candidates)):
        places = range(len(candidates), len(candidates) + further)
        batch = await draw_range(models, temperatures, prompt, sampling, places, system_prompts)
        answers += [extract(cut_at_stop(one.text, sampling.stop)) for one in batch if one.error is None]
        candidates += batch
    return Pool(prompt, candidates)


def _fewest_further(answers: Sequence[str | None]) -> int:
    first, second, *_ = [*sorted(map(int, tally(answers).values()), reverse=True), 0, 0]
    return fewest_further(first, second)
