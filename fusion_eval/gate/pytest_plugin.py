"""The gate in a test suite: the pytest fixture `fusion_check` and the option `--fusion-baseline`.

pytest imports this file wherever the package is installed. So it imports the rest of the package only when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fusion_eval.gate.result import CheckResult

FusionCheck = Callable[..., "CheckResult"]
_UPDATED = pytest.StashKey[set[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--fusion-baseline FILE` and `--fusion-update-baseline`."""
    group = parser.getgroup("fusion-eval", "regression gate of fusion-eval")
    group.addoption(
        "--fusion-baseline",
        type=Path,
        metavar="FILE",
        help="what fusion_check checks against: a baseline file, or a run",
    )
    group.addoption(
        "--fusion-update-baseline",
        action="store_true",
        help="fusion_check rewrites its baseline file and passes",
    )


@pytest.fixture
def fusion_check(request: pytest.FixtureRequest) -> FusionCheck:
    """Return `fusion_check(run, baseline=None, **options)`, which fails the test if the run is worse.

    The default baseline is that of `--fusion-baseline`. Without any baseline the test is skipped. The options are those
    of `fusion_eval.gate.check.check_runs`, and `inconclusive` is "fail" or "pass". The function returns the result.
    """
    return lambda run, baseline=None, **options: _check(request.config, run, baseline, **options)


def _check(
    config: pytest.Config,
    run: str | Path,
    baseline: str | Path | None,
    inconclusive: Any = "fail",
    **options: Any,
) -> CheckResult:
    __tracebackhide__ = True
    from fusion_eval.errors import FusionEvalError
    from fusion_eval.gate.check import check_runs
    from fusion_eval.text.printable import printable

    against = baseline or config.getoption("--fusion-baseline")
    if against is None:
        pytest.skip(
            "no baseline: pytest --fusion-baseline FILE, which fusion-eval baseline RUN -o FILE makes"
        )
    if inconclusive not in ("fail", "pass"):
        pytest.fail(f'inconclusive={inconclusive!r} should be "fail" or "pass"', pytrace=False)
    result, message = None, ""
    try:
        if config.getoption("--fusion-update-baseline"):
            result = _update(config, Path(against), Path(run), options)
        else:
            result = check_runs(against, run, inconclusive=inconclusive, **options)
    except FusionEvalError as error:
        message = printable(str(error))
    if result is None:  # Outside the handler, so that pytest shows the message once.
        pytest.fail(message, pytrace=False)
    if not result.passed:
        pytest.fail(str(result), pytrace=False)
    return result


def _update(config: pytest.Config, baseline: Path, run: Path, options: dict[str, Any]) -> CheckResult:
    """Write the run into the baseline file. Return a check of the run against itself, which passes."""
    __tracebackhide__ = True
    from fusion_eval.gate.check import check_runs
    from fusion_eval.gate.sides import read_side, update_baseline

    updated = config.stash.setdefault(_UPDATED, set())
    if baseline.resolve() in updated:  # Only the last of two runs would be kept, and both tests would pass.
        pytest.fail(
            f"{baseline} was rewritten in this session already; give each check its own: fusion_check(run, baseline)",
            pytrace=False,
        )
    updated.add(baseline.resolve())
    result = check_runs(run, run, **options)
    reading = {name: options[name] for name in ("cluster", "allow_partial") if name in options}
    update_baseline(baseline, read_side(run, **reading))
    return result
