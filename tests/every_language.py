"""Every strategy on two short prompts in each of eleven languages, with the embedded model, and the store that holds its answers.

Where a strategy is new, or where a prompt or a default of one has changed, let the model answer what the store lacks:

    python tests/every_language.py
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from fusion_eval.harness.joint import JointAnswers
from fusion_eval.harness.lm import model_type
from fusion_eval.harness.run import Plan, check_plan, evaluate, plan_needs_logprobs
from fusion_eval.models.opener import Opener, open_store

TASKS = Path(__file__).parent / "data" / "every_language"
STORE = TASKS / "store.sqlite"
LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "pt", "ru", "zh")
N = 2
"""Candidates in a pool."""
CALLS = {
    "single": (0, 0),
    "random": (0, 0),
    "longest": (0, 0),
    "greedy": (1, 1),
    "bon": (0, 0),
    "bon(scorer=confidence)": (0, 0),
    "mbr": (0, 0),
    "majority": (0, 0),
    "weighted_majority(by=self_certainty)": (0, 0),
    "usc(max_tokens=6)": (0, 1),
    "genselect(max_tokens=6)": (0, 1),
    "pairrank(budget=1n,max_tokens=6)": (0, N),
    "chops(max_tokens=6)": (0, 2),
    "council(max_tokens=6)": (2, 2),
    "route": (0, 1),
    "fusion": (1, 1),
    "rank_fusion(k=1,by=logprob)": (1, 1),
    "guarded_fusion(by=chrf)": (1, 1),
    "refine(max_tokens=6)": (1, 2),
    "moa": (N, N + 1),  # no last call if every proposal fails
    "rsa(population=3,k=2,rounds=1)": (3, 3),
}
"""Each strategy, with the fewest and the most calls that it makes beside those of a pool of `N`."""


def answer_all(output: Path, *, store: Path = STORE, offline: bool = True) -> None:
    """Answer by every strategy in every language, from the store alone, or by the model what the store lacks.

    It is a run without its scores: `output` gets a folder with traces for each strategy.
    """
    model_args = {"n": N, "temperature": 1, "fusor_max_tokens": 6, "cache": str(store), "offline": offline}
    tasks = tuple(f"short_{language}" for language in LANGUAGES)
    plan = Plan(output, tasks, tuple(CALLS), model_args, include_path=TASKS)
    arguments, manager = check_plan(plan)
    with open_store(arguments) as opened:
        opener, logprobs = Opener(arguments, opened), plan_needs_logprobs(plan)
        lms = [
            model_type(strategy)(
                opener=opener, logprobs=logprobs, trace_dir=str(plan.folder(strategy)), **model_args
            )
            for strategy in plan.strategies
        ]
        JointAnswers(lms, opener, print)
        evaluate(lms[0], plan, manager)  # all of them answer when the first is asked


def generations_in(store: Path) -> int:
    """Return how many generations a store holds; 0 without the file."""
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM generations")
        return int(count)


def complete_store() -> None:
    """Let the model answer what the store lacks, and write it as one file without a log beside it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "store.sqlite"
        if STORE.exists():
            shutil.copy(STORE, made)
        stored = generations_in(made)
        answer_all(Path(folder) / "runs", store=made, offline=False)
        if generations_in(made) == stored:
            return
        with closing(sqlite3.connect(made)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("VACUUM")
        shutil.copy(made, STORE)


if __name__ == "__main__":
    complete_store()
