"""Small tasks that the harness loads, and their evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from openai_server import default_text, prompt_text

from fusion_eval.harness.lm import StrategyLM

TASK = """
task: {name}
custom_dataset: !function {name}_data.load
test_split: test
fewshot_split: fewshot
output_type: {kind}
description: "Do the sums.\\n\\n"
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
{more}
metric_list:
  - metric: {metric}
metadata:
  version: 1.0
"""
DATA = """
from datasets import Dataset

def load(**_):
    rows = [{{"question": f"What is {{i}} + {{i}}?", "answer": f"{{2 * i}} in all"}} for i in range({rows})]
    shots = [{{"question": "What is 50 + 50?", "answer": "100 in all"}}]
    return {{"test": Dataset.from_list(rows), "fewshot": Dataset.from_list(shots)}}
"""
GENERATE = (
    'generation_kwargs:\n  until: ["\\n"]\n  max_gen_toks: 40\n  temperature: 0.0\n  do_sample: false\n'
)


def write_tasks(
    folder: Path, *names: str, more: str = GENERATE, kind: str = "generate_until", rows: int = 4
) -> TaskManager:
    """Write a task for each name into the folder, and return a manager that finds them."""
    metric = "exact_match" if kind == "generate_until" else "acc"
    for name in names:
        (folder / f"{name}.yaml").write_text(TASK.format(name=name, kind=kind, more=more, metric=metric))
        (folder / f"{name}_data.py").write_text(DATA.format(rows=rows))
    return TaskManager(include_path=str(folder), include_defaults=False)


def fusing(request: dict[str, Any], index: int) -> str:
    """Reply to a fusor's request in the paper's form, and to a sampler's request with made-up words."""
    if "Answer: [[" in prompt_text(request):
        return "Comparison: they differ.\nAnswer: [[ fused ]]"
    return default_text(request["model"], prompt_text(request), (request.get("seed") or 0) + index, 0.7)


def evaluate(lm: StrategyLM, manager: TaskManager, *names: str, **options: Any) -> dict[str, Any]:
    """Evaluate with the harness, without its bootstrap."""
    results = simple_evaluate(model=lm, tasks=list(names), task_manager=manager, bootstrap_iters=0, **options)
    assert results is not None
    return results


def answers(results: dict[str, Any], task: str) -> list[str]:
    """Return the answer to each document."""
    return [sample["resps"][0][0] for sample in results["samples"][task]]
