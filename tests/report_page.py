"""Write small runs with pools and open their report in a real browser, for tests of the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from run_folders import write_run

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.report.html.report import Report, write_page
from fusion_eval.runs.reading import read_runs
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace, to_json

CHROMIUM = Path("/usr/bin/chromium")


@dataclass(frozen=True)
class Question:
    """One item: a prompt, candidates with their scores, and the text and score of each system's answer."""

    prompt: str
    candidates: Sequence[str]
    single: tuple[str, float]
    fusion: tuple[str, float]
    reference: str = "right"
    fallback: str | None = None
    comparison: str = ""


def write_runs(folder: Path, task: str, questions: Sequence[Question], language: str = "en") -> Path:
    """Write the runs `single` and `fusion` of these questions to a folder. Return the folder."""
    for system in ("single", "fusion"):
        samples = []
        traces = []
        for number, question in enumerate(questions):
            text, score = getattr(question, system)
            samples.append(
                {
                    "doc_id": number,
                    "doc": {"number": number},
                    "target": question.reference,
                    "arguments": {"gen_args_0": {"arg_0": question.prompt, "arg_1": {}}},
                    "resps": [[text]],
                    "filtered_resps": [text],
                    "filter": "none",
                    "metrics": ["acc"],
                    "acc": score,
                }
            )
            traces.append(_trace(task, number, system, language, question, text))
        write_run(folder / system, {task: samples}, config={task: {"metadata": {"language": language}}})
        lines = [to_json(trace) for trace in traces]
        (folder / system / "traces.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def _trace(task: str, number: int, system: str, language: str, question: Question, text: str) -> Trace:
    pool = Pool(
        Prompt(question.prompt),
        tuple(
            Candidate(one, "teacher", seed, completion_tokens=7)
            for seed, one in enumerate(question.candidates)
        ),
    )
    answer = (
        Answer(text, chosen=0)
        if system == "single"
        else Answer(text, comparison=question.comparison, fallback=question.fallback)
    )
    return Trace(task, number, 0, system, language, pool, answer, text)


def write_comparison_page(folder: Path) -> Path:
    """Write the page of both runs without pictures, which take long to draw. Return its path."""
    runs = read_runs([folder / "single", folder / "fusion"])
    comparison = compare(runs, ComparisonOptions(resamples=100))
    return write_page(Report(runs, comparison), folder)[0]


def data_of(page: str) -> list[str]:
    """Return the compressed blocks of data inside a page, each as base64."""
    blocks = page.split('<script type="text/plain" id="')[1:]
    return [block.split(">", 1)[1].split("<", 1)[0] for block in blocks]


def decoded(block: str) -> object:
    """Return the content of a block."""
    import base64
    import gzip

    return json.loads(gzip.decompress(base64.b64decode(block)))
