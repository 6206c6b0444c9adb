"""Write the conversation that a reward model scores as one text, or as tokens."""

from __future__ import annotations

import hashlib
from typing import Any

from fusion_eval.errors import RequestError
from fusion_eval.models.reward.conversation import request_and_response
from fusion_eval.types import Prompt


class ChatTemplate:
    """The chat template of a tokenizer.

    Args:
        name: The tokenizer's name on the Hugging Face hub, or its folder.
        tokenizer: The tokenizer, which has a chat template.
    """

    def __init__(self, name: str, tokenizer: Any) -> None:
        digest = hashlib.sha256(repr(tokenizer.chat_template).encode()).hexdigest()
        self.identity = f"{name}|{digest[:16]}"
        """Tells texts of different tokenizers apart."""
        self._tokenizer = tokenizer

    def render(self, conversation: Prompt) -> str:
        """Write a conversation as one text.

        Raises:
            RequestError: The template refuses the conversation.
        """
        return render(self._tokenizer, conversation)


def render(tokenizer: Any, conversation: Prompt) -> str:
    """Write a conversation as one text by the tokenizer's chat template.

    Raises:
        RequestError: The template refuses the conversation, for example its order of roles.
    """
    turns = [{"role": message.role, "content": message.content} for message in conversation.messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception as error:  # a template may raise anything
        raise RequestError(f"The chat template refuses the conversation: {error}") from error


def encode(tokenizer: Any, conversation: Prompt) -> list[int]:
    """Return the tokens of a conversation: by the chat template, or as a pair of texts where there is none.

    Raises:
        RequestError: The template or the tokenizer refuses the conversation.
    """
    text = render(tokenizer, conversation) if tokenizer.chat_template else None
    try:
        if text is None:
            return list(tokenizer(*request_and_response(conversation))["input_ids"])
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    except Exception as error:  # for example a TypeError, where a text is no valid Unicode
        raise RequestError(f"The tokenizer refuses the conversation: {error}") from error
