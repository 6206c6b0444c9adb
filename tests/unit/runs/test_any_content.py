"""Files may hold anything: a run with any value in any field is compared or refused, and nothing else happens."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from compared_runs import compared
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_folders import DATE, samples, write_run

from fusion_eval.errors import ConfigError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SAMPLE_FIELDS = [*samples([1.0])[0], "doc_hash", "prompt_hash", "target_hash"]
RESULT_PARTS = [
    *("results", "configs", "versions", "n-shot", "higher_is_better", "config", "model_name"),
    *("results/quiz", "configs/quiz", "config/limit", "config/signature", "versions/quiz"),
    *("configs/quiz/metadata", "configs/quiz/metric_list", "configs/quiz/filter_list"),
]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(field=st.sampled_from(SAMPLE_FIELDS), value=JSON)
def test_any_value_in_any_field_of_a_sample(tmp_path: Path, field: str, value: object) -> None:
    # given
    records = [samples([1.0])[0] | {field: value}, *samples([1.0, 0.5])[1:]]
    folder = write_run(tmp_path / "run", {"quiz": records})
    # when, then
    with contextlib.suppress(ConfigError):
        compared(folder, folder, resamples=100)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(path=st.sampled_from(RESULT_PARTS), value=JSON)
def test_any_value_in_any_part_of_a_results_file(tmp_path: Path, path: str, value: object) -> None:
    # given
    folder = write_run(tmp_path / "run", {"quiz": samples([1.0, 0.5])})
    file = folder / "model" / f"results_{DATE}.json"
    content = json.loads(file.read_text())
    *parents, last = path.split("/")
    part = content
    for name in parents:
        part = part[name]
    part[last] = value
    file.write_text(json.dumps(content))
    # when, then
    with contextlib.suppress(ConfigError):
        compared(folder, folder, resamples=100)
