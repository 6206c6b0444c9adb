"""A run's rows from the harness's results and the traces beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fusion_eval.report.outcome import outcome_of
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace, to_json


def trace(task: str, strategy: str, *calls: Candidate) -> Trace:
    pool = Pool(Prompt("q"), (Candidate("a", "m", 0, prompt_tokens=10, completion_tokens=3, latency=2.0),
                              Candidate("b", "m", 1, completion_tokens=4, latency=2.0)))  # fmt: skip
    return Trace(task, 0, 0, strategy, None, pool, Answer("a", calls=calls), "a")


def results(value: float, **more: Any) -> dict[str, Any]:
    leaves = {
        name: {"alias": name, "score,none": value, "score_stderr,none": 1.0} for name in ("t_fr", "t_ja")
    }
    group = {"score,none": value, "score_stderr,none": "N/A"}
    return {
        "results": leaves | {"t": group},
        "groups": {"t": group},
        "group_subtasks": {"t": ["t_fr", "t_ja"]},
        "configs": {name: {"metadata": {"language": name[2:]}} for name in leaves},
    } | more


def write(folder: Path, strategy: str, *traces: Trace, name: str = "traces.jsonl") -> None:
    (folder / strategy).mkdir(exist_ok=True)
    (folder / strategy / name).write_bytes(b"".join(to_json(one) + b"\n" for one in traces))


def test_rows_are_languages_then_the_group_and_the_shared_pool_counts_once(tmp_path):
    fused = Candidate("f", "m", 0, prompt_tokens=20, completion_tokens=5, latency=1.0)
    write(tmp_path, "single", trace("t_fr", "single"), trace("t_ja", "single"))
    write(tmp_path, "fusion", trace("t_fr", "fusion", fused), trace("t_ja", "fusion", fused))

    outcome = outcome_of({"single": results(40.0), "fusion": results(50.0)}, tmp_path)

    assert [row.label for row in outcome.rows] == ["fr", "ja", "all"]
    assert outcome.metric == "score"
    assert [(row.tokens, row.seconds) for row in outcome.rows] == [(42, 3.0), (42, 3.0), (84, 6.0)]
    assert outcome.rows[0].scores["fusion"].value == 50.0
    assert outcome.rows[0].scores["single"].stderr == 1.0
    assert outcome.rows[2].scores["single"].stderr is None
    assert outcome.totals["fusion"].aggregation_calls == 2


def test_the_traces_of_all_ranks_count(tmp_path):
    write(tmp_path, "single", trace("t_fr", "single"))
    write(tmp_path, "single", trace("t_ja", "single"), name="traces.rank1.jsonl")

    assert outcome_of({"single": results(1.0)}, tmp_path).totals["single"].prompts == 2


def test_a_task_without_a_number_has_no_row_and_breaks_nothing(tmp_path):
    write(tmp_path, "single", trace("t_fr", "single"))
    empty = results(1.0, results={"t_fr": {"alias": "t_fr"}, "t_ja": {"alias": "t_ja"}}, groups={})

    assert outcome_of({"single": empty}, tmp_path).rows == ()
