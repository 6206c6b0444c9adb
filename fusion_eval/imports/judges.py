"""Verdicts of one or several judges on the same answers: a metric for each judge."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fusion_eval.errors import ConfigError
from fusion_eval.imports.pools import Imported

METRIC = "win_rate"
"""The metric of the only judge; with several judges, each has `win_rate_<judge>`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judge's verdict on one answer.

    Args:
        where: The place in the source, for messages.
        opponent: The system that the answer was compared with; empty if the source does not say it.
        win_rate: 1 for a win, 0.5 for a tie, 0 for a loss; None without a usable verdict.
    """

    where: str
    opponent: str
    win_rate: float | None


@dataclass(slots=True)
class Verdicts:
    """The verdicts of a source, by judge, item and system."""

    _by_judge: dict[str, dict[tuple[str, str], Verdict]] = field(default_factory=dict)
    _against: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    """The first verdict of each judge on each item, which names the opponent of all."""

    def add(self, judge: str, item: str, system: str, verdict: Verdict) -> None:
        """Add a verdict. A repeated one counts once.

        Raises:
            ConfigError: The judge has another verdict on that answer, or compared the item's answers with another system;
                the message names both places.
        """
        first = self._against.setdefault((judge, item), verdict)
        if first.opponent != verdict.opponent:
            raise ConfigError(
                f"{verdict.where}: {judge} compares with {verdict.opponent or 'no named system'}, and in {first.where} with "
                f"{first.opponent or 'no named system'}; import the files of each opponent separately"
            )
        first = self._by_judge.setdefault(judge, {}).setdefault((item, system), verdict)
        if first.win_rate != verdict.win_rate:
            raise ConfigError(
                f"{verdict.where}: {judge} has another verdict on {system} for '{item[:60]}' than in {first.where}; keep one "
                "of the two"
            )

    def add_opponents(self) -> None:
        """Give each opponent the win rate against itself, one half, where its answer has no verdict."""
        for (judge, item), first in self._against.items():
            self._by_judge[judge].setdefault((item, first.opponent), Verdict(first.where, "", 0.5))

    def metrics(self) -> dict[str, str]:
        """Return the metric of each judge.

        Raises:
            ConfigError: Two judges would have one metric.
        """
        if len(self._by_judge) == 1:
            return dict.fromkeys(self._by_judge, METRIC)
        judges: dict[str, str] = {}
        for judge in sorted(self._by_judge):
            metric = METRIC + "_" + re.sub(r"[^\w.+-]+", "_", judge)
            if judges.setdefault(metric, judge) != judge:
                raise ConfigError(
                    f"The judges '{judges[metric]}' and '{judge}' would both be {metric}; rename one"
                )
        return {judge: metric for metric, judge in judges.items()}

    def values(self, item: str, system: str) -> dict[str, float]:
        """Return the win rate of an answer for each judge who has a usable verdict on it."""
        verdicts = {
            metric: self._by_judge[judge].get((item, system)) for judge, metric in self.metrics().items()
        }
        return {
            metric: verdict.win_rate
            for metric, verdict in verdicts.items()
            if verdict and verdict.win_rate is not None
        }

    def answers(self) -> dict[tuple[str, str], str]:
        """Return the item and the system of each verdict, with the place of the first."""
        places: dict[tuple[str, str], str] = {}
        for own in self._by_judge.values():
            for answer, verdict in own.items():
                places.setdefault(answer, verdict.where)
        return places

    def note(self, imported: Imported) -> None:
        """Note which metric is which judge's, and how many verdicts cannot be used."""
        metrics = self.metrics()
        if len(metrics) > 1:
            pairs = ", ".join(f"{metric} by {judge}" for judge, metric in metrics.items())
            imported.notes.append(f"{len(metrics)} judges have verdicts: {pairs}; choose with --metrics")
        unusable = [one for own in self._by_judge.values() for one in own.values() if one.win_rate is None]
        if unusable:
            imported.notes.append(
                f"verdicts that cannot be used, and so give no win rate: {len(unusable):,}, the first in {unusable[0].where}"
            )
