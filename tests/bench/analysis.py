"""Time and memory of an analysis of many pools: `python tests/bench/analysis.py [prompts] [candidates]`.

The candidates come from a Parquet file that this program writes first, so the time is that of reading it, of every curve
with its intervals and differences, and of the other tables. The curves are compared with plain formulas of numpy.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fusion_eval.analysis.analyze import analyze_pools
from fusion_eval.analysis.parquet import read_pools, write_pools
from fusion_eval.analysis.pools import ScoredPools, StrategyAnswers
from fusion_eval.runs.analysis import Analysis

LANGUAGES = ("en", "fr", "de", "es", "ja")


def main() -> None:
    """Write the pools in a process of its own, whose memory does not count; then analyze them."""
    if len(sys.argv) > 3:
        write_pools(synthetic_pools(int(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3]))
        return
    prompts, candidates = (int(word) for word in [*sys.argv[1:], "100000", "16"][:2])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, str(prompts), str(candidates), folder], check=True)
        megabytes = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        print(f"{prompts:,} prompts x {candidates} candidates, {megabytes:.0f} MB of Parquet")
        started, cpu = time.perf_counter(), time.process_time()
        pools = read_pools(Path(folder))
        report("read", started, cpu)
        analysis = analyze_pools(pools)
        report(
            f"read and {len(analysis.curves) + len(analysis.differences):,} points with intervals",
            started,
            cpu,
        )
        check(analysis, pools)


def report(what: str, started: float, cpu: float) -> None:
    """Print the seconds since the start and the largest memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{what}: {time.process_time() - cpu:.1f} s CPU, {time.perf_counter() - started:.1f} s, {peak:.2f} GB"
    )


def synthetic_pools(prompts: int, candidates: int) -> list[ScoredPools]:
    """Return pools of several languages in which harder prompts have fewer right candidates."""
    random = np.random.default_rng(0)
    size = prompts // len(LANGUAGES)
    return [_pools(language, size, candidates, random) for language in LANGUAGES]


def _pools(language: str, size: int, n: int, random: np.random.Generator) -> ScoredPools:
    difficulty = random.beta(1, 1, size)[:, None]
    answers = np.where(random.random((size, n)) < difficulty, 0, random.integers(1, 12, (size, n)))
    values = (answers == 0).astype(np.float64)
    chosen = random.integers(0, n, size)
    selected = StrategyAnswers(
        name="single",
        values=values[np.arange(size), chosen],
        chosen=chosen,
        fallback=np.zeros(size, dtype=bool),
        calls=np.zeros(size, dtype=np.int64),
        prompt_tokens=np.zeros(size, dtype=np.int64),
        completion_tokens=np.zeros(size, dtype=np.int64),
        cost=np.zeros(size),
        seconds=np.zeros(size),
    )
    return ScoredPools(
        task=f"bench_{language}",
        family="bench",
        language=language,
        metric="exact_match",
        filter="none",
        higher_is_better=True,
        documents=np.arange(size),
        clusters=np.array([f"bench/{number}" for number in range(size)], dtype=object),
        values=values,
        models=("a", "b"),
        model=np.tile(np.arange(n) % 2, (size, 1)),
        prompt_tokens=np.full((size, n), 100),
        completion_tokens=random.integers(10, 500, (size, n)),
        cost=np.full((size, n), 1e-4),
        seconds=random.random((size, n)),
        answers=answers,
        scores={
            "logprob": random.normal(size=(size, n)) + values,
            "reward": random.normal(size=(size, n)) + 2 * values,
        },
        strategies=(selected,),
    )


def check(analysis: Analysis, pools: list[ScoredPools]) -> None:
    """Compare pass@k and the best of k by a score over all languages with formulas written once more."""
    points = {
        (row.estimator, row.scorer, row.k): row.value for row in analysis.curves if row.language == "all"
    }
    n = pools[0].n_candidates
    for k in range(1, n + 1):
        passed, best = [], []
        for part in pools:
            wrong = n - part.values.sum(axis=1)
            steps = np.arange(k)
            passed.append((1 - np.prod(np.maximum(wrong[:, None] - steps, 0) / (n - steps), axis=1)).mean())
            order = np.take_along_axis(part.values, part.scores["reward"].argsort(axis=1), axis=1)
            chance = (
                np.array([np.prod((i - np.arange(k - 1)) / (n - 1 - np.arange(k - 1))) for i in range(n)])
                * k
                / n
            )
            best.append((order * np.maximum(chance, 0)).sum(axis=1).mean())
        assert abs(points["pass", None, k] - np.mean(passed)) < 1e-9
        assert abs(points["best_of", "reward", k] - np.mean(best)) < 1e-9
    print(f"pass@k and best-of-k equal the plain formulas for k = 1…{n}")


if __name__ == "__main__":
    main()
