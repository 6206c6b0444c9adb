"""A task of lm-eval with the filter `judge` and the metric `win_rate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openai_server import Server

TASK = """
task: judged_task
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: {target}
repeats: {repeats}
filter_list:
  - name: judged
    filter:
      - function: judge
        judge: {judge}
        judge_base_url: {url}
        opponent: answer_b
        prompt: question
        max_tokens: 99
{more}
metric_list:
  - metric: win_rate
    aggregation: {aggregation}
    higher_is_better: true
metadata: {{version: 1.0}}
"""


def documents(rows: int) -> list[dict[str, Any]]:
    """Return documents whose field `answer_b` is an opponent's answer of medium quality."""
    return [
        {"id": i, "question": f"Question {i}?", "answer_b": "theirs q=0.5", "targets": ["x", "y"]}
        for i in range(rows)
    ]


def write_judged_task(folder: Path, server: Server, rows: int, **options: str) -> None:
    """Write the task `judged_task` and its documents; `options` fill in the template."""
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(doc) + "\n" for doc in documents(rows)))
    defaults = {
        "judge": "test-model",
        "more": "",
        "aggregation": "win_rate",
        "target": "answer_b",
        "repeats": "1",
    }
    (folder / "judged_task.yaml").write_text(
        TASK.format(url=server.base_url, data=data, **{**defaults, **options})
    )
