"""Analyze runs by their pools: curves over N, rescue and harm, ceilings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusion_eval.api.argument_types import checks_types
from fusion_eval.api.loading import load_runs

if TYPE_CHECKING:
    from fusion_eval.analysis.pools import ScoredPools
    from fusion_eval.report.analysis_view import AnalysisView
    from fusion_eval.runs.reading import Run


@dataclass(frozen=True, slots=True)
class Scored:
    """Runs with their scored pools: what every table of an analysis is made from."""

    runs: tuple[Run, ...]
    pools: tuple[ScoredPools, ...]
    notes: tuple[str, ...]


@checks_types
def analyze(
    *runs: Run | str | Path,
    metrics: str | Sequence[str] = (),
    alpha: float = 0.05,
    resamples: int = 2_000,
    seed: int = 0,
    cluster: str = "auto",
    allow_partial: bool = False,
    include_path: str | Path | None = None,
    output: str | Path | None = None,
    budget: str | None = None,
    fuse: int | str | Sequence[int] = (),
    fusors: str | Sequence[str] = (),
    corrupt: str | Sequence[str] = (),
    model_args: Mapping[str, object] | None = None,
    report: Callable[[str], None] | None = None,
) -> AnalysisView:
    """Analyze what only the pools of runs can tell. No model is asked, except for `fuse`, `fusors` and `corrupt`.

    Every candidate is scored by the task's own metric. From the scores follow curves over the number of candidates, rescue
    and harm by the number of right candidates, ceilings, and what each model of a pool adds.

    Args:
        runs: Runs on the same pools, or their folders; a folder may hold several runs.
        metrics: Metrics to analyze; empty means all that have a value for each item.
        alpha: Intervals cover with probability 1 - alpha.
        resamples: Number of random swaps of the permutation tests of `budget`.
        seed: Seed of these swaps and of the places that `corrupt` draws.
        cluster: Document field whose equal values mark dependent items, "auto", or "none".
        allow_partial: Leave out lines of runs that cannot be read, and note it, instead of raising an error.
        include_path: Folder with the task YAMLs that candidates are scored by.
        output: Folder to write analysis.json, candidates.parquet and answers.parquet to.
        budget: Compare systems at equal cost: "calls", "tokens", "usd" or "seconds".
        fuse: For each number, fuse the first so many candidates of every pool.
        fusors: Fusors to ask about the same candidates, with options of fusion in parentheses: "a,b(prompt=direct)".
        corrupt: Replace candidates by bad ones and ask again: "wrong:1" has one wrong final answer. Kinds: other, wrong,
            cut, language, injection.
        model_args: The model arguments, as the runs had them. New calls need them; answers in the store cost nothing.
        report: Is called with the lines that price the new calls, before any of them is made.

    Returns:
        The analysis. It prints as tables, and has `to_frame(table)`, `to_markdown()` and `to_json()`.
    """
    from fusion_eval.analysis.analyze import analyze_pools
    from fusion_eval.analysis.options import AnalysisOptions
    from fusion_eval.analysis.parquet import write_pools
    from fusion_eval.api.further_tables import FurtherTables, with_further_tables
    from fusion_eval.argument_values import names_in
    from fusion_eval.report.analysis_view import AnalysisView
    from fusion_eval.runs.analysis import write_analysis
    from fusion_eval.runs.comparison import compared_run
    from fusion_eval.runs.writing import check_folder

    tables = FurtherTables(budget, _numbers(fuse), _fusors(fusors), names_in(corrupt), model_args, seed)
    tables.check()
    if output is not None:
        check_folder(Path(output))
    options = AnalysisOptions(alpha=alpha, resamples=resamples, seed=seed)
    scored = score(runs, names_in(metrics), cluster, allow_partial, include_path)
    analysis = analyze_pools(
        scored.pools,
        tuple(map(compared_run, scored.runs)),
        max(run.date for run in scored.runs),
        options,
        scored.notes,
    )
    analysis = with_further_tables(analysis, scored, tables, options, include_path, report)
    if output is not None:
        write_pools(scored.pools, Path(output))
        write_analysis(analysis, Path(output))
    return AnalysisView(analysis)


def _fusors(fusors: str | Sequence[str]) -> tuple[str, ...]:
    from fusion_eval.text.specs import split_list

    return tuple(dict.fromkeys(filter(None, split_list(fusors) if isinstance(fusors, str) else fusors)))


def _numbers(fuse: int | str | Sequence[int]) -> tuple[int, ...]:
    """Read distinct numbers of candidates: one, a list, or `2,3,5`."""
    from fusion_eval.argument_values import integer_reader

    listed = fuse.split(",") if isinstance(fuse, str) else fuse if isinstance(fuse, Iterable) else [fuse]
    read = integer_reader(1)
    return tuple(dict.fromkeys(read("fuse", number) for number in listed))


@checks_types
def price(
    *runs: Run | str | Path,
    metrics: str | Sequence[str] = (),
    include_path: str | Path | None = None,
    fuse: int | str | Sequence[int] = (),
    fusors: str | Sequence[str] = (),
    corrupt: str | Sequence[str] = (),
    model_args: Mapping[str, object] | None = None,
    allow_partial: bool = False,
    seed: int = 0,
    cluster: str = "auto",
) -> str:
    """Return a table of the calls, tokens and dollars that the new answers of an analysis cost at most.

    No model is asked. The arguments are those of `analyze`, which then reads the scores that this has kept.
    """
    from fusion_eval.api.further_tables import FurtherTables, new_tables
    from fusion_eval.argument_values import names_in

    tables = FurtherTables(None, _numbers(fuse), _fusors(fusors), names_in(corrupt), model_args, seed)
    tables.check()
    if not tables.calls().any:
        _run_parts(runs)
        return "This analysis makes no calls; --fuse, --fusors and --corrupt would"
    scored = score(runs, names_in(metrics), cluster, allow_partial, include_path)
    return new_tables(scored, tables, include_path).price()


def score(
    runs: Sequence[Run | str | Path],
    metrics: Sequence[str] = (),
    cluster: str = "auto",
    allow_partial: bool = False,
    include_path: str | Path | None = None,
) -> Scored:
    """Read runs and score every candidate of their pools.

    Raises:
        ConfigError: The runs have no pools, or pools that cannot be analyzed.
    """
    from fusion_eval.harness.stored_pools import stored_pools

    loaded = tuple(
        replace(run, partial=run.partial or allow_partial)
        for run in load_runs(_run_parts(runs), allow_partial)
    )
    folder = None if include_path is None else Path(include_path)
    pools, notes = stored_pools(loaded, metrics, cluster, folder, allow_partial=allow_partial)
    return Scored(loaded, tuple(pools), (*(note for run in loaded for note in run.notes), *notes))


def _run_parts(runs: Sequence[Run | str | Path]) -> list[Run | Path]:
    """Return each run once: as it is, or its folder. A folder may hold several runs."""
    from fusion_eval.errors import ConfigError
    from fusion_eval.runs.files import run_folders
    from fusion_eval.runs.reading import Run

    if not runs:
        raise ConfigError("analyze() needs a run, or a folder with runs")
    parts: dict[object, Run | Path] = {}
    for one in runs:
        if isinstance(one, Run):
            parts[id(one)] = one
        else:
            parts |= {folder.resolve(): folder for folder in run_folders(Path(one))}
    return list(parts.values())
