"""Local copies of the translation benchmarks, and models that translate them well or badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import lm_eval
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from openai_server import Plan, prompt_text
from task_files import TASKS, load

SENTENCES = [
    json.loads(line)
    for line in (TASKS / "fusion_demo/data/sentences.jsonl").read_text(encoding="utf-8").splitlines()
]
LANGUAGES = ("fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
CONFIGURATIONS = {
    "fr": "en-fr_FR", "de": "en-de_DE", "es": "en-es_MX", "ru": "en-ru_RU", "it": "en-it_IT",
    "pt": "en-pt_BR", "ja": "en-ja_JP", "ko": "en-ko_KR", "zh": "en-zh_CN", "ar": "en-ar_EG",
}  # fmt: skip
TEXT_METRICS = ("chrf", "chrf_corpus", "bleu")


class Translator(LM):
    """A model that computes its answer from the document."""

    def __init__(self, answer: Callable[[dict[str, str]], str]) -> None:
        super().__init__()
        self._answer = answer

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [self._answer(request.doc) for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def evaluate(answer: Callable[[dict[str, str]], str], *tasks: str) -> dict[str, Any]:
    """Let the harness evaluate a `Translator` on tasks."""
    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    result: dict[str, Any] = lm_eval.simple_evaluate(
        Translator(answer), tasks=list(tasks), task_manager=manager
    )
    return result


def reference(doc: Mapping[str, str]) -> str:
    """Return the reference as a model might write it."""
    return f" {doc['target']}\n"


def truncated(doc: Mapping[str, str]) -> str:
    """Return the first two thirds of the reference."""
    return doc["target"][: 2 * len(doc["target"]) // 3]


def segments(language: str) -> list[dict[str, Any]]:
    """Return rows in the form of WMT24++: three documents of six sentences, and three segments with bad sources."""
    rows = [("canary", "canary", True, "CANARY 1", "CANARY 1")]
    for number, sentence in enumerate(SENTENCES):
        rows.append(("news", f"doc-{number // 6}", False, sentence["en"], sentence[language]))
        if number % 9 == 4:
            rows.append(("social", f"doc-{number // 6}", True, "<a href='https://…'>", "<a>"))
    return [
        {
            "lp": CONFIGURATIONS[language], "domain": domain, "document_id": document, "segment_id": number,
            "is_bad_source": bad, "source": source, "target": target, "original_target": target,
        }
        for number, (domain, document, bad, source, target) in enumerate(rows)
    ]  # fmt: skip


def documents_of(name: str) -> list[dict[str, str]]:
    (task,) = load(name).values()
    return list(task.test_docs())


def model_that_answers(answers: Mapping[tuple[str, str], str]) -> Plan:
    """Return a plan of a server that knows its answers by the label of the language and the source."""

    def reply(request: dict[str, Any], index: int) -> str:
        _, source, label = prompt_text(request).split("\n\n")
        return answers[label, source]

    return Plan(reply=reply)


def questions_of(*names: str) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield ((label, source), document) for all documents of tasks."""
    for name, task in load(*names).items():
        assert name in names
        for doc in task.test_docs():
            _, source, label = task.fewshot_context(doc, 0).split("\n\n")
            yield (label, source), doc
