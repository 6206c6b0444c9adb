"""Small multiple-choice tasks in the schemas of Global-MMLU, Belebele, ARC and XWinograd."""

from __future__ import annotations

from pathlib import Path

COMMON = """
custom_dataset: !function {name}_data.load
test_split: test
fewshot_split: dev
output_type: multiple_choice
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
task: {name}
"""
DATA = """
from datasets import Dataset

def load(**_):
    return {{"test": Dataset.from_list({test!r}), "dev": Dataset.from_list({dev!r})}}
"""
GLOBAL_MMLU = """
doc_to_text: "{{question.strip()}}\\nA. {{option_a}}\\nB. {{option_b}}\\nC. {{option_c}}\\nD. {{option_d}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
"""
BELEBELE = """
doc_to_text: "P: {{flores_passage}}\\nQ: {{question.strip()}}\\nA: {{mc_answer1}}\\nB: {{mc_answer2}}\\nC: {{mc_answer3}}\\nD: {{mc_answer4}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: "{{['1', '2', '3', '4'].index(correct_answer_num)}}"
"""
ARC = """
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{choices.label.index(answerKey)}}"
doc_to_choice: "{{choices.text}}"
"""
XWINOGRAD = """
doc_to_text: "{{gold}}"
doc_to_choice: "{{[before + option1, before + option2]}}"
doc_to_target: "{{after}}"
"""

SIGNS = """
doc_to_text: "{{text}}\\n\\nAssistant: I believe the best answer is"
doc_to_choice: "{{[yes, no]}}"
doc_to_target: gold
"""


def write_choice_task(
    folder: Path, name: str, schema: str, test: list[dict], dev: list[dict] | None = None
) -> None:
    """Write a task with the schema of a benchmark and these documents into a folder."""
    (folder / f"{name}.yaml").write_text(COMMON.format(name=name) + schema, encoding="utf-8")
    (folder / f"{name}_data.py").write_text(DATA.format(test=test, dev=dev or test), encoding="utf-8")


def mmlu_doc(question: str, *options: str, answer: str) -> dict[str, str]:
    """Return a document of Global-MMLU."""
    keys = ("option_a", "option_b", "option_c", "option_d")
    return {"question": question, **dict(zip(keys, options, strict=True)), "answer": answer}


CAPITALS = [
    mmlu_doc("Quelle est la capitale de la France ?", "Lyon", "Paris", "Lille", "Nice", answer="B"),
    mmlu_doc("Quelle est la capitale de l'Italie ?", "Rome", "Milan", "Turin", "Naples", answer="A"),
    mmlu_doc("Quelle est la capitale de l'Espagne ?", "Vigo", "Bilbao", "Madrid", "Séville", answer="C"),
]
SHOT = mmlu_doc("Quelle est la capitale du Portugal ?", "Porto", "Faro", "Braga", "Lisbonne", answer="D")
