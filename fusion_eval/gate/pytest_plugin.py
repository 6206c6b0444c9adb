"""The gate in a test suite: the fixture `fusion_check`, and `--fusion-baseline`.

pytest imports this file wherever the package is installed, so it imports nothing else of it until a test asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fusion_eval.gate.result import Checked, Inconclusive

FusionCheck = Callable[..., "Checked"]
_UPDATED = pytest.StashKey[set[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fusion-baseline FILE`, and `--fusion-update-baseline`."""
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
    """`fusion_check(run, baseline=None, margin=0.01, …)`: fails the test where the run is worse than the baseline.

    `baseline` is by default that of `--fusion-baseline`; without any the test is skipped. `margin` is a number or a YAML file, as
    for `fusion-eval check`, `inconclusive` is "fail" or "pass". Returns what the check came to.
    """
    return lambda run, baseline=None, **options: _check(request.config, run, baseline, **options)


def _check(
    config: pytest.Config,
    run: str | Path,
    baseline: str | Path | None,
    *,
    margin: float | str | Path = 0.01,
    alpha: float = 0.05,
    inconclusive: Inconclusive = "fail",
    metrics: str | Sequence[str] = (),
    overall: bool = False,
    allow_partial: bool = False,
) -> Checked:
    __tracebackhide__ = True
    from fusion_eval.errors import FusionEvalError
    from fusion_eval.gate.check import CheckSettings, check, read_side, updated
    from fusion_eval.gate.margins import read_margins
    from fusion_eval.gate.views import as_text
    from fusion_eval.text.printable import printable

    against = baseline or config.getoption("--fusion-baseline")
    if against is None:
        pytest.skip(
            "no baseline: pytest --fusion-baseline FILE, which fusion-eval baseline RUN -o FILE makes"
        )
    if inconclusive not in ("fail", "pass"):
        pytest.fail(f'inconclusive={inconclusive!r} should be "fail" or "pass"', pytrace=False)
    if not 0 < alpha <= 0.5:
        pytest.fail(f"alpha={alpha!r} should be a number above 0, and 0.5 at most", pytrace=False)
    named = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    found, wrong = None, ""
    try:
        settings = CheckSettings(
            read_margins(str(margin)), alpha, inconclusive, named, overall, allow_partial
        )
        candidate = read_side(Path(run), allow_partial=allow_partial)
        if config.getoption("--fusion-update-baseline"):
            _claim(config, Path(against))
            updated(Path(against), candidate)
        found = check(read_side(Path(against), allow_partial=allow_partial), candidate, settings)
    except FusionEvalError as error:
        wrong = printable(str(error))
    if found is None:  # out of the handler, so that the sentence stands once
        pytest.fail(wrong, pytrace=False)
    if found.exit_code:
        pytest.fail(as_text(found), pytrace=False)
    return found


def _claim(config: pytest.Config, path: Path) -> None:
    """Two tests that rewrite one file would leave the baseline of the last, and all would pass."""
    claimed = config.stash.setdefault(_UPDATED, set())
    if path.resolve() in claimed:
        pytest.fail(
            f"{path} was rewritten in this session already; give each check its own: fusion_check(run, baseline)",
            pytrace=False,
        )
    claimed.add(path.resolve())
