"""`fusion-eval synth --engine ray` on a real local cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, serve
from synth_lab import Lab, failures_in, reply, write_prompts

ray = pytest.importorskip("ray", reason="the engine ray needs the extra `ray`")

PROMPTS = 160


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a head without room for actors, and two nodes with room for one each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes its time
    monkeypatch.setenv("RAY_gcs_server_request_timeout_seconds", "300")
    memory = {"object_store_memory": 80 * 2**20}
    running = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **memory}
    )
    nodes = [running.add_node(num_cpus=1, **memory) for _ in range(2)]
    ray.init(address=running.address, log_to_driver=False)
    running.test_nodes = nodes
    try:
        yield running
    finally:
        ray.shutdown()
        running.shutdown()


@pytest.mark.slow
def test_a_node_is_lost_and_the_rows_are_those_of_one_process(tmp_path: Path, cluster: Any) -> None:
    # given a slow endpoint, and the output of one process
    write_prompts(tmp_path / "prompts.jsonl", PROMPTS, language="en")
    plan = Plan(models=("a", "b", "c"), reply=reply, latency=lambda number, request: 0.05)
    with serve(plan) as server:
        lab = Lab(tmp_path, server)
        options = ("--strategy", "single,fusion", "--pairs", "--filters", "length(least=60)")
        assert lab.synth(*options, output=tmp_path / "process", more=",concurrency=8") == 0
        (tmp_path / "store.sqlite").unlink()
        before = len(server.calls)

        def lose_a_node() -> None:
            while len(server.calls) < before + PROMPTS:
                time.sleep(0.05)
            cluster.remove_node(cluster.test_nodes[0], allow_graceful=False)

        killer = threading.Thread(target=lose_a_node)
        killer.start()
        # when
        code = lab.synth(
            *options, "--engine", "ray", "--workers", "2", output=tmp_path / "ray", more=",concurrency=8"
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
