"""Verdicts, computed again from what a judge said in each order; a panel's from its judges'."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from fusion_eval.export.bundle.findings import Findings
from fusion_eval.judging.majority import majority
from fusion_eval.judging.verdicts import Verdict, by_repeat, label


@dataclass(frozen=True, slots=True)
class Bench:
    """The judges by name, and all verdicts as they stand in the file: those of each judge, and of several the panel's."""

    judges: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def several(self) -> tuple[str, ...]:
        """The judges where they are more than one."""
        return self.judges if len(self.judges) > 1 else ()

    @property
    def single(self) -> tuple[Verdict, ...]:
        """The verdicts of single judges."""
        return tuple(verdict for verdict in self.verdicts if verdict.judge in self.judges)

    @property
    def deciding(self) -> tuple[Verdict, ...]:
        """Those that rows are of."""
        return self.of("|".join(self.judges))

    def of(self, name: str) -> tuple[Verdict, ...]:
        """Those of one judge, or of the panel."""
        return tuple(verdict for verdict in self.verdicts if verdict.judge == name)


def verify_verdicts(bench: Bench, against_opponent: bool, findings: Findings) -> None:
    """Each verdict, that there is one of every judge on each pair, and that they are of this judging."""
    panel = "|".join(bench.judges)
    strangers = {verdict.judge for verdict in bench.verdicts} - {*bench.judges, panel}
    for name in sorted(strangers):
        findings.differences.append(f"verdicts: {name} is not among the judges")
    if any(verdict.against_opponent != against_opponent for verdict in bench.verdicts):
        findings.differences.append("verdicts: they are not of the systems that the comparison tells of")
    pairs: dict[tuple[str, str, str, str], list[Verdict]] = defaultdict(list)
    for verdict in bench.verdicts:
        pairs[verdict.task, verdict.item, verdict.baseline, verdict.candidate].append(verdict)
    for (task, _, baseline, candidate), verdicts in pairs.items():
        where = f"verdicts: {candidate} against {baseline} on document {verdicts[0].doc_id} of {task}"
        votes = Counter(verdict.judge for verdict in verdicts)
        if votes != Counter({*bench.judges, panel}):
            findings.differences.append(f"{where}: not one of each judge")
            continue
        of = {verdict.judge: verdict for verdict in verdicts}
        for name in bench.judges:
            _verdict(f"{where}, by {name}", of[name], *_said(of[name]), findings)
        if bench.several:
            agreed = majority([of[name] for name in bench.judges], bench.judges)
            _verdict(f"{where}, by the panel", of[panel], agreed.score, agreed.verdict, findings)


def _said(verdict: Verdict) -> tuple[float | None, str]:
    """What the orders come to; where nobody was asked, as both answers are equal, it is a tie."""
    scores = [score for score in by_repeat(verdict.orders) if score is not None]
    if not verdict.orders:
        return 0.5, "tie"
    score = sum(scores) / len(scores) if scores else None
    return score, label(score)


def _verdict(where: str, stated: Verdict, score: float | None, verdict: str, findings: Findings) -> None:
    findings.compare(f"{where}: the score", stated.score, score)
    findings.compare(f"{where}: the verdict", stated.verdict, verdict)
