"""A COMET model that needs no reference, such as CometKiwi: `comet:NAME`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader
from fusion_eval.errors import ConfigError
from fusion_eval.models.reward.comet import CometModel, check_installed
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.scorers.reward import scored_by
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Message, Pool, Prompt


@dataclass(frozen=True, repr=False)
class Comet:
    """Score each candidate as a translation by a COMET model that needs no reference.

    Source: CometKiwi (Rei et al. 2022, arXiv 2209.06243) and its package unbabel-comet. The source is the text that the
    task asks to translate. Where the task does not tell it, the source is the prompt's last message, or its question.

    Args:
        name: The model's name on the Hugging Face hub, or its folder. `comet:NAME` is short for `comet(name=NAME)`.
        batch_size: The most candidates that are scored at a time.

    Raises:
        ConfigError: The name is empty, or the number is below 1.
    """

    after_colon: ClassVar = "name"
    votes: ClassVar = "borda"

    name: str = ""
    batch_size: int = 8

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError(
                "scorer=comet needs a model: comet:NAME, such as comet:Unbabel/wmt22-cometkiwi-da"
            )
        integer_reader(1)("batch_size", self.batch_size)

    def check_installed(self) -> None:
        """Raise a ConfigError if the extra `comet` is not installed."""
        check_installed(self.name)

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the model's number for each candidate.

        Raises:
            ConfigError: The model cannot be loaded, or it needs references.
        """
        model = tools.open_model(
            f"comet|{self.name}|{self.batch_size}", lambda timeout: CometModel(self.name, self.batch_size)
        )
        source = Prompt(messages=(Message("user", source_of(pool.prompt, tools)),))
        return await scored_by(model, Pool(source, pool.candidates))

    def __repr__(self) -> str:
        return format_spec(self)


def source_of(prompt: Prompt, tools: Tools) -> str:
    """Return the text to translate: the task's own, else the last message, or a plain text without its examples."""
    if tools.source is not None:
        return tools.source
    return prompt.messages[-1].content if prompt.messages else prompt.text[tools.examples :]
