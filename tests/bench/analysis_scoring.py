"""Time of scoring the candidates of many pools with workers: `python tests/bench/analysis_scoring.py [prompts] [candidates]`.

The candidates are short French texts, all different, scored by chrF as the task `fusion_demo_fr` does. All processors
are used, as `fusion-eval analyze` does for as many candidates.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

from fusion_eval.harness import host
from fusion_eval.harness.candidate_scores import PoolToScore, score_all
from fusion_eval.harness.choices import load_run_tasks

TASK = "fusion_demo_fr"


def main() -> None:
    """Score the pools one after another as they are made, and print the time of this process and of its workers."""
    prompts, candidates = (int(word) for word in [*sys.argv[1:], "100000", "16"][:2])
    host.silence()
    tasks = load_run_tasks([TASK], None)
    started, total, scored = time.perf_counter(), 0.0, 0
    for scores in score_all(pools(tasks[TASK], prompts, candidates), tasks, prompts):
        scored += scores.values.size
        total += float(scores.values.sum())
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, workers))
    print(
        f"{prompts:,} prompts x {candidates} candidates: {scored:,} chrF values, mean {total / scored:.2f}, "
        f"{time.perf_counter() - started:.0f} s, {cpu:.0f} s CPU with start, {own.ru_maxrss / 1e6:.2f} GB in this process"
    )


def pools(task: Any, prompts: int, candidates: int) -> Iterator[PoolToScore]:
    """Yield pools whose candidates are reference texts with some of their words replaced by others."""
    docs = list(task.eval_docs)
    texts = [str(task.doc_to_target(doc)).split() for doc in docs]
    words, draw = [word for text in texts for word in text], random.Random(0)
    for number in range(prompts):
        place = number % len(docs)
        written = tuple(
            " ".join(draw.choice(words) if draw.random() < 0.3 else word for word in texts[place])
            + f" {number}"
            for _ in range(candidates)
        )
        yield PoolToScore(TASK, number, docs[place], written, None, (("chrf", "none"),))


if __name__ == "__main__":
    main()
