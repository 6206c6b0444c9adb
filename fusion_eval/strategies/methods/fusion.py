"""Fusion-of-N (FusioN, arXiv 2510.00931): an LLM writes one answer out of all candidates."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.errors import ConfigError
from fusion_eval.strategies.fusing import fuse
from fusion_eval.strategies.fusor_prompt import load_template
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class Fusion:
    """Let a fusor write one answer out of all candidates.

    None leaves an option to the model argument `fusor_prompt=`, `fusor_temperature=` or `fusor_max_tokens=`.

    Args:
        fusor_prompt: The same as `prompt`, by the name of the model argument.
        prompt: The name of a prompt that ships with the package, or the file of another one.
        fusor_temperature: The fusor's temperature.
        fusor_max_tokens: The most tokens that the fusor may write.

    Raises:
        ConfigError: The prompt is given twice or cannot be read, or a number is out of its range.
    """

    uses: ClassVar = ("fusor", "prompt")

    fusor_prompt: str | None = None
    prompt: str | None = field(default=None, kw_only=True)
    fusor_temperature: float | None = None
    fusor_max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.prompt is not None and self.fusor_prompt is not None:
            raise ConfigError("prompt= and fusor_prompt= name the same option of fusion; leave one")
        self.own_template  # noqa: B018 - a template that cannot be read is an error now
        if self.fusor_temperature is not None:
            number_reader(0, 5)("fusor_temperature", self.fusor_temperature)
        if self.fusor_max_tokens is not None:
            integer_reader(1)("fusor_max_tokens", self.fusor_max_tokens)

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with this strategy's own options in place of the model arguments."""
        return tools.override(
            template=self.own_template,
            fusor_temperature=self.fusor_temperature,
            fusor_max_tokens=self.fusor_max_tokens,
        )

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the fused answer. Fall back on a candidate if the fusor fails, refuses or writes nothing."""
        return await fuse(pool, self.own_tools(tools))

    def __repr__(self) -> str:
        return format_spec(self)

    @functools.cached_property
    def own_template(self) -> Template | None:
        """The template that the options name; None if they name none."""
        name = self.prompt if self.prompt is not None else self.fusor_prompt
        return None if name is None else load_template(name)
