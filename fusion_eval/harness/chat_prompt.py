"""Chat messages in the form of the text that the harness passes around."""

from __future__ import annotations

from typing import Any

from fusion_eval.types import Message


class ChatPrompt(str):
    """Chat messages as a text that the harness can log. Each model renders its own template from `messages`."""

    __slots__ = ("messages",)
    messages: tuple[Message, ...]

    def __new__(cls, text: str, messages: tuple[Message, ...]) -> ChatPrompt:
        """Make a prompt that the harness hashes and logs as `text`."""
        prompt = super().__new__(cls, text)
        prompt.messages = messages
        return prompt

    def __reduce__(self) -> tuple[Any, ...]:  # for the harness's cache of requests
        return ChatPrompt, (str(self), self.messages)
