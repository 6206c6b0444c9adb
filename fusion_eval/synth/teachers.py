"""A pool of teachers that goes on without those that fail for good, as far as the job allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusion_eval.errors import EndpointError
from fusion_eval.models import Model
from fusion_eval.types import Candidate, Prompt, Sampling


class Teachers:
    """Watches the models of a pool: one that fails for good gives failed candidates from then on.

    Args:
        models: The models that sample.
        fewest: How many different models must be left.
        report: Is called with one sentence for each model that is given up.
    """

    def __init__(self, models: Sequence[Model], fewest: int, report: Callable[[str], None]) -> None:
        self._identities = {model.identity for model in models}
        self._fewest, self._report = fewest, report
        self.lost: dict[str, str] = {}
        """Why each model was given up, by identity."""
        self.models: tuple[Model, ...] = tuple(_Watched(model, self) for model in models)

    def lose(self, model: Model, error: EndpointError) -> str:
        """Give up a model and return why.

        Raises:
            EndpointError: Too few models would be left.
        """
        if model.identity in self.lost:
            return self.lost[model.identity]
        left = len(self._identities) - len(self.lost) - 1
        if left < self._fewest:
            others = "the other" if left == 1 else f"the {left} others"
            reason = str(error)
            if left:
                reason = f"{reason.rstrip('.')}; --min_teachers {left} would go on with {others}"
            raise EndpointError(reason) from error
        self.lost[model.identity] = str(error)
        rest = "one teacher goes on" if left == 1 else f"{left} teachers go on"
        self._report(f"{model.name} fails for good and is left out, {rest}: {error}")
        return str(error)


class _Watched:
    """One model of the pool."""

    def __init__(self, model: Model, teachers: Teachers) -> None:
        self.name, self.identity, self.chat = model.name, model.identity, model.chat
        self._model, self._teachers = model, teachers

    @property
    def max_n(self) -> int | None:
        return self._model.max_n

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return the model's candidates; failed ones once it was given up."""
        try:
            return await self._model.sample(prompt, sampling, n)
        except EndpointError as error:
            reason = self._teachers.lose(self._model, error)
        return [
            Candidate("", self.name, seed, finish_reason="error", error=reason)
            for seed in range(sampling.seed, sampling.seed + n)
        ]

    async def close(self) -> None:
        await self._model.close()
