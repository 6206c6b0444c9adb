"""Write the results and samples of a run, and check that the disk holds all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host


def write_results(
    tracker: Any, results: dict[str, Any], samples: Mapping[str, Sequence[Any]], names: tuple[str, str]
) -> Path:
    """Write the results file and the samples files of a run. If one is not whole, remove all of them.

    Args:
        tracker: The harness's `EvaluationTracker`.
        results: The results, without their samples.
        samples: The samples by task.
        names: The model type and the model's name.

    Returns:
        The results file.

    Raises:
        ConfigError: The files cannot be written, or are not whole.
    """
    files = host.save_results(tracker, results, samples, names)
    lines = sum(len(samples[name]) for name in results["configs"])
    if not _are_whole(files, lines):
        for file in files:
            file.unlink(missing_ok=True)
        raise ConfigError(
            f"The results cannot be written to {tracker.output_path}; free disk space and run the same command again, "
            "or name another folder with --output"
        )
    return next(file for file in files if file.suffix == ".json")


def _are_whole(files: Sequence[Path], lines: int) -> bool:
    """Tell whether one results file can be parsed, and whether the samples files have so many lines."""
    written = 0
    try:
        for file in files:
            content = file.read_bytes()
            if file.suffix == ".json":
                json.loads(content)
            elif content and not content.endswith(b"\n"):
                return False
            else:
                written += content.count(b"\n")
    except (OSError, ValueError):
        return False
    return written == lines and [file.suffix for file in files].count(".json") == 1
