"""inspect_ai, the real one, asks the server by both of its providers that take a base URL."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openai_server import Plan, Server
from served import served

needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: the extra inspect brings it",
)
MODELS = ["openai-api/fusion-eval/fusion", "openai/fusion"]


def fuse_or_sample(request: dict, index: int) -> str:
    """Answer wrongly as a candidate, and rightly as the fusor, which asks at temperature 0."""
    numbers = re.findall(r"(\d+) \+ 1", request["messages"][-1]["content"])
    right = int(numbers[-1]) + 1 if numbers else 0
    return f"Answer: [[ {right} ]]" if request.get("temperature") == 0 else "I do not know."


@pytest.mark.slow
@needs_inspect
def test_a_task_of_inspect_is_answered_by_a_strategy(
    openai_server: Callable[[Plan], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    import inspect_ai
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate, system_message

    upstream = openai_server(Plan(reply=fuse_or_sample))
    task = inspect_ai.Task(
        name="sums",
        dataset=[Sample(id=str(i), input=f"What is {i} + 1?", target=str(i + 1)) for i in range(1, 6)],
        solver=[system_message("You add numbers."), generate()],
        scorer=match(),
    )
    with served("fusion", model="test-model", base_url=upstream.base_url, n=3) as url:
        for provider in ("FUSION_EVAL", "OPENAI"):
            monkeypatch.setenv(f"{provider}_BASE_URL", url)
            monkeypatch.setenv(f"{provider}_API_KEY", "none")
        # when
        logs = inspect_ai.eval(
            task,
            model=MODELS,
            model_args={"responses_api": False},  # the provider openai would ask for /v1/responses
            log_dir=str(tmp_path),
            display="none",
            temperature=0.7,
            max_tokens=64,
            max_retries=0,
        )
    # then
    assert [(log.eval.model, log.status) for log in logs] == [(model, "success") for model in MODELS]
    for log in logs:
        assert log.results.scores[0].metrics["accuracy"].value == 1.0
        assert sorted(sample.output.completion for sample in log.samples) == ["2", "3", "4", "5", "6"]
        assert log.samples[0].output.usage.output_tokens == 3 * 4 + 4  # three candidates, and the fusor
