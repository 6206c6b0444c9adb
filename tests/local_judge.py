"""A local server whose judge replies by a known rule, and runs of open-ended answers for it to judge."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openai_server import Plan, Request, Server, prompt_text
from run_folders import write_run

from fusion_eval.judging.job import Job
from fusion_eval.judging.judge import judge
from fusion_eval.judging.options import JudgeOptions
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.verdicts import FILE_NAME as VERDICTS

_ANSWER = r"--- answer {} \w+ ---\n(.*?)\n--- end of answer {} \w+ ---"
Rule = Callable[[str, str, random.Random], str]
"""Returns the mark for the answers A and B. The random numbers depend on the prompt and the seed."""
ServerStart = Callable[[Plan], Server]
"""The fixture `openai_server`."""


def shown_answers(prompt: str) -> tuple[str, str]:
    """Return the two answers in a judge's prompt."""
    a, b = (re.search(_ANSWER.format(x, x), prompt, re.DOTALL) for x in "AB")
    assert a and b
    return a[1], b[1]


def judge_server(rule: Rule, **others: Rule) -> Plan:
    """Plan a server whose model `test-model` judges by a rule, and other models by theirs."""
    rules = {"test-model": rule, **others}

    def reply(request: Request, index: int) -> str:
        prompt = prompt_text(request)
        luck = random.Random(f"{prompt} {request.get('seed')} {index}")
        mark = rules[request["model"]](*shown_answers(prompt), luck)
        if "response_format" in request:
            return json.dumps({"reason": "One of them is better.", "verdict": mark})
        return f"One of them is better.\n\n[[{mark}]]"

    return Plan(models=tuple(rules), reply=reply)


def judge_folders(
    server: Server,
    runs: Sequence[Path],
    output: Path | None = None,
    *,
    model: str = "test-model",
    report: Callable[[str], None] | None = None,
    options: Mapping[str, Any] | None = None,
    **job: Any,
) -> Comparison:
    """Judge runs in folders; `options` are fields of `JudgeOptions`, `job` those of `Job`."""
    judge_options = JudgeOptions(model, server.base_url, **(options or {}))
    return judge(Job(tuple(read_runs(runs)), **job), judge_options, output=output, report=report)


def verdict_lines(output: Path) -> list[dict[str, Any]]:
    """Return the lines of `verdicts.jsonl`."""
    return [json.loads(line) for line in (output / VERDICTS).read_text(encoding="utf-8").splitlines()]


# Rules


def quality(answer: str) -> float:
    """Return the number that an answer carries, such as 0.7 in `q=0.7`; 0 without one."""
    match = re.search(r"q=([0-9.]+)", answer)
    return float(match[1]) if match else 0.0


def by_quality(a: str, b: str, luck: random.Random) -> str:
    return "C" if quality(a) == quality(b) else "A" if quality(a) > quality(b) else "B"


def always_first(a: str, b: str, luck: random.Random) -> str:
    return "A"


def prefers_first(share: float) -> Rule:
    """Name the first answer with probability `share`, else judge by quality."""
    return lambda a, b, luck: "A" if luck.random() < share else by_quality(a, b, luck)


def prefers_longer(a: str, b: str, luck: random.Random) -> str:
    return "C" if len(a) == len(b) else "A" if len(a) > len(b) else "B"


def unreadable_on_mute(a: str, b: str, luck: random.Random) -> str:
    """Reply without a valid mark if an answer contains `mute`."""
    return "?" if "mute" in a + b else by_quality(a, b, luck)


def often_right(share: float) -> Rule:
    """Judge by quality with probability `share`, else name the worse answer; each reply is drawn anew."""

    def rule(a: str, b: str, luck: random.Random) -> str:
        better = by_quality(a, b, luck)
        return better if luck.random() < share else {"A": "B", "B": "A"}[better]

    return rule


# Runs


def open_run(folder: Path, answers: Sequence[str], task: str = "open_en", **doc: Any) -> Path:
    """Write a run of a task without references; `doc` gives more fields of the documents, a list each."""
    return write_run(folder, {task: open_samples(answers, **doc)})


def open_samples(answers: Sequence[str], **doc: Any) -> list[dict[str, Any]]:
    """Return samples with these answers. The field `prompt` is what was asked."""
    prompts = doc.get("prompt", [f"Question {number}?" for number in range(len(answers))])
    return [
        {
            "doc_id": number,
            "doc": {"id": f"q{number}", "prompt": prompts[number], **{k: v[number] for k, v in doc.items()}},
            "target": "",
            "arguments": {"gen_args_0": {"arg_0": prompts[number], "arg_1": {}}},
            "resps": [[answer]],
            "filtered_resps": [answer],
            "filter": "none",
            "metrics": ["empty"],
            "empty": float(not answer),
        }
        for number, answer in enumerate(answers)
    ]


def run_of_qualities(folder: Path, qualities: Sequence[float]) -> Path:
    """Write a run whose answers carry their quality, and the run's name, so that no two runs' answers are equal."""
    return open_run(folder, [f"{folder.name} q={q}" for q in qualities])


def random_qualities(n: int, seed: int, shift: float = 0.0) -> list[float]:
    """Draw n different qualities."""
    luck = random.Random(seed)
    return [round(1 + luck.random() + shift, 6) for _ in range(n)]


def two_language_run(folder: Path, french: Sequence[float], german: Sequence[float]) -> Path:
    """Write a run of the same task in French and in German, with these qualities."""
    samples = {
        f"open_{language}": open_samples(
            [f"{folder.name} {language} q={q}" for q in qualities],
            prompt=[f"{language} {number}?" for number in range(len(qualities))],
        )
        for language, qualities in (("fr", french), ("de", german))
    }
    return write_run(folder, samples)
