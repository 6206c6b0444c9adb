"""Ask a multiple-choice question in words, and score the letter that a reply chooses."""

from __future__ import annotations

import hashlib
import json
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fusion_eval.answers.lead_ins import MARKERS

INSTRUCTIONS = {
    "en": 'Think step by step. Finish with a single line that begins with "{marker}" and holds only the letter of the correct option.',
    "fr": 'Raisonnez étape par étape. Terminez par une seule ligne qui commence par "{marker}" et ne contient que la lettre de la bonne option.',
    "de": 'Denke Schritt für Schritt nach. Schließe mit einer einzigen Zeile ab, die mit "{marker}" beginnt und nur den Buchstaben der richtigen Option enthält.',
    "es": 'Razona paso a paso. Termina con una sola línea que empiece por "{marker}" y contenga únicamente la letra de la opción correcta.',
    "ru": 'Рассуждай шаг за шагом. Закончи одной строкой, которая начинается с "{marker}" и содержит только букву правильного варианта.',
    "it": 'Ragiona passo dopo passo. Concludi con una sola riga che inizi con "{marker}" e contenga soltanto la lettera dell\'opzione corretta.',
    "pt": 'Raciocine passo a passo. Termine com uma única linha que comece com "{marker}" e contenha apenas a letra da opção correta.',
    "ja": "順を追って考えてください。最後の一行は「{marker}」で始め、正しい選択肢の文字だけを書いてください。",
    "ko": '단계별로 생각하세요. 마지막 한 줄에는 "{marker}"라고 쓴 뒤 올바른 선택지의 글자만 적으세요.',
    "zh": "请逐步推理。最后单独写一行，以“{marker}”开头，只写正确选项的字母。",
    "ar": 'فكّر خطوة بخطوة. اختم بسطر واحد يبدأ بـ "{marker}" ولا يحتوي إلا على حرف الخيار الصحيح.',
}
"""The instruction below the options, by language (ISO code). It asks for the line with the letter."""

LETTERS = string.ascii_uppercase
"""The letters of the options, in every language."""


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A question with options, of which one or several are correct."""

    question: str
    """The text before the options; empty where the options say all."""
    options: tuple[str, ...]
    correct: tuple[int, ...]
    """The indexes of the correct options. It is empty where a data set names none of the options."""
    language: str
    """ISO code; one of `INSTRUCTIONS`."""

    @property
    def letters(self) -> str:
        """The letters of the options, in their order."""
        return LETTERS[: len(self.options)]

    @property
    def prompt(self) -> str:
        """The question, the options with their letters, and the instruction how to answer."""
        options = "\n".join(
            f"{letter}. {option}" for letter, option in zip(self.letters, self.options, strict=True)
        )
        instruction = INSTRUCTIONS[self.language].format(marker=MARKERS[self.language])
        return "\n\n".join(part for part in (self.question, options, instruction) if part)

    @property
    def target(self) -> str:
        """The answer's line with a correct letter, as few-shot examples show it; empty if no option is correct."""
        marker: str = MARKERS[self.language]
        space = "" if marker.endswith("：") else " "  # a full-width colon includes its space
        return f"{marker}{space}{LETTERS[self.correct[0]]}" if self.correct else ""

    def permuted(self) -> ChoiceQuestion:
        """Return the question with its options in a random order, the same whenever the question is the same."""
        content = json.dumps([self.question, self.options], ensure_ascii=False).encode(errors="replace")
        order = list(range(len(self.options)))
        random.Random(hashlib.sha256(content).digest()).shuffle(order)  # noqa: S311 - an order, not a secret
        return replace(
            self,
            options=tuple(self.options[index] for index in order),
            correct=tuple(place for place, index in enumerate(order) if index in self.correct),
        )

    def is_correct(self, letter: str | None) -> bool:
        """Return whether a letter is that of a correct option."""
        return letter is not None and self.letters.find(letter) in self.correct


def same_options(options: Sequence[str], text: str) -> list[int]:
    """Return the indexes of the options that a text repeats word for word, apart from case and the last period."""
    wanted = _plain(text)
    return [index for index, option in enumerate(options) if wanted and _plain(option) == wanted]


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".。").strip().casefold()
