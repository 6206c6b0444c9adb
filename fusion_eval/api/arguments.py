"""Check the arguments of the Python API, and read the runs that they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fusion_eval.runs.reading import Run


def load_runs(runs: Sequence[Run | str | Path], allow_partial: bool) -> list[Run]:
    """Read those of `runs` that are paths; keep the order, and give all of them names that differ."""
    from fusion_eval.runs.reading import Run, read_runs, with_unique_names

    paths = [run for run in runs if not isinstance(run, Run)]
    read = iter(read_runs([Path(path) for path in paths], allow_partial))
    loaded = [run if isinstance(run, Run) else next(read) for run in runs]
    return with_unique_names(loaded, [run.name for run in loaded])


def check_statistics(
    test: str, correction: str, family: str, alpha: float, resamples: int, seed: int
) -> None:
    """Raise `ConfigError` for an option that `fusion-eval compare` would refuse, too."""
    check_choice("test", test, ("auto", "permutation", "mcnemar"))
    check_choice("correction", correction, ("holm", "bh"))
    check_choice("family", family, ("auto", "one"))
    check_number("alpha", alpha, 0.0001, 0.5)
    check_number("resamples", resamples, 100, 1_000_000)
    check_number("seed", seed, 0, float("inf"))


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise `ConfigError` for a value that is none of the choices."""
    from fusion_eval.errors import ConfigError

    if value not in choices:
        raise ConfigError(f"{name}={value!r} should be one of {', '.join(map(repr, choices))}")


def check_number(name: str, value: float, least: float, most: float) -> None:
    """Raise `ConfigError` for a number that is out of range."""
    from fusion_eval.errors import ConfigError

    if not least <= value <= most:
        upper = "" if most == float("inf") else f" to {most:g}"
        raise ConfigError(f"{name}={value!r} should be a number from {least:g}{upper}")
