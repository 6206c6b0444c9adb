"""Numbers that should be one, and what a verification of them comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
"""What is left of a number that is computed on another machine, in another order, is far closer."""


@dataclass(slots=True)
class Findings:
    """What has been found so far."""

    checked: int = 0
    """Numbers that were computed again."""
    left: int = 0
    """Rows, and numbers that stand alone, that could not be."""
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def compare(self, where: str, stated: object, computed: object) -> None:
        """Count one number, or text, and tell where it differs."""
        self.checked += 1
        if not same(stated, computed):
            self.differences.append(f"{where} is stated as {_shown(stated)}, and comes to {_shown(computed)}")

    def leave(self, note: str, count: int = 1) -> None:
        """Tell of a part that cannot be computed again, and count its rows."""
        self.left += count
        self.notes.append(note)

    def compare_all(self, where: str, stated: Mapping[str, object], computed: Mapping[str, object]) -> None:
        """Likewise what both hold, part by part."""
        for name in stated:
            if name not in computed:
                continue
            one, other = stated[name], computed[name]
            if isinstance(one, Mapping) and isinstance(other, Mapping):
                self.compare_all(f"{where}: {name}", one, other)
            else:
                self.compare(f"{where}: {name}", one, other)


def same(stated: object, computed: object) -> bool:
    """Numbers to as many digits as matter, NaN being NaN; anything else as it is."""
    if not (isinstance(stated, int | float) and isinstance(computed, int | float)):
        return stated == computed
    if math.isnan(stated) or math.isnan(computed):
        return math.isnan(stated) and math.isnan(computed)
    return math.isclose(stated, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value:.10g}" if isinstance(value, float) else repr(value)
