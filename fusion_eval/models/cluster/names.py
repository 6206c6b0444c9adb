"""The model argument `vllm:NAME(option=value,…)`: a model that vLLM runs in a Ray cluster."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from fusion_eval.argument_values import integer_reader
from fusion_eval.errors import ConfigError
from fusion_eval.text.specs import Quoted, parse_spec

PREFIX = "vllm:"
_SIZES = ("tensor_parallel_size", "pipeline_parallel_size")
"""Options whose product is the number of GPUs of one engine."""
_SPEED_OPTIONS = (
    *_SIZES, "gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens",
    "enable_prefix_caching", "enable_chunked_prefill", "enforce_eager", "swap_space", "disable_log_stats",
)  # fmt: skip
"""Options of the engine that change its speed, not what it is asked to compute."""


@dataclass(frozen=True, slots=True)
class EngineName:
    """A model and the options of its engine."""

    model: str
    """A name on the Hugging Face hub, or a folder that all nodes can read."""
    options: dict[str, Any]
    """Arguments of vLLM's engine, such as `tensor_parallel_size`."""

    @property
    def gpus(self) -> int:
        """How many GPUs one engine takes."""
        return math.prod(self.options.get(name, 1) for name in _SIZES)

    def identity(self, *, chat: bool) -> str:
        """Return what tells the model's answers apart in the store."""
        options = {name: value for name, value in self.options.items() if name not in _SPEED_OPTIONS}
        return f"vllm|{self.model}|{'chat' if chat else 'completion'}|{json.dumps(options, sort_keys=True)}"


def read_engine_name(text: str) -> EngineName:
    """Read `vllm:NAME`, or `vllm:NAME(tensor_parallel_size=2,max_model_len=8192)`.

    Raises:
        ConfigError: There is no name, an option has no plain value, or a number of GPUs is no whole number above 0.
    """
    spec = parse_spec(text)
    model = spec.name.removeprefix(PREFIX)
    if not model or model == spec.name:
        raise ConfigError(f"model={text} names no model; write vllm:NAME, such as vllm:Qwen/Qwen3-8B")
    options = {name: _value(text, name, value) for name, value in spec.options}
    for name in options.keys() & set(_SIZES):
        options[name] = integer_reader(1)(name, options[name])
    return EngineName(model, options)


def _value(text: str, name: str, value: Any) -> Any:
    """Return an option's value as JSON reads it, else as text."""
    if isinstance(value, Quoted):
        return value.text
    if value.options:
        raise ConfigError(f"model={text}: {name}= takes a number, true, false or a text")
    try:
        return json.loads(value.name)
    except ValueError:
        return value.name
