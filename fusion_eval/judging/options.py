"""Who judges, and how: the options of `fusion-eval judge`, checked and turned into a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fusion_eval.errors import ConfigError
from fusion_eval.judging.protocol import REPLY_TOKENS, Protocol, Swap, load_judge_template
from fusion_eval.model_arguments import ModelArguments, parse

_UNUSABLE_ARGUMENTS = (
    *("model", "base_url", "n", "top_p", "min_p", "trace_dir"),
    *("sampling", "weights", "system_prompts", "adaptive", "cross_lingual"),
)
_REPEAT_TEMPERATURE = 0.7
"""The default temperature of repeats. At 0 a judge would only repeat itself."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Who judges, and how. The defaults are those of `fusion-eval judge`."""

    judge: str
    """A model's name, or several names joined by `|` for a panel."""
    judge_base_url: object = None
    """The address of an endpoint, or of several: a list, or `a|b`."""
    judge_args: Mapping[str, object] = field(default_factory=dict)
    """Further model arguments, such as `concurrency` or `budget`."""
    judge_prompt: str = "helpfulness"
    swap: Swap = "both"
    scale: Literal[3, 5] = 3
    structured: bool = False
    repeats: int = 1

    def model_arguments(self) -> ModelArguments:
        """Return the arguments that the judges' models are opened with.

        Raises:
            ConfigError: An argument is unknown or has no use for a judge, or a judge is named twice or not at all.
        """
        for name in self.judge_args:
            if name in _UNUSABLE_ARGUMENTS or name.startswith(("fusor", "scorer")):
                raise ConfigError(
                    f"--judge_args {name}= has no use here: --judge and --judge_base_url name who judges, and judges draw no candidates"
                )
        names = self.judge.split("|")
        if not all(name.strip() for name in names):
            raise ConfigError(
                f"--judge {self.judge} names no model; it looks like gpt-4o, or a|b|c for a panel"
            )
        if len(set(names)) < len(names):
            raise ConfigError(f"--judge {self.judge} names one model twice, which would have two votes")
        temperature = 0.0 if self.repeats == 1 else _REPEAT_TEMPERATURE
        arguments: dict[str, object] = {"temperature": temperature, **self.judge_args}
        return parse({"model": self.judge, "base_url": self.judge_base_url, "n": len(names), **arguments})

    def protocol(self, arguments: ModelArguments, *, retry_unreadable: bool = True) -> Protocol:
        """Return how the judges are asked.

        Args:
            arguments: The result of `model_arguments`.
            retry_unreadable: Ask once more after a reply that cannot be read.

        Raises:
            ConfigError: The temperature or the template cannot be used.
        """
        if len(arguments.temperature or ()) > 1:
            raise ConfigError("--judge_args temperature= takes one value: a judge draws no candidates")
        if self.repeats > 1 and arguments.temperature == (0.0,):
            raise ConfigError("--judge_repeats needs a temperature above 0, or a judge only repeats itself")
        return Protocol(
            template=load_judge_template(self.judge_prompt),
            swap=self.swap,
            steps=self.scale,
            structured=self.structured,
            repeats=self.repeats,
            max_tokens=arguments.max_tokens or REPLY_TOKENS,
            temperature=(arguments.temperature or (0.0,))[0],
            seed=arguments.seed,
            retry_unreadable=retry_unreadable,
        )
