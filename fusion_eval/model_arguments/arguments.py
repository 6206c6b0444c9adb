"""The model arguments as a value, and the form in which a results file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from fusion_eval.argument_values import Off, runs_in_llama_cpp
from fusion_eval.text.specs import spec_name

TEACHERS_TEMPERATURE = 0.3
"""The FusioN paper's, for one candidate from each of several teachers (arXiv 2510.00931)."""
HEDGED_TEMPERATURE = 0.7
"""The lowest of those that hedged sampling recommends beside a greedy candidate, 0.7 to 0.9 (arXiv 2506.20544)."""


@dataclass(frozen=True, slots=True)
class ModelArguments:
    """Model arguments after checking. None means that the task, the model or a default decides."""

    model: tuple[str, ...] = ("embedded",)
    base_url: tuple[str, ...] | None = None
    """Addresses that serve the models; None is a provider."""
    api_key_env: str | None = None
    """The variable that holds the key, or `A|B`, one for each address. None is no key, except for OpenAI."""
    completion: bool = False
    n: int = 5
    temperature: tuple[float, ...] | None = None
    top_p: float | None = None
    min_p: float | None = None
    sampling: Literal["hedged", "teachers"] | None = None
    """A preset of temperatures; `candidate_temperatures` spells it out."""
    weights: tuple[int, ...] | None = None
    """For each model, how many turns it has in the cycle; None is one each."""
    system_prompts: tuple[Path, ...] | None = None
    """Files with system prompts, which the candidates take in turn."""
    adaptive: bool | None = None
    """Whether sampling stops once the leading answer is safe; None is no."""
    cross_lingual: int | None = None
    """How many of the n candidates are for the same item's prompt in English; None is none."""
    seed: int = 0
    max_tokens: int | None = None
    fusor: str | None = None
    fusor_base_url: tuple[str, ...] | Off | None = None
    """None is `base_url`, and OFF a provider. `scorer_base_url` has the same values."""
    fusor_api_key_env: str | None = None
    fusor_temperature: float = 0.0
    fusor_max_tokens: int | None = None
    fusor_prompt: str | None = None
    scorer: str | None = None
    """The scorer as a spec: `chrf`, `judge(temperature=0.5)`."""
    scorer_model: str | None = None
    scorer_base_url: tuple[str, ...] | Off | None = None
    scorer_api_key_env: str | None = None
    scorer_temperature: float | None = None
    scorer_max_tokens: int | None = None
    concurrency: int = 64
    timeout: float = 120.0
    max_retries: int = 5
    price_in: float | None = None
    price_out: float | None = None
    """US dollars for a million tokens, read and written, of a model whose price is not known otherwise."""
    budget: float | None = None
    cache: Path | Off | None = None
    """The store's file; None is the default place, and OFF keeps nothing."""
    offline: bool = False
    """Whether the store answers every request; a request that it cannot answer ends the run."""
    trace_dir: Path | None = None
    harness_arguments: Mapping[str, object] = field(default_factory=dict)
    """The arguments that are left over for `lm_eval:` models, with the harness's own."""

    @property
    def samples_locally(self) -> bool:
        """Whether llama.cpp in this process draws all candidates, with their log-probabilities."""
        return all(runs_in_llama_cpp(name) for name in self.model)

    @property
    def turns(self) -> tuple[str, ...]:
        """The models in the order in which they sample, as one cycle.

        With weights, every model has its first turn before any has its second: 2|1|1 for a|b|c gives a, b, c, a.
        """
        weights = self.weights or (1,) * len(self.model)
        return tuple(
            name
            for turn in range(max(weights))
            for name, weight in zip(self.model, weights, strict=True)
            if turn < weight
        )

    @property
    def candidate_temperatures(self) -> tuple[float, ...] | None:
        """The temperatures of the candidates, which are cycled; None where the task or the default decides.

        `hedged` has one greedy candidate, the first (arXiv 2506.20544).
        """
        if self.sampling == "hedged":
            return (0.0, *(self.temperature or (HEDGED_TEMPERATURE,)) * (self.n - 1))
        return (TEACHERS_TEMPERATURE,) if self.sampling == "teachers" else self.temperature

    @property
    def scorer_spec(self) -> str:
        """The scorer of `bon`, with its options. The default is `logprob` if the sampler always reports it, else `judge`."""
        spec = (self.scorer or ("logprob" if self.samples_locally else "judge")).strip().removesuffix("()")
        options = {"temperature": self.scorer_temperature, "max_tokens": self.scorer_max_tokens}
        added = ",".join(f"{name}={value!r}" for name, value in options.items() if value is not None)
        if not added:
            return spec
        return f"{spec[:-1]},{added})" if spec.endswith(")") else f"{spec}({added})"

    @property
    def scorer_name(self) -> str:
        """The name of the scorer, without its options."""
        return spec_name(self.scorer_spec)


def public(arguments: ModelArguments) -> dict[str, object]:
    """Return the arguments as they go into a results file: JSON values, without those that are None.

    Arguments of an `lm_eval:` model can hold a key, so only its type is kept. The model's identity tells the rest.
    """
    values = {item.name: getattr(arguments, item.name) for item in fields(arguments)}
    del values["harness_arguments"]
    for name in ("base_url", "fusor_base_url", "scorer_base_url"):
        if isinstance(values[name], tuple):
            values[name] = "|".join(values[name])
    return {name: _public_value(value) for name, value in values.items() if value is not None}


def _public_value(value: object) -> object:
    if isinstance(value, tuple):
        return [_public_value(part) for part in value]
    if isinstance(value, str) and value.startswith("lm_eval:"):
        return value.partition(",")[0]
    return value.value if isinstance(value, Off) else str(value) if isinstance(value, Path) else value
