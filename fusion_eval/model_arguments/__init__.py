"""The flat list of model arguments, checked before any call is made.

The same list serves `--model_args`, a YAML `--config`, `fusion-eval run` and the Python API.
"""

from fusion_eval.model_arguments.arguments import ModelArguments, public
from fusion_eval.model_arguments.parsing import (
    ARGUMENT_NAMES,
    HARNESS_OWN,
    looks_misspelt,
    parse,
    unknown_argument,
)

__all__ = [
    "ARGUMENT_NAMES",
    "HARNESS_OWN",
    "ModelArguments",
    "looks_misspelt",
    "parse",
    "public",
    "unknown_argument",
]
