"""What to make, as the command line names it, and the part of it that decides the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments, public
from fusion_eval.synth.prompts import Columns
from fusion_eval.synth.sources import content_of
from fusion_eval.text.file_names import safe_file_name

Format = Literal["messages", "prompt_completion"]
ROWS_PER_FILE = 10_000
_NO_MATTER = (
    "cache", "offline", "concurrency", "timeout", "max_retries", "budget", "api_key_env", "fusor_api_key_env",
    "scorer_api_key_env", "trace_dir", "price_in", "price_out",
)  # fmt: skip
"""Model arguments that decide no row."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of the prompts that one machine answers: every `of`-th, from number `number` on."""

    number: int = 0
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Job:
    """What to make."""

    output: Path
    prompts: str
    """A file or folder, `-`, `hf:OWNER/NAME[/CONFIG][:SPLIT]`, or a task of the harness."""
    strategies: tuple[str, ...] = ("fusion",)
    """As text, in the form that `read_strategies` gives them."""
    model_args: Mapping[str, object] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    format: Format = "messages"
    pairs: bool = False
    filters: tuple[str, ...] = ()
    """As text, in the form that `read_filters` gives them."""
    decontaminate: tuple[str, ...] = ()
    """Tasks of the harness whose 13-grams no row may hold."""
    allow_benchmarks: bool = False
    min_teachers: int | None = None
    """The fewest models that a pool needs candidates of; None is all of them."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer. Teachers without a chat template write on without them."""
    shard: Shard = field(default_factory=Shard)
    limit: int | None = None
    rows_per_file: int = ROWS_PER_FILE
    command: tuple[str, ...] = ()

    def folder(self, strategy: str) -> Path:
        """Return the folder of a strategy's data set: the output itself if there is only one strategy."""
        return self.output if len(self.strategies) == 1 else self.output / safe_file_name(strategy)

    def identity(self, arguments: ModelArguments) -> dict[str, Any]:
        """Return what decides the rows, as JSON values. Two shards of one job differ in nothing of it.

        Files with prompts count by their content, wherever they lie.
        """
        content = content_of(Path(self.prompts))
        model = {name: value for name, value in public(arguments).items() if name not in _NO_MATTER}
        return {
            "prompts": Path(self.prompts).name if content else self.prompts,
            "content": content,
            "columns": msgspec.to_builtins(self.columns),
            "strategies": list(self.strategies),
            "model_args": model,
            "format": self.format,
            "pairs": self.pairs,
            "filters": list(self.filters),
            "decontaminate": list(self.decontaminate),
            "min_teachers": self.min_teachers,
            "limit": self.limit,
            "rows_per_file": self.rows_per_file,
            **(
                {"stop": list(self.stop)} if self.stop else {}
            ),  # most jobs have none, as all of older versions
        }


def digest_of(identity: Mapping[str, Any]) -> str:
    """Return a short hash of what decides the rows."""
    return hashlib.sha256(msgspec.json.encode(identity, order="sorted")).hexdigest()[:16]


def read_shard(text: str | None, environment: Mapping[str, str]) -> Shard:
    """Read `i/n`, where i counts from 0; without it, take the place of this process in a Slurm array.

    Raises:
        ConfigError: It is no such text, or i is not below n.
    """
    if text is None:
        return _slurm_shard(environment)
    number, slash, of = text.partition("/")
    if not slash or not number.isdecimal() or not of.isdecimal() or int(of) < 1:
        raise ConfigError(f"--shard {text} should be i/n, such as 0/4 for the first of four")
    if int(number) >= int(of):
        raise ConfigError(
            f"--shard {text} is past the end: i counts from 0, so the last of {of} is {int(of) - 1}/{of}"
        )
    return Shard(int(number), int(of))


def _slurm_shard(environment: Mapping[str, str]) -> Shard:
    task = environment.get("SLURM_ARRAY_TASK_ID", "")
    count = environment.get("SLURM_ARRAY_TASK_COUNT", "")
    if not task.isdecimal():
        return Shard()
    if not count.isdecimal() or int(count) < 1:
        raise ConfigError(
            f"SLURM_ARRAY_TASK_ID={task} is set without SLURM_ARRAY_TASK_COUNT, so the number of parts is unknown; "
            "name the part with --shard i/n, or all with --shard 0/1"
        )
    first = int(environment.get("SLURM_ARRAY_TASK_MIN", "0"))
    step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
    number = (int(task) - first) // max(step, 1)
    if not 0 <= number < int(count):
        raise ConfigError(
            f"SLURM_ARRAY_TASK_ID={task} is outside an array of {count} tasks; name the part with --shard i/n"
        )
    return Shard(number, int(count))
