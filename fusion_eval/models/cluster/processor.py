"""The processor of `ray.data.llm` that answers a batch of requests with vLLM engines on the cluster's GPUs."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.models.cluster.names import EngineName
from fusion_eval.models.cluster.rows import Reply, kept_columns, reply_of
from fusion_eval.text.redaction import safe_message

BATCH = 64
"""Rows that an engine gets at a time. It works on several such batches at once."""
_PATIENCE = 10.0
"""Seconds within which a Ray cluster has to accept a connection."""
NEEDS_RAY = (
    "--engine ray needs the extra `ray`: python -m pip install 'fusion-eval[ray]'; with vllm:NAME, it needs the extra "
    "`ray-llm`: python -m pip install 'fusion-eval[ray-llm]'"
)


def connect() -> Any:
    """Return Ray, connected to the cluster that `RAY_ADDRESS` names, or else to a new one on this machine.

    Ray sends no usage statistics from here, unless RAY_USAGE_STATS_ENABLED=1 allows it.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Otherwise it warns of restarts that Ray Data itself arranges.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError:
        raise ConfigError(NEEDS_RAY) from None
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS") or "local"
        try:
            _check_answers(address)
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            first_line = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            reason = safe_message(first_line).rstrip(".")
            raise ConfigError(
                f"No Ray cluster answers at RAY_ADDRESS={address}: {reason}"
                if address != "local"
                else f"Ray cannot start on this machine: {reason}"
            ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    for name in ("ray", "ray.data", "ray.llm"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


def _check_answers(address: str) -> None:
    """Raise an OSError if nothing listens at HOST:PORT, which Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in address and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


class VllmProcessor:
    """Answers batches of requests. Each batch starts the engines, which load the model, and ends them.

    Args:
        name: The model and the options of its engine.
        chat: Whether requests hold chat messages.
        replicas: The most engines; None is as many as the cluster's GPUs are enough for.
    """

    def __init__(self, name: EngineName, *, chat: bool, replicas: int | None = None) -> None:
        self._name, self._chat, self._replicas = name, chat, replicas

    def replies(self, rows: Sequence[dict[str, Any]]) -> Iterator[Reply]:
        """Yield the replies to the requests of a batch, in the order in which they come.

        Raises:
            ConfigError: A package is missing, or the cluster has too few GPUs.
            EndpointError: The engine fails.
        """
        ray = connect()
        placed = [{"place": place, **row} for place, row in enumerate(rows)]
        dataset = ray.data.from_items(placed, override_num_blocks=-(-len(placed) // BATCH))
        try:
            room = self._room(ray)
            for row in self.processor(self._replicas or room)(dataset).iter_rows():
                yield reply_of(row)
        except FusionEvalError:
            raise
        except Exception as error:  # Ray wraps whatever an engine raises
            raise EndpointError(f"{self._name.model} failed in the Ray cluster: {_reason(error)}") from error

    def config(self, replicas: int) -> Any:
        """Return the configuration of the processor.

        Raises:
            ConfigError: The package is missing.
        """
        try:
            from ray.data.llm import vLLMEngineProcessorConfig
        except ImportError as error:
            raise _missing(error) from None
        return vLLMEngineProcessorConfig(
            model_source=self._name.model,
            engine_kwargs=dict(self._name.options),
            batch_size=BATCH,
            concurrency=replicas,
            should_continue_on_error=True,
            chat_template_stage=self._chat,
            detokenize_stage=False,  # the engine returns text, which stop strings need
            log_engine_metrics=False,
        )

    def processor(self, replicas: int) -> Any:
        """Return the processor of `ray.data.llm`.

        Raises:
            ConfigError: A package is missing.
        """
        config = self.config(replicas)
        from ray.data.llm import build_processor

        try:
            return build_processor(config, postprocess=kept_columns)
        except ImportError as error:
            raise _missing(error) from None

    def _room(self, ray: Any) -> int:
        """Return for how many engines the cluster has GPUs.

        Raises:
            ConfigError: For none, so that the job would wait forever.
        """
        there = int(ray.cluster_resources().get("GPU", 0))
        if there < self._name.gpus:
            raise ConfigError(
                f"vllm:{self._name.model} needs {self._name.gpus} GPU{'s' * (self._name.gpus > 1)}, and the Ray cluster has "
                f"{there}; name a cluster with RAY_ADDRESS, or serve the model and name its address with base_url="
            )
        return there // self._name.gpus


def _missing(error: ImportError) -> ConfigError:
    return ConfigError(
        f'vllm:NAME needs the extra `ray-llm`: pip install "fusion-eval[ray-llm]" ({safe_message(str(error))})'
    )


def _reason(error: BaseException) -> str:
    """Return the last line of the innermost error."""
    while (inner := getattr(error, "cause", None) or error.__cause__) is not None:
        error = inner
    lines = [line for line in str(error).splitlines() if line.strip()]
    return safe_message(lines[-1] if lines else type(error).__name__)
