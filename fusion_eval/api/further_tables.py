"""Add to an analysis what fused texts are made of, systems at equal cost, and tables that need new calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.errors import ConfigError

if TYPE_CHECKING:
    from fusion_eval.analysis.costs import BudgetUnit
    from fusion_eval.analysis.options import AnalysisOptions
    from fusion_eval.api.analysis import Scored
    from fusion_eval.harness.new_tables import NewCalls, NewTables
    from fusion_eval.runs.analysis import Analysis

NEEDS_MODELS = "--fuse, --fusors and --corrupt ask models, and need --model_args as the runs had them: model=NAME,base_url=…"


@dataclass(frozen=True, slots=True)
class FurtherTables:
    """What to add to an analysis.

    Attributes:
        budget: The cost at which systems are compared: "calls", "tokens", "usd" or "seconds". None compares none.
        fuse: For each number, fuse the first so many candidates of every pool.
        fusors: Fusors to ask about the same candidates, with options of fusion in parentheses: `b(prompt=direct)`.
        corrupt: How to corrupt pools, such as "wrong:1".
        model_args: The model arguments of the runs, which new calls need.
        seed: The seed of corruption and resampling.
    """

    budget: str | None = None
    fuse: tuple[int, ...] = ()
    fusors: tuple[str, ...] = ()
    corrupt: tuple[str, ...] = ()
    model_args: Mapping[str, object] | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise a `ConfigError` for a mistake that is one without any run."""
        self.unit()
        if self.calls().any and self.model_args is None:
            raise ConfigError(NEEDS_MODELS)

    def unit(self) -> BudgetUnit | None:
        """Return the unit of the budget."""
        from fusion_eval.analysis.costs import BUDGET_UNITS
        from fusion_eval.argument_values import check_choice

        check_choice("budget", self.budget, (None, *BUDGET_UNITS))
        return next((unit for unit in BUDGET_UNITS if unit == self.budget), None)

    def calls(self) -> NewCalls:
        """Return what is to be asked beyond the runs."""
        from fusion_eval.analysis.corruption import read_corruption
        from fusion_eval.harness.new_tables import NewCalls

        return NewCalls(self.fuse, self.fusors, tuple(map(read_corruption, self.corrupt)), self.seed)


def new_tables(scored: Scored, tables: FurtherTables, include_path: str | Path | None) -> NewTables:
    """Return the new calls for scored runs, ready to be priced or answered."""
    from fusion_eval.harness.new_tables import NewTables
    from fusion_eval.model_arguments import parse

    folder = None if include_path is None else Path(include_path)
    arguments = parse(dict(tables.model_args or {}))
    return NewTables(scored.runs, scored.pools, tables.calls(), arguments, folder)


def with_further_tables(
    analysis: Analysis,
    scored: Scored,
    tables: FurtherTables,
    options: AnalysisOptions,
    include_path: str | Path | None,
    report: Callable[[str], None] | None = None,
) -> Analysis:
    """Return the analysis with the tables that are asked for, and with what its fused texts are made of.

    Args:
        analysis: The analysis of the scored runs.
        scored: The scored runs.
        tables: What to add.
        options: The level of the intervals, and the permutation tests.
        include_path: Folder with the task YAMLs that new answers are scored by.
        report: Is called with each line of the price of the new calls, before they are made.
    """
    from fusion_eval.analysis.budget import budget_rows
    from fusion_eval.analysis.contribution_rows import contribution_rows
    from fusion_eval.analysis.fused_curves import fused_differences, fused_points, fusor_rows
    from fusion_eval.analysis.multiplicity import adjust_p_values
    from fusion_eval.analysis.robustness import robustness_rows
    from fusion_eval.analysis.units import units
    from fusion_eval.harness.fused_texts import read_contributions
    from fusion_eval.harness.new_tables import NewAnswers

    found, alpha = units(scored.pools), options.alpha
    contributions, notes = read_contributions(scored.runs, scored.pools)
    new = NewAnswers()
    if tables.calls().any:
        asked = new_tables(scored, tables, include_path)
        if report is not None:
            for line in asked.price().splitlines():
                report(line)
        new = asked.answer()
    unit = tables.unit()
    differences = (*analysis.differences, *fused_differences(found, new.fused, alpha))
    return replace(
        analysis,
        curves=(*analysis.curves, *fused_points(found, new.fused, alpha)),
        differences=tuple(adjust_p_values(differences, found)),
        contribution=_json(contribution_rows(found, contributions, alpha)),
        budget=_json(budget_rows(found, unit, options, new.fused)) if unit else (),
        robustness=_json(robustness_rows(found, new.corrupted, alpha)),
        fusors=_json(fusor_rows(found, new.fused, alpha)) if tables.fusors else (),
        notes=(*analysis.notes, *notes),
    )


def _json(rows: Iterable[Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(asdict(row) for row in rows)
