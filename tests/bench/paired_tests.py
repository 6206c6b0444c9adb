"""Compare the speed of the tests on single items with scipy's, and measure a large comparison.

    python tests/bench/paired_tests.py

Both get the same 5,000 items and 9,999 resamples. Prints the seconds of both and their ratio: medians of alternating
rounds. scipy is called as its documentation shows, with vectorised statistics, and again with `batch=500`, which is faster
if memory is short. Prints also the time and the peak memory for 100,000 items with 10,000 resamples.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import scipy.stats

from fusion_eval.stats import resampling
from fusion_eval.stats.bootstrap import bootstrap_interval
from fusion_eval.stats.paired import paired_values
from fusion_eval.stats.permutation import permutation_test

ITEMS, RESAMPLES, ROUNDS = 5_000, 9_999, 3
LARGE = 100_000


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes, with an empty cache of resamples."""
    resampling._draw_counts.cache_clear()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def scipy_bootstrap(baseline: np.ndarray, candidate: np.ndarray, method: str, batch: int | None) -> object:
    """Bootstrap the difference of paired means with scipy."""

    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
        return np.mean(other, axis=axis) - np.mean(one, axis=axis)

    return scipy.stats.bootstrap(
        (baseline, candidate), difference, paired=True, n_resamples=RESAMPLES, method=method, batch=batch
    )


def main() -> None:
    """Alternate the two, so that changes of the machine's speed affect both."""
    random = np.random.default_rng(0)
    baseline = random.random(ITEMS)
    candidate = baseline + random.normal(0.003, 0.1, ITEMS)
    paired = paired_values(baseline, candidate)

    def flips(batch: int | None) -> object:
        return scipy.stats.permutation_test(
            (candidate - baseline,),
            np.mean,
            permutation_type="samples",
            n_resamples=RESAMPLES,
            batch=batch,
        )

    for batch in (None, 500):
        contests: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "permutation": (lambda: flips(batch), lambda: permutation_test(paired, RESAMPLES)),  # noqa: B023 - called in this turn
            "percentile": (
                lambda: scipy_bootstrap(baseline, candidate, "percentile", batch),  # noqa: B023 - called in this turn
                lambda: bootstrap_interval(paired, resamples=RESAMPLES, method="percentile"),
            ),
            "bca": (
                lambda: scipy_bootstrap(baseline, candidate, "BCa", batch),  # noqa: B023 - called in this turn
                lambda: bootstrap_interval(paired, resamples=RESAMPLES, method="bca"),
            ),
        }
        for name, (theirs, ours) in contests.items():
            pairs = [(seconds(theirs), seconds(ours)) for _ in range(ROUNDS)]
            a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio = statistics.median(x / y for x, y in pairs)
            called = "as it is" if batch is None else f"batch={batch}"
            print(f"{name:11} scipy ({called:9}) {a:6.2f} s  fusion_eval {b:6.3f} s  ratio {ratio:5.0f}")


def large() -> None:
    """Measure the large comparison. It runs first, because scipy would raise the peak memory."""
    random = np.random.default_rng(1)
    baseline = random.random(LARGE)
    paired = paired_values(baseline, baseline + random.normal(0, 0.1, LARGE))
    for name, test in (("permutation", permutation_test), ("bca", bootstrap_interval)):
        taken = seconds(lambda: test(paired))  # noqa: B023 - called in this turn
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{name:11} {LARGE:,} items, 10,000 resamples: {taken:5.1f} s, at most {peak / 1e6:.2f} GB")


if __name__ == "__main__":
    large()
    main()
