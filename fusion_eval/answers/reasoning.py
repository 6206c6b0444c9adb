"""Prompts, few-shot examples and scores of the reasoning tasks.

A document of these tasks has four fields: `question`; `language`, an ISO code; `references`, the accepted answers, the
usual one first; `worked`, the steps to the answer for few-shot examples, empty if the data set has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fusion_eval.answers.equivalence import same_answer
from fusion_eval.answers.final_answer import final_answer
from fusion_eval.answers.lead_ins import MARKERS
from fusion_eval.answers.same_text import same_text

INSTRUCTIONS = {
    "en": 'Think step by step. Finish with a single line that begins with "{marker}" and holds only the answer.',
    "fr": 'Raisonnez étape par étape. Terminez par une seule ligne qui commence par "{marker}" et ne contient que la réponse.',
    "de": 'Denke Schritt für Schritt nach. Schließe mit einer einzigen Zeile ab, die mit "{marker}" beginnt und nur die Antwort enthält.',
    "es": 'Razona paso a paso. Termina con una sola línea que empiece por "{marker}" y contenga únicamente la respuesta.',
    "ru": 'Рассуждай шаг за шагом. Закончи одной строкой, которая начинается с "{marker}" и содержит только ответ.',
    "it": 'Ragiona passo dopo passo. Concludi con una sola riga che inizi con "{marker}" e contenga soltanto la risposta.',
    "pt": 'Raciocine passo a passo. Termine com uma única linha que comece com "{marker}" e contenha apenas a resposta.',
    "ja": "順を追って考えてください。最後の一行は「{marker}」で始め、答えだけを書いてください。",
    "ko": '단계별로 생각하세요. 마지막 한 줄에는 "{marker}"라고 쓴 뒤 답만 적으세요.',
    "zh": "请逐步推理。最后单独写一行，以“{marker}”开头，只写答案。",
    "ar": 'فكّر خطوة بخطوة. اختم بسطر واحد يبدأ بـ "{marker}" ولا يحتوي إلا على الإجابة.',
    "hi": 'चरण-दर-चरण सोचिए। अंत में केवल एक पंक्ति लिखिए जो "{marker}" से शुरू हो और जिसमें सिर्फ़ उत्तर हो।',
    "sw": 'Fikiri hatua kwa hatua. Malizia kwa mstari mmoja unaoanza na "{marker}" na wenye jibu pekee.',
    "th": 'คิดทีละขั้นตอน จบด้วยบรรทัดเดียวที่ขึ้นต้นด้วย "{marker}" และมีเพียงคำตอบเท่านั้น',
}
"""The instruction below each question, by language (ISO code). It asks for the line with the final answer."""


def prompt(doc: Mapping[str, Any]) -> str:
    """Return the question, followed by the instruction how to answer, in the language of the question."""
    language = doc["language"]
    instruction = INSTRUCTIONS[language].format(marker=MARKERS[language])
    return f"{doc['question'].strip()}\n\n{instruction}"


def target(doc: Mapping[str, Any]) -> str:
    """Return a model reply for few-shot examples: the steps to the answer if known, then the answer's line."""
    marker: str = MARKERS[doc["language"]]
    space = "" if marker.endswith("：") else " "  # a full-width colon includes its space
    return f"{doc['worked']}\n\n{marker}{space}{doc['references'][0]}".strip()


def extract_answer(doc: Mapping[str, Any], reply: str) -> str | None:
    """Return the final answer of a reply; None if it has none. Strategies that vote compare these texts."""
    answer = final_answer(reply, doc["language"])
    return None if answer is None else answer.strip() or None


def exact_match(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return `exact_match`: 1.0 if the final answer of the reply equals the reference mathematically, else 0.0."""
    answer = final_answer(results[0], doc["language"])
    return {"exact_match": float(same_answer(answer, doc["references"][0], doc["language"]))}


def answer_match(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return `answer_match`: 1.0 if the final answer of the reply is one of the references as text, else 0.0."""
    answer = final_answer(results[0], doc["language"])
    return {"answer_match": float(same_text(answer, doc["references"], doc["language"]))}


# The harness finds the metric alone. Strategies that vote find the answer through it.
exact_match.extract_answer = answer_match.extract_answer = extract_answer  # type: ignore[attr-defined] # see above
