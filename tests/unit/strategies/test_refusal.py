"""Recognizing a refusal in the 11 languages, and nothing else."""

from __future__ import annotations

import pytest

from fusion_eval.strategies.refusal import is_refusal

REFUSALS = {
    "en": [
        "I'm sorry, but I can't assist with that.",
        "I cannot help with this request.",
        "Sorry, I am unable to provide this.",
        "As an AI language model, I do not give medical advice.",
        "\u200b**I can’t help with that.**",
        "I apologize, but I must decline to answer.",
    ],
    "fr": ["Je suis désolé, mais je ne peux pas vous aider.", "Je ne peux pas répondre à cette question."],
    "de": ["Es tut mir leid, aber dabei kann ich nicht helfen.", "Ich kann diese Frage nicht beantworten."],
    "es": ["Lo siento, pero no puedo ayudarte con eso.", "No puedo responder a esa pregunta."],
    "ru": ["Извините, но я не могу помочь с этим.", "Я не могу ответить на этот вопрос."],
    "it": ["Mi dispiace, ma non posso aiutarti.", "Non posso rispondere a questa domanda."],
    "pt": ["Sinto muito, mas não posso ajudar com isso.", "Não consigo responder a isso."],
    "ja": [
        "申し訳ありませんが、お手伝いできません。",
        "その質問にはお答えできません。",
        "ご要望にはお応えいたしかねます。",
    ],
    "ko": [
        "죄송하지만 도와드릴 수 없습니다.",
        "그 질문에는 답변해 드릴 수 없습니다.",
        "도움을 드리기 어렵습니다.",
    ],
    "zh": ["很抱歉，我无法帮助您。", "这个问题我不能回答。", "對不起，我無法提供協助。"],
    "ar": ["عذرًا، لا أستطيع مساعدتك في ذلك.", "آسف، لا يمكنني الإجابة على هذا السؤال."],
}
ANSWERS = [
    "I'm sorry, I'm late.",
    "Sorry seems to be the hardest word.",
    "I can't wait to see you.",
    "I cannot stress this enough: help is near.",
    "I will not go to the party to night.",
    "As an AI engineer, I build models.",
    "I can't help thinking of Paris.",
    "The guard said: I cannot help you.",
    "Désolé pour le retard.",
    "Je ne peux pas venir demain.",
    "Es tut mir leid, ich bin zu spät.",
    "Ich kann heute nicht kommen.",
    "Lo siento, llego tarde.",
    "Извините за опоздание.",
    "Просто возьмите зонт.",
    "Mi dispiace per il ritardo.",
    "Desculpe o atraso.",
    "遅れて申し訳ありません。",
    "늦어서 죄송합니다.",
    "对不起，我迟到了。",
    "آسف على التأخير.",
    "",
]


@pytest.mark.parametrize(
    ("language", "text"), [(code, text) for code, texts in REFUSALS.items() for text in texts]
)
def test_a_refusal_is_recognized_in_every_language(language: str, text: str) -> None:
    assert is_refusal(text, ["Paris."])


@pytest.mark.parametrize("text", ANSWERS)
def test_an_apology_or_a_negation_in_an_answer_is_no_refusal(text: str) -> None:
    """A translation of "I'm sorry, I'm late" is an answer."""
    assert not is_refusal(text, ["Paris."])


def test_if_a_candidate_refuses_too_a_refusal_counts_as_an_answer() -> None:
    assert not is_refusal("I cannot help with that.", ["No.", "I'm sorry, but I can't assist with that."])
