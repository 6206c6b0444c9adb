"""The table of a dry run: the calls, tokens and dollars that a run would need at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.report.text_table import text_table
from fusion_eval.runs.usage import dollars

HOW_TO_READ = """\
calls, written and dollars are at most these numbers: every answer is taken to be as long as max_tokens allows. Failed
tries, and repeated requests to an endpoint that ignores n, are not counted.
read is about this number: a quarter of the characters, or all of them in Chinese, Japanese and Korean. Prompts of a
fusor or scorer are taken to hold candidates of full length, unless the store has the candidates."""


@dataclass(frozen=True, slots=True)
class PlannedCalls:
    """The calls that one role of one strategy would make. `cost` is in US dollars, None without a known price."""

    strategy: str
    role: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None


def dry_run_table(
    planned: Sequence[PlannedCalls],
    strategies: Sequence[str],
    names: tuple[str, str] = ("strategy", "role"),
) -> str:
    """Return a table with one line for each role that makes calls, and a line with their sum.

    A strategy that makes no call has one line without a role. `names` are the headings of the first two columns.
    """
    calling = [one for one in planned if one.calls]
    lines = []
    for strategy in strategies:
        own = [one for one in calling if one.strategy == strategy]
        lines += [_line(one) for one in own or [PlannedCalls(strategy, "-", 0, 0, 0, 0.0)]]
    costs = [one.cost for one in calling]
    total = PlannedCalls(
        strategy="all",
        role="",
        calls=sum(one.calls for one in calling),
        prompt_tokens=sum(one.prompt_tokens for one in calling),
        completion_tokens=sum(one.completion_tokens for one in calling),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
    )
    return text_table([*names, "calls", "read", "written", "dollars"], [*lines, _line(total)], left=2)


def _line(planned: PlannedCalls) -> list[str]:
    return [
        planned.strategy,
        planned.role,
        f"{planned.calls:,}",
        f"{planned.prompt_tokens:,}",
        f"{planned.completion_tokens:,}",
        "price unknown" if planned.cost is None else dollars(planned.cost),
    ]
