"""`fusion-eval synth --engine ray` on a real local cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, serve
from synth_lab import Lab, failures_in, reply, rows_in, write_prompts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="the engine ray needs the extra `ray`"
    ),
]

PROMPTS = 96
"""Three blocks for two actors, so that one is waiting when a node is lost."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a head with room for one actor, and a node with room for another and a GPU that does not exist."""
    import ray
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_log_monitor": False}
    head = {"include_dashboard": False, "no_monitor": True, **small}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes its time
        patch.setenv("RAY_gcs_server_request_timeout_seconds", "300")
        patch.setenv("RAY_health_check_period_ms", "300")  # a lost node is known in seconds
        patch.setenv("RAY_prestart_worker_first_driver", "0")
        patch.setenv("RAY_enable_metrics_collection", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")  # each saves a process, or seconds of waiting
        patch.setenv("RAY_health_check_initial_delay_ms", "0")
        patch.setenv("RAY_health_check_failure_threshold", "2")
        running = Cluster(initialize_head=True, head_node_args=head)
        node = running.add_node(num_gpus=1, **small)
        ray.init(address=running.address, log_to_driver=False)
        running.node_to_lose = node
        try:
            yield running
        finally:
            ray.shutdown()
            running.shutdown()


def test_vllm_in_the_cluster_answers_beside_an_endpoint(
    tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given the processor of ray.data.llm, with a stage in the place of the engine that needs a GPU
    llm = pytest.importorskip("ray.data.llm", reason="this version of Ray has no ray.data.llm")
    from fusion_eval.models.cluster import door, processor
    from fusion_eval.models.cluster.rows import kept_columns

    def with_fake_engine(self: Any, replicas: int) -> Any:
        config = self.config(replicas)
        assert (config.model_source, config.engine_kwargs["max_model_len"]) == ("teacher", 4096)
        return llm.Processor(config, [fake_engine_stage()], postprocess=kept_columns)

    monkeypatch.setattr(processor.VllmProcessor, "processor", with_fake_engine)
    monkeypatch.setattr(door, "QUIET", 0.2)
    write_prompts(tmp_path / "prompts.jsonl", 5, language="en")
    with serve(Plan(models=("a",), reply=reply)) as server:
        lab = Lab(tmp_path, server)
        # when
        options = ("--strategy", "single", "--engine", "ray", "--stop", "END")
        assert lab.synth(*options, model="vllm:teacher(max_model_len=4096)|a") == 0
        asked = {call.body["model"] for call in server.calls}
    # then
    assert asked == {"a"}, "another teacher behind an endpoint is asked as usual"
    rows = rows_in(lab.output)
    assert [row["candidates"][0]["text"] for row in rows] == [
        f"seed 0: Tell me a story about number {number}" for number in range(5)
    ]
    first = rows[0]["candidates"]
    assert [(one["model"], one["seed"]) for one in first] == [("teacher", 0), ("a", 0), ("teacher", 1)]
    assert [one["completion_tokens"] for one in first if one["model"] == "teacher"] == [3, 3]


def fake_engine_stage() -> Any:
    """Return a stage that answers rows in the columns of the vLLM stage."""
    from ray.llm._internal.batch.stages.base import StatefulStage, StatefulStageUDF

    class FakeEngine(StatefulStageUDF):
        async def udf(self, rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
            for row in rows:
                question, sampling = row["messages"][-1]["content"], row["sampling_params"]
                yield {
                    self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN],
                    "generated_text": f"seed {sampling['seed']}: {question}",
                    "num_input_tokens": 7,
                    "num_generated_tokens": 3,
                    "__inference_error__": "",
                }

    return StatefulStage(fn=FakeEngine, map_batches_kwargs={"concurrency": 1, "num_gpus": 1})


def test_a_node_is_lost_and_the_rows_are_those_of_one_process(tmp_path: Path, cluster: Any) -> None:
    # given a slow endpoint, and the output of one process
    write_prompts(tmp_path / "prompts.jsonl", PROMPTS, language="en")
    plan = Plan(models=("a", "b", "c"), reply=reply, latency=lambda number, request: 0.05)
    with serve(plan) as server:
        lab = Lab(tmp_path, server)
        options = ("--strategy", "single,fusion", "--pairs", "--filters", "length(least=60)")
        assert lab.synth(*options, output=tmp_path / "process", more=",concurrency=16") == 0
        (tmp_path / "store.sqlite").unlink()
        before = len(server.calls)

        def lose_a_node() -> None:
            while len(server.calls) < before + PROMPTS:
                time.sleep(0.05)
            cluster.remove_node(cluster.node_to_lose, allow_graceful=False)

        killer = threading.Thread(target=lose_a_node)
        killer.start()
        # when
        code = lab.synth(
            *options, "--engine", "ray", "--workers", "2", output=tmp_path / "ray", more=",concurrency=16"
        )
        killer.join()
        calls = server.calls[before:]
    # then
    assert code == 0
    for path in (tmp_path / "process").rglob("*.parquet"):
        assert (
            tmp_path / "ray" / path.relative_to(tmp_path / "process")
        ).read_bytes() == path.read_bytes(), path
    assert failures_in(tmp_path / "ray" / "single"), "the filter dropped some rows in both"
    asked = Counter(repr(call.body) for call in calls if call.status == 200)
    assert sum(count - 1 for count in asked.values()) <= 64, "only what was in flight is asked again"
