"""A judge with known tastes, for a local server: what it says of two answers is a function of the prompt alone."""

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
from fusion_eval.judging.judge import VERDICTS, Panel
from fusion_eval.judging.judge import judge as judge_runs
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs

_ANSWER = r"--- answer {} [0-9a-f]{{8}} ---\n(.*?)\n--- end of answer {} [0-9a-f]{{8}} ---"
Taste = Callable[[str, str, random.Random], str]
"""Answers A and B, and luck that is the pair's own -> the mark."""


def shown(prompt: str) -> tuple[str, str]:
    """The two answers as the judge sees them."""
    a, b = (re.search(_ANSWER.format(x, x), prompt, re.DOTALL) for x in "AB")
    assert a and b
    return a[1], b[1]


def judging(taste: Taste, **others: Taste) -> Plan:
    """A server whose model `test-model` judges so, and others by their names; a mark that is none is unreadable."""
    tastes = {"test-model": taste, **others}

    def reply(request: Request, index: int) -> str:
        prompt = prompt_text(request)
        luck = random.Random(f"{prompt} {request.get('seed')} {index}")
        mark = tastes[request["model"]](*shown(prompt), luck)
        if "response_format" in request:
            return json.dumps({"reason": "One of them is better.", "verdict": mark})
        return f"One of them is better.\n\n[[{mark}]]"

    return Plan(models=tuple(tastes), reply=reply)


def judged(
    server: Server,
    runs: Sequence[Path],
    output: Path | None = None,
    *,
    judge: str = "test-model",
    say: Callable[[str], None] = print,
    who: Mapping[str, Any] | None = None,
    **job: Any,
) -> Comparison:
    """What `fusion-eval judge` comes to; `who` are options of the panel, `job` those of the job."""
    panel = Panel(judge, server.base_url, **(who or {}))
    return judge_runs(Job(tuple(read_runs(runs)), **job), panel, output, None, say)


def lines_of(output: Path) -> list[dict[str, Any]]:
    """`verdicts.jsonl`."""
    return [json.loads(line) for line in (output / VERDICTS).read_text(encoding="utf-8").splitlines()]


def quality(answer: str) -> float:
    """The number that an answer carries, as `q=0.7`; 0 where there is none."""
    found = re.search(r"q=([0-9.]+)", answer)
    return float(found[1]) if found else 0.0


def by_quality(a: str, b: str, luck: random.Random) -> str:
    return "C" if quality(a) == quality(b) else "A" if quality(a) > quality(b) else "B"


def always_first(a: str, b: str, luck: random.Random) -> str:
    return "A"


def prefers_first(share: float) -> Taste:
    """By quality, but with probability `share` whoever stands first."""
    return lambda a, b, luck: "A" if luck.random() < share else by_quality(a, b, luck)


def longer(a: str, b: str, luck: random.Random) -> str:
    return "C" if len(a) == len(b) else "A" if len(a) > len(b) else "B"


def open_run(folder: Path, answers: Sequence[str], task: str = "open_en", **doc: Any) -> Path:
    """A run of a task without references, in the harness's format; `doc` gives more fields, a list each."""
    return write_run(folder, {task: open_samples(answers, **doc)})


def open_samples(answers: Sequence[str], **doc: Any) -> list[dict[str, Any]]:
    """The samples of such a task. A `prompt` among the fields is what was asked."""
    asked = doc.get("prompt", [f"Question {number}?" for number in range(len(answers))])
    return [
        {
            "doc_id": number,
            "doc": {"id": f"q{number}", "prompt": asked[number], **{k: v[number] for k, v in doc.items()}},
            "target": "",
            "arguments": {"gen_args_0": {"arg_0": asked[number], "arg_1": {}}},
            "resps": [[answer]],
            "filtered_resps": [answer],
            "filter": "none",
            "metrics": ["empty"],
            "empty": float(not answer),
        }
        for number, answer in enumerate(answers)
    ]


def graded(folder: Path, qualities: Sequence[float]) -> Path:
    """A run whose answers carry their quality, and its name, so that no two systems' answers are equal."""
    return open_run(folder, [f"{folder.name} q={q}" for q in qualities])


def drawn(n: int, seed: int, shift: float = 0.0) -> list[float]:
    """Qualities of which no two are equal."""
    luck = random.Random(seed)
    return [round(1 + luck.random() + shift, 6) for _ in range(n)]


def muttering(a: str, b: str, luck: random.Random) -> str:
    """Unreadable wherever an answer is mute."""
    return "?" if "mute" in a + b else by_quality(a, b, luck)


def two_languages(folder: Path, french: Sequence[float], german: Sequence[float]) -> Path:
    samples = {
        f"open_{language}": open_samples(
            [f"{folder.name} {language} q={q}" for q in qualities],
            prompt=[f"{language} {number}?" for number in range(len(qualities))],
        )
        for language, qualities in (("fr", french), ("de", german))
    }
    return write_run(folder, samples)


def hesitant(right: float) -> Taste:
    """By quality, but with probability 1 - `right` the other way round, anew for every reply."""

    def taste(a: str, b: str, luck: random.Random) -> str:
        better = by_quality(a, b, luck)
        return better if luck.random() < right else {"A": "B", "B": "A"}[better]

    return taste
