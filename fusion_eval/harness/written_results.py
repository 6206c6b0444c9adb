"""Write the results and samples of a run whole or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.harness import host
from fusion_eval.runs.writing import whole_file


def write_results(
    tracker: Any, results: dict[str, Any], samples: Mapping[str, Sequence[Any]], names: tuple[str, str]
) -> Path:
    """Write the results file and the samples files of a run: all of them, or none.

    The harness writes into a temporary folder, so a run that is killed meanwhile leaves no half of a file.

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
    output = tracker.output_path
    advice = "free disk space and run the same command again, or name another folder with --output"
    lines = sum(len(samples[name]) for name in results["configs"])
    with tempfile.TemporaryDirectory() as temporary:
        tracker.output_path = temporary
        files = host.save_results(tracker, results, samples, names)
        tracker.output_path = output
        if not _are_whole(files, lines):
            raise ConfigError(f"The results cannot be written to {output}; {advice}")
        return _move(files, Path(temporary), Path(output), advice)


def _move(files: Sequence[Path], source: Path, target: Path, advice: str) -> Path:
    """Copy the files beside their places, and put them there together, the results file first. Return its path."""
    ordered = sorted(files, key=lambda file: file.suffix != ".json")
    with contextlib.ExitStack() as stack:
        for file in reversed(ordered):  # the stack renames the last first
            partial = stack.enter_context(whole_file(target / file.relative_to(source), advice))
            shutil.copyfile(file, partial)
    return target / ordered[0].relative_to(source)


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
